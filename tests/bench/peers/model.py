"""Our documents and write calls, without what surrounds them in the service: no validation, no guard decisions, no metrics.

Written a second time on purpose: it is the limit that the service is held against, so it must not share the service's code. The
benchmark compares the documents that both leave behind.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from confluent_kafka import Message
from pymongo import InsertOne, UpdateOne

from shared.contracts.text import fold_words

Document = dict[str, Any]
Arrived = tuple[bytes, str, int, int, int]
"""(value, topic, partition, offset, timestamp in milliseconds)."""

_words: dict[str, list[str]] = {}


def arrived(message: Message) -> Arrived:
    """Return what the model needs of a librdkafka message."""
    return message.value(), message.topic(), message.partition(), message.offset(), message.timestamp()[1]


def documents(messages: Iterable[Arrived]) -> tuple[list[Document], list[Document]]:
    """Return (attempts, entries): an attempt for each message, entries folded by key, each as its messages alone make it."""
    attempts: list[Document] = []
    entries: dict[tuple[str, int], Document] = {}
    for message in messages:
        attempt, entry = _both(message)
        attempts.append(attempt)
        place = (entry["_id"], message[2])
        entries[place] = _merged(entries[place], entry) if place in entries else entry
    return attempts, list(entries.values())


def insert_all(attempts: Sequence[Document]) -> list[InsertOne[Document]]:
    """Return the write of every attempt."""
    return [InsertOne(attempt) for attempt in attempts]


def entry_writes(entries: Sequence[Document], taken: set[str]) -> list[InsertOne[Document] | UpdateOne]:
    """Return an insert for each entry that is new, an upsert for the others."""
    writes: list[InsertOne[Document] | UpdateOne] = []
    for entry in entries:
        if entry["_id"] in taken:
            writes.append(upsert(entry))
        else:
            taken.add(entry["_id"])
            writes.append(InsertOne(entry))
    return writes


def upsert(entry: Document) -> UpdateOne:
    """Return the update that brings `entry` into what stands there: ours without its guard, so batches need no order."""
    ((partition, offset),) = entry["applied"].items()
    largest: Document = {"state": entry["state"], f"applied.{partition}": offset}
    largest.update((f"aliases.{name}", pair) for name, pair in entry["aliases"].items())
    if "last_success_at" in entry:
        largest["last_success_at"] = entry["last_success_at"]
    return UpdateOne(
        {"_id": {"$eq": entry["_id"]}},
        {
            "$max": largest,
            "$min": {"first_seen_at": entry["first_seen_at"]},
            "$addToSet": {"ids": {"$each": entry["ids"]}},
            "$inc": {"attempts": entry["attempts"]},
            "$setOnInsert": {name: entry[name] for name in ("account", "kind", "affiliate", "code")},
        },
        upsert=True,
    )


def _both(message: Arrived) -> tuple[Document, Document]:
    value, topic, partition, offset, milliseconds = message
    body = orjson.loads(value)
    data = body["data"]
    identity = f"{data['account']}|{data['kind']}|{data['affiliate']}|{data['code']}"
    digest = hashlib.sha256(f"{body['source']}\x00{body['id']}".encode()).hexdigest()[:32]
    at = datetime.fromisoformat(data["processed_at"])
    order = data["processed_at"][:-1].rstrip("0").rstrip(".")
    status, payload = data["status"], data.get("payload")
    causes = [] if status == "processing" else [{**cause, "evidence": None} for cause in data["causes"]]
    version = [order, -1, body["source"], body["id"]]
    received = datetime.fromtimestamp(milliseconds / 1000, UTC)
    common = {
        "version": version,
        "status": status,
        "processed_at": at,
        "received_at": received,
        "sequence": None,
        "reprocess_id": None,
    }
    attempt = {
        "_id": f"{identity}\x1f{digest}",
        "address": {"topic": topic, "partition": partition, "offset": offset},
        **common,
        "source": body["source"],
        "event_id": body["id"],
        "aliases": data["aliases"],
        "causes": causes,
        "payload": payload,
    }
    entry = {
        "_id": identity,
        "account": data["account"],
        "kind": data["kind"],
        "affiliate": data["affiliate"],
        "code": data["code"],
        "state": {**common, "causes": causes, "payload": payload, "words": _words_of(causes)},
        "aliases": {name: [order, text] for name, text in data["aliases"].items()},
        "ids": sorted({data["code"].lower(), *(text.lower() for text in data["aliases"].values())}),
        "first_seen_at": at,
        **({"last_success_at": at} if status == "success" else {}),
        "attempts": 1,
        "applied": {str(partition): offset},
    }
    return attempt, entry


def _words_of(causes: Sequence[Document]) -> list[str]:
    found: list[str] = []
    for cause in causes:
        message = cause["message"]
        if message not in _words:
            _words[message] = fold_words([message])
        found += _words[message]
    return found


def _merged(older: Document, newer: Document) -> Document:
    winner, loser = (newer, older) if newer["state"]["version"] >= older["state"]["version"] else (older, newer)
    success = [one["last_success_at"] for one in (older, newer) if "last_success_at" in one]
    return {
        **winner,
        "aliases": {**loser["aliases"], **winner["aliases"]},
        "ids": sorted({*older["ids"], *newer["ids"]}),
        "first_seen_at": min(older["first_seen_at"], newer["first_seen_at"]),
        **({"last_success_at": max(success)} if success else {}),
        "attempts": older["attempts"] + newer["attempts"],
        "applied": newer["applied"],
    }
