"""Attempts and log entries in MongoDB: inserts, and updates with `$set` alone; unordered, majority and journaled. The driver need not repeat
them: whatever is told twice is planned anew, and recognised.

Reads are majority reads. An event that is found here is not written again, so it must be durable already: a local read would take the
word of a primary for it that may be deposed with the write.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from services.ingest.adapters.entry_bytes import REFERENCE, entry_bytes
from services.ingest.adapters.held_bytes import FIELDS, KeptState, attempt_of_kept, held_of
from services.ingest.core.fold import Held, PastAttempt, PastState
from services.ingest.core.plan import Change, Stored, Unordered
from services.ingest.handlers.ports import Answer, AttemptsStored, ChangesWritten, Found
from shared.contracts.entries import Document
from shared.contracts.errors import OutcomeUnknown, StoreUnavailable
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from shared.contracts.records import Address
from shared.contracts.times import to_milliseconds
from shared.mongo.client import Database
from shared.mongo.errors import DUPLICATE_KEY, TRANSIENT_CODES, translated
from shared.mongo.queries import attempts_of

HELD_BYTES: Final = 8 * 1024 * 1024
"""Of entries, held in memory at once: a small event may meet a large one, and what is held goes back as history."""

AT_ONCE: Final = 50
"""Entries that are read before their bytes are added up."""

STRETCH: Final = 5_000
"""Attempts that are put in order by one command, some tenths of a second: those of an item with a hundred thousand, at its first event since
there is an order, would take longer than an answer is waited for."""

BY_ID: Final = [("_id", 1)]

MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
RAW: Final = CodecOptions(document_class=RawBSONDocument, tz_aware=True)
"""A state that gives way is stored among the attempts as the bytes that came; only its outermost level is read."""


class MongoLogStore:
    """The port LogStore on one database."""

    def __init__(self, database: Database, *, held_bytes: int = HELD_BYTES) -> None:
        self._held_bytes = held_bytes
        self._database = database
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._attempts: AsyncCollection[Document] = database[ATTEMPTS]
        durable = ReadConcern("majority")
        self._found = self._entries.with_options(codec_options=RAW, read_concern=durable)
        self._stored = self._attempts.with_options(read_concern=durable)
        self._counts = self._entries.with_options(read_concern=durable)

    async def ping(self) -> None:
        """Raise unless the server answers: a health check."""
        with translated():
            await self._database.command("ping")

    async def find_entries(self, entry_ids: Sequence[str]) -> Found:
        """Return what is held of each, by the order of their ids, until that takes `held_bytes`."""
        held: dict[str, Held] = {}
        size = 0
        with translated():
            async with self._found.find(
                _any_of(entry_ids), FIELDS, sort=BY_ID, batch_size=len(entry_ids) + 1
            ) as cursor:
                while stretch := await cursor.to_list(AT_ONCE):
                    held.update(map(held_of, stretch))
                    size += sum([len(one.raw) for one in stretch])
                    if size >= self._held_bytes:
                        last = stretch[-1]["_id"].encode()
                        return Found(held, [one for one in entry_ids if one.encode() > last])
        return Found(held)

    async def find_attempts(self, attempt_ids: Sequence[str]) -> Stored:
        """Return the address of each."""
        if not attempt_ids:
            return {}
        with translated():
            ids = _any_of(attempt_ids)
            found = await self._stored.find(ids, {"address": 1}, batch_size=len(attempt_ids) + 1).to_list()
        return {one["_id"]: Address(**one["address"]) if "address" in one else None for one in found}

    async def store_attempts(self, attempts: Sequence[PastAttempt]) -> AttemptsStored:
        """Insert those that are not there yet, each proved encodable before it joins the others."""
        unstorable: dict[str, str] = {}
        encoded = [(attempt, raw) for attempt in attempts if (raw := _past(attempt, unstorable)) is not None]
        errors = await _insert(self._attempts, [raw for _, raw in encoded])
        there = [encoded[position][0] for position, error in errors.items() if error["code"] == DUPLICATE_KEY]
        unstorable |= {
            encoded[position][0].id: _reason(error)
            for position, error in errors.items()
            if error["code"] != DUPLICATE_KEY
        }
        if counted := [_counted(attempt) for attempt in there if isinstance(attempt, PastState)]:
            with translated():
                await self._attempts.bulk_write(counted, ordered=False)
        present = frozenset(attempt.id for attempt in there if not isinstance(attempt, PastState))
        return AttemptsStored(present, unstorable)

    async def put_in_order(self, histories: Sequence[Unordered]) -> None:
        """Set `entry`, of a whole history a stretch of ids after the other."""
        with translated():
            for one in histories:
                if one.ids is None:
                    await self._put_all_in_order(one.entry_id)
                else:
                    await self._name(one.entry_id, {"$in": list(one.ids)})

    async def _put_all_in_order(self, entry_id: str) -> None:
        rest = dict(attempts_of(entry_id))
        while True:
            stretch = await self._attempts.find({"_id": rest}, {"_id": 1}, sort=BY_ID, limit=STRETCH).to_list()
            if stretch:
                await self._name(entry_id, {**rest, "$lte": stretch[-1]["_id"]})
            if len(stretch) < STRETCH:
                return
            rest["$gt"] = stretch[-1]["_id"]

    async def _name(self, entry_id: str, ids: Document) -> None:
        await self._attempts.update_many({"_id": ids, "entry": {"$exists": False}}, {"$set": {"entry": entry_id}})

    async def forget_attempts(self, attempt_ids: Sequence[str]) -> None:
        """Delete these attempts."""
        with translated():
            await self._attempts.delete_many(_any_of(attempt_ids))

    async def write_entries(self, changes: Sequence[Change]) -> ChangesWritten:
        """Insert the new ones, set the fields of the others, each proved encodable alone."""
        created, changed = await asyncio.gather(self._create(changes), self._change(changes))
        return ChangesWritten(
            conflicts=created.conflicts | changed.conflicts, unstorable={**created.unstorable, **changed.unstorable}
        )

    async def _create(self, changes: Sequence[Change]) -> ChangesWritten:
        unstorable: dict[str, str] = {}
        encoded = [
            (change.entry_id, raw)
            for change in changes
            if change.held is None and (raw := _new(change, unstorable)) is not None
        ]
        failed = await _insert(self._entries, [raw for _, raw in encoded])
        errors = {encoded[position][0]: error for position, error in failed.items()}
        return _written(errors, unstorable)

    async def _change(self, changes: Sequence[Change]) -> ChangesWritten:
        unstorable: dict[str, str] = {}
        encoded = [
            (change, UpdateOne({"_id": change.entry_id, "attempts": change.held.attempts}, raw))
            for change in changes
            if change.held is not None
            and (raw := _encode({"$set": change.fields()}, change.entry_id, unstorable)) is not None
        ]
        result = await _update(self._entries, [update for _, update in encoded])
        errors = {encoded[position][0].entry_id: error for position, error in result.errors.items()}
        written = _written(errors, unstorable)
        if result.matched + len(errors) == len(encoded):
            return written
        # The server tells only how many updates found no entry as it had been.
        sent = {change.entry_id: change for change, _ in encoded if change.entry_id not in errors}
        return ChangesWritten(written.conflicts | await self._missed(sent), written.unstorable)

    async def _missed(self, sent: Mapping[str, Change]) -> frozenset[str]:
        with translated():
            found = await self._counts.find(_any_of(list(sent)), {"attempts": 1, "applied": 1}).to_list()
        counts = {document["_id"]: document for document in found}
        return frozenset(
            identity for identity, change in sent.items() if not _is_as_set(counts.get(identity, {}), change)
        )

    async def mark_answered(self, answers: Sequence[Answer]) -> None:
        """Set `reprocess.state` where the job's mark stands and is not answered yet."""
        await _update(self._entries, [_answer(answer) for answer in answers])


