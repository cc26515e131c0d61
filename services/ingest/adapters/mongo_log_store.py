"""Attempts and log entries in MongoDB: plain inserts and plain-operator upserts, unordered, majority and journaled."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from services.ingest.core.fold import EntryUpdate
from services.ingest.core.plan import Applied, PlannedAttempt
from services.ingest.handlers.ports import Answer, AttemptsRecorded, EntriesWritten
from shared.contracts.entries import Document
from shared.contracts.errors import OutcomeUnknown, StoreUnavailable
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from shared.contracts.records import Address
from shared.contracts.times import to_milliseconds
from shared.mongo.client import Database
from shared.mongo.errors import DUPLICATE_KEY, TRANSIENT_CODES, translated

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024

Operation = InsertOne[Document] | InsertOne[RawBSONDocument] | UpdateOne


class MongoLogStore:
    """The port LogStore on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._attempts: AsyncCollection[Document] = database[ATTEMPTS]

    async def ping(self) -> None:
        """Raise unless the server answers: a health check."""
        with translated():
            await self._database.command("ping")

    async def record_attempts(self, attempts: Sequence[PlannedAttempt]) -> AttemptsRecorded:
        """Insert those that are not there yet, each proved encodable before it joins the others."""
        encoded, unstorable = _encode_each(attempts)
        errors = await self._write(self._attempts, [InsertOne(document) for _, document in encoded])
        for position, error in errors.items():
            if error["code"] != DUPLICATE_KEY:
                unstorable[encoded[position][0]] = _reason(error)
        present = frozenset(encoded[position][0] for position in errors) - unstorable.keys()
        return AttemptsRecorded(present, unstorable)

    async def find_addresses(self, attempt_ids: Sequence[str]) -> Mapping[str, Address]:
        """Return where each attempt was first delivered."""
        with translated():
            found = await self._attempts.find(_any_of(attempt_ids), {"address": 1}).to_list()
        return {document["_id"]: Address(**document["address"]) for document in found if "address" in document}

    async def forget_attempts(self, attempt_ids: Sequence[str]) -> None:
        """Delete these attempts."""
        with translated():
            await self._attempts.delete_many(_any_of(attempt_ids))

    async def find_applied(self, entry_ids: Sequence[str]) -> Applied:
        """Return what each entry has counted."""
        with translated():
            found = await self._entries.find(_any_of(entry_ids), {"applied": 1}).to_list()
        return {document["_id"]: document.get("applied", {}) for document in found}

    async def write_entries(self, updates: Sequence[EntryUpdate]) -> EntriesWritten:
        """Apply each update alone; a counted one creates its entry."""
        new, changes = await self._split(updates)
        created = await self._write(self._entries, [InsertOne(update.document()) for update in new])
        changed = await self._write(
            self._entries,
            [UpdateOne(update.filter(), update.operators(), upsert=update.counted) for update in changes],
        )
        errors = [(new[at].place, error) for at, error in created.items()]
        errors += [(changes[at].place, error) for at, error in changed.items()]
        return EntriesWritten(
            conflicts=frozenset(place for place, error in errors if error["code"] == DUPLICATE_KEY),
            unstorable={place: _reason(error) for place, error in errors if error["code"] != DUPLICATE_KEY},
        )

    async def _split(self, updates: Sequence[EntryUpdate]) -> tuple[list[EntryUpdate], list[EntryUpdate]]:
        """Return (those that make an entry, the others). An insert costs MongoDB a fifth of an upsert, a look by `_id` next to
        nothing; an entry that someone else makes in between is a conflict like any other.
        """
        with translated():
            found = await self._entries.find(_any_of([update.entry_id for update in updates]), {"_id": 1}).to_list()
        taken = {document["_id"] for document in found}
        new: list[EntryUpdate] = []
        changes: list[EntryUpdate] = []
        for update in updates:
            is_new = update.counted and update.entry_id not in taken
            taken.add(update.entry_id)
            (new if is_new else changes).append(update)
        return new, changes

    async def mark_answered(self, answers: Sequence[Answer]) -> None:
        """Set `reprocess.state` where the job's mark stands and is not answered yet."""
        await self._write(self._entries, [_answer(answer) for answer in answers])

    async def _write(
        self, collection: AsyncCollection[Any], operations: Sequence[Operation]
    ) -> dict[int, Mapping[str, Any]]:
        """Return the errors of single operations by position. Raise Transient when a repeat may help."""
        if not operations:
            return {}
        try:
            with translated():
                await _unordered(collection, operations)
        except _ItemsFailed as failed:
            return failed.errors
        return {}


class _ItemsFailed(Exception):
    def __init__(self, errors: dict[int, Mapping[str, Any]]) -> None:
        super().__init__()
        self.errors = errors


async def _unordered(collection: AsyncCollection[Any], operations: Sequence[Operation]) -> None:
    try:
        await collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        _sort_out(error)


def _sort_out(error: BulkWriteError) -> NoReturn:
    if concerns := error.details.get("writeConcernErrors"):
        msg = f"written, but perhaps not durable: {concerns[0].get('errmsg')}"
        raise OutcomeUnknown(msg) from error
    errors = {item["index"]: item for item in error.details.get("writeErrors", ())}
    for item in errors.values():
        if item["code"] in TRANSIENT_CODES:
            raise StoreUnavailable(_reason(item)) from error
    raise _ItemsFailed(errors) from error


def _encode_each(
    attempts: Iterable[PlannedAttempt],
) -> tuple[list[tuple[str, RawBSONDocument]], dict[str, str]]:
    encoded: list[tuple[str, RawBSONDocument]] = []
    unstorable: dict[str, str] = {}
    for attempt in attempts:
        try:
            raw = bson.encode(attempt.document)
        except Exception as error:  # noqa: BLE001  # OverflowError, RecursionError and others come out of the encoder
            unstorable[attempt.id] = f"{type(error).__name__}: {error}"
            continue
        if len(raw) > MAX_DOCUMENT_BYTES:
            unstorable[attempt.id] = f"{len(raw)} bytes as a document, MongoDB takes {MAX_DOCUMENT_BYTES}"
        else:
            encoded.append((attempt.id, RawBSONDocument(raw)))
    return encoded, unstorable


def _any_of(ids: Sequence[str]) -> Document:
    return {"_id": {"$in": list(ids)}}


def _answer(answer: Answer) -> UpdateOne:
    return UpdateOne(
        {
            "_id": {"$eq": answer.entry_id},
            "reprocess.id": {"$eq": answer.reprocess_id},
            "reprocess.state": {"$ne": "answered"},
        },
        {"$set": {"reprocess.state": "answered", "reprocess.answered_at": to_milliseconds(answer.answered_at)}},
    )


def _reason(error: Mapping[str, Any]) -> str:
    return f"MongoDB error {error.get('code')}: {error.get('errmsg')}"
