"""Documents as ingest writes them, built by the shared helpers: the log without Kafka."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from services.query.adapters.mongo_keys import MongoKeys
from services.query.core.keys import ApiKey, prefix_of
from shared.contracts.entries import alias_pairs, attempt_document, search_ids, state_document
from shared.contracts.events import IntegrationEvent
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from shared.contracts.records import Address
from shared.contracts.stored_secrets import digest_of
from shared.contracts.times import to_milliseconds
from shared.mongo.client import Database, Document
from shared.runtime.clock import now
from tests.support.builders import make_event


def entry_document(events: Iterable[IntegrationEvent], **changes: Any) -> Document:
    """Return the document of the entry that `events`, all of one item, come to; the newest one gives the state."""
    told = sorted(events, key=lambda event: event.version)
    newest = told[-1]
    data = newest.data
    successes = [to_milliseconds(event.order_at) for event in told if event.data.status == "success"]
    aliases = {name: pair for event in told for name, pair in alias_pairs(event).items()}
    return {
        "_id": newest.entry_id,
        "account": data.account,
        "kind": data.kind,
        "affiliate": data.affiliate,
        "code": data.code,
        "state": state_document(newest),
        "aliases": aliases,
        "ids": sorted({identity for event in told for identity in search_ids(event)}),
        "first_seen_at": min(to_milliseconds(event.processed_at) for event in told),
        **({"last_success_at": max(successes)} if successes else {}),
        "attempts": len(told),
        "applied": {"0": 0},
        **changes,
    }


def history_documents(entry: Document, events: Iterable[IntegrationEvent]) -> list[Document]:
    """Return the documents of the attempts before the state of `entry`, the document of what `events` come to."""
    named = {"entry": entry["_id"]} if entry.get("in_order") == entry["attempts"] else {}
    older = sorted(events, key=lambda event: event.version)[:-1]
    return [{**attempt_document(event, Address("integration.events.order", 0, 0)), **named} for event in older]


async def seed_entry(database: Database, *events: IntegrationEvent, **changes: Any) -> Document:
    """Store an entry and its history, in order if `changes` say that it is; return the entry's document."""
    document = entry_document(events, **changes)
    await database[LOG_ENTRIES].insert_one(document)
    if history := history_documents(document, events):
        await database[ATTEMPTS].insert_many(history)
    return document


async def seed_entries(database: Database, many: Iterable[dict[str, Any]]) -> list[Document]:
    """Store one entry of one event for each set of changes to the default event; no attempts."""
    documents = [entry_document([make_event(**changes)]) for changes in many]
    await database[LOG_ENTRIES].insert_many(documents)
    return documents


async def seed_key(database: Database, account: str, *scopes: str, **changes: Any) -> str:
    """Store an API key and return it. `changes` are fields of ApiKey, such as `expires_at`."""
    secret = uuid4().hex
    key = ApiKey(
        id=digest_of(secret)[:16],
        account=account,
        name="test",
        scopes=frozenset(scopes),
        prefix=prefix_of(secret),
        created_at=to_milliseconds(now()),
    )
    await MongoKeys(database, time_limit_ms=5000, now=now).add_key(replace(key, **changes), digest_of(secret))
    return secret