@dataclass(frozen=True, slots=True)
class _Result:
    """How many updates found their document, and the errors of single operations by position."""

    matched: int = 0
    errors: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


async def _insert(
    collection: AsyncCollection[Any], documents: Sequence[RawBSONDocument]
) -> Mapping[int, Mapping[str, Any]]:
    """Insert unordered. Return the errors of single documents by position. Raise Transient when a repeat may help."""
    if not documents:
        return {}
    with translated():
        try:
            await collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return _result_of(error).errors
    return {}


async def _update(collection: AsyncCollection[Any], updates: Sequence[UpdateOne]) -> _Result:
    """Update unordered. Raise Transient when a repeat may help."""
    if not updates:
        return _Result()
    with translated():
        try:
            return _Result(matched=(await collection.bulk_write(updates, ordered=False)).matched_count)
        except BulkWriteError as error:
            return _result_of(error)


def _result_of(error: BulkWriteError) -> _Result:
    if concerns := error.details.get("writeConcernErrors"):
        msg = f"written, but perhaps not durable: {concerns[0].get('errmsg')}"
        raise OutcomeUnknown(msg) from error
    errors = {item["index"]: item for item in error.details.get("writeErrors", ())}
    for item in errors.values():
        if item["code"] in TRANSIENT_CODES:
            raise StoreUnavailable(_reason(item)) from error
    return _Result(error.details.get("nMatched", 0), errors)


def _is_as_set(document: Mapping[str, Any], change: Change) -> bool:
    # Another writer may have come to the same count, but only this one, or its double, to the same offsets as well.
    fields = change.fields()
    applied = document.get("applied", {})
    return document.get("attempts") == fields["attempts"] and all(
        applied.get(path.removeprefix("applied.")) == value
        for path, value in fields.items()
        if path.startswith("applied.")
    )


def _written(errors: Mapping[str, Mapping[str, Any]], unstorable: Mapping[str, str]) -> ChangesWritten:
    return ChangesWritten(
        conflicts=frozenset(identity for identity, error in errors.items() if error["code"] == DUPLICATE_KEY),
        unstorable={
            **unstorable,
            **{identity: _reason(error) for identity, error in errors.items() if error["code"] != DUPLICATE_KEY},
        },
    )


def _new(change: Change, unstorable: dict[str, str]) -> RawBSONDocument | None:
    """Return the bytes of the entry to insert; None, and the reason in `unstorable`, when MongoDB cannot hold it."""
    at_once = entry_bytes(change.deliveries[0]) if len(change.deliveries) == 1 else None
    if at_once is None or len(at_once) > MAX_DOCUMENT_BYTES:
        return _encode(change.document(), change.entry_id, unstorable)
    return RawBSONDocument(at_once)


def _past(attempt: PastAttempt, unstorable: dict[str, str]) -> RawBSONDocument | None:
    """Return the bytes of the attempt to insert; None, and the reason in `unstorable`, when MongoDB cannot hold it."""
    if isinstance(attempt, PastState) and isinstance(attempt.state, KeptState):  # it is shorter than its entry was
        return RawBSONDocument(attempt_of_kept(attempt.id, attempt.state, attempt.entry))
    return _encode(attempt.document(), attempt.id, unstorable)


def _counted(attempt: PastState) -> UpdateOne:
    """Return what makes of an attempt that is there that of a state."""
    named = {} if attempt.entry is None else {"$set": {"entry": attempt.entry}}
    return UpdateOne({"_id": attempt.id}, {"$unset": {"address": 1}, **named})


def _encode(document: Any, identity: str, unstorable: dict[str, str]) -> RawBSONDocument | None:
    """Return the document's bytes; None, and the reason in `unstorable`, when MongoDB cannot hold it."""
    try:
        raw = bson.encode(document)
        if REFERENCE in raw:
            raw = bson.encode(_without_references(document))
    except MemoryError:  # says nothing of the document
        raise
    except Exception as error:  # noqa: BLE001  # OverflowError, RecursionError and others come out of the encoder
        unstorable[identity] = f"{type(error).__name__}: {error}"
        return None
    if len(raw) > MAX_DOCUMENT_BYTES:
        unstorable[identity] = f"{len(raw)} bytes as a document, MongoDB takes {MAX_DOCUMENT_BYTES}"
        return None
    return RawBSONDocument(raw)


def _without_references(value: Any) -> Any:
    """Return what a publisher wrote, with a blank behind the name in each object that the driver would give back as a DBRef."""
    if isinstance(value, list):
        return [_without_references(child) for child in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _without_references(child) for name, child in value.items()}
    if "$ref" in kept and "$id" in kept:
        kept["$ref "] = kept.pop("$ref")
    return kept


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
