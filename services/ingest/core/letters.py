"""A record of the dead-letter topic → the document that is kept of it."""

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from services.ingest.core.shapes.foreign import ItemKey, plain_name
from shared.contracts.events import NAME
from shared.contracts.letter_classes import ERROR_CLASSES, UNKNOWN
from shared.contracts.names import (
    ENVELOPE_BYTES,
    EVENTS_MAX_MESSAGE_BYTES,
    HEADER_ERROR_CLASS,
    HEADER_ERROR_MESSAGE,
    HEADER_ORIGINAL_OFFSET,
    HEADER_ORIGINAL_PARTITION,
    HEADER_ORIGINAL_TOPIC,
    HEADER_REPLAYED_LETTER,
    KINDS,
)
from shared.contracts.read_json import read_json
from shared.contracts.records import Address, Headers, Record
from shared.contracts.times import to_milliseconds

Document = dict[str, Any]

OURS: Final = frozenset(
    {
        HEADER_ORIGINAL_TOPIC,
        HEADER_ORIGINAL_PARTITION,
        HEADER_ORIGINAL_OFFSET,
        HEADER_ERROR_CLASS,
        HEADER_ERROR_MESSAGE,
    }
)
"""Headers that we put on behind all others: of a name that stands twice the last is ours, and those before it the publisher's."""

FOREIGN_ACCOUNTS: Final = frozenset({"an", "accountname"})
"""Fields in which a change notification and an order result name their account, by plain name."""

KEPT_BYTES: Final = EVENTS_MAX_MESSAGE_BYTES + ENVELOPE_BYTES
"""The topic takes nothing longer; should it be widened, the document still fits and the letter is replayed by its address only."""

KEPT_FOR: Final = timedelta(days=30)
DIGEST_LETTERS: Final = 12
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_TOPIC: Final = re.compile(r"[A-Za-z0-9_.-]{1,249}")


def letter_document(record: Record, *, operator: str, now: datetime, keep_for: timedelta = KEPT_FOR) -> Document:
    """Return the document of a dead letter. One that nobody's account stands in, or two different ones, is the operator's."""
    own, theirs = parted_headers(record)
    original = _original(record, own)
    message = _object_in(record.value)
    body = _data_of(message)
    keys = [_parts(record.key), *_subject_of(message, theirs)]
    kind = _kind_of(keys, body, original.topic)
    document: Document = {
        "_id": f"{original.topic}:{original.partition}:{original.offset}:{_digest(record, theirs)}",
        "account": _owner_of(keys, body) or operator,
        **({"kind": kind} if kind else {}),
        "original": {"topic": original.topic, "partition": original.partition, "offset": original.offset},
        "letter": {"partition": record.address.partition, "offset": record.address.offset},
        **_why(own),
        "received_at": to_milliseconds(_received_at(record, now)),
        "expires_at": to_milliseconds(now + keep_for),
        "key": record.key,
        "value": None if record.value is None else record.value[:KEPT_BYTES],
        "size": len(record.value or b""),
        "headers": [[name, value] for name, value in theirs],
        "state": "open",
    }
    if previous := own.get(HEADER_REPLAYED_LETTER):
        document["previous"] = previous
    return document


def parted_headers(letter: Record) -> tuple[dict[str, str], Headers]:
    """Return our own headers of a dead letter as text, and the publisher's as they came; whatever their names, those go back to its topic."""
    last = {name: at for at, (name, _) in enumerate(letter.headers) if name in OURS}
    own = [letter.headers[at] for at in last.values()]
    theirs = [header for at, header in enumerate(letter.headers) if last.get(header[0]) != at]
    if _ends_with_mark(theirs):
        own.append(theirs.pop())
    return {name: value.decode(errors="replace") for name, value in own if value is not None}, theirs


def _why(own: dict[str, str]) -> Document:
    """Letters are filtered by the classes that we know; another one, perhaps of a newer worker, is told in the message."""
    named, message = own.get(HEADER_ERROR_CLASS, ""), own.get(HEADER_ERROR_MESSAGE, "")
    if named in ERROR_CLASSES:
        return {"error_class": named, "error_message": message}
    return {"error_class": UNKNOWN, "error_message": f"{named[:100]}: {message}" if named else message}


def is_replayed(record: Record) -> bool:
    """Say whether the record is a dead letter that somebody sent back."""
    return _ends_with_mark(record.headers)


def _ends_with_mark(headers: Headers) -> bool:
    return bool(headers) and headers[-1][0] == HEADER_REPLAYED_LETTER


def _original(record: Record, own: dict[str, str]) -> Address:
    topic, *places = (
        own.get(n, "") for n in (HEADER_ORIGINAL_TOPIC, HEADER_ORIGINAL_PARTITION, HEADER_ORIGINAL_OFFSET)
    )
    if _TOPIC.fullmatch(topic) and all(map(_NUMBER.fullmatch, places)):
        return Address(topic, int(places[0]), int(places[1]))
    return record.address  # put there by somebody else: still a letter


def _digest(record: Record, theirs: Headers) -> str:
    content = hashlib.sha256(repr((record.key, theirs)).encode())
    content.update(record.value or b"")
    return content.hexdigest()[:DIGEST_LETTERS]


def _received_at(record: Record, now: datetime) -> datetime:
    is_told = record.timestamp.year > 1970  # noqa: PLR2004  # the epoch stands for a missing timestamp
    return min(record.timestamp, now) if is_told else now


def _owner_of(keys: Sequence[Sequence[str]], body: Document) -> str | None:
    said = {name for name in (*map(_account_in, keys), *_accounts_of(body)) if isinstance(name, str)}
    named = [name for name in said if NAME.fullmatch(name)]
    return named[0] if len(named) == 1 else None


def _accounts_of(body: Document) -> list[Any]:
    """Return what a body names as its account, by our own name, or by those of the shapes of others."""
    if "account" in body:
        return [body["account"]]
    return [value for name, value in body.items() if plain_name(name) in FOREIGN_ACCOUNTS]


def _account_in(parts: Sequence[str]) -> str | None:
    return parts[0] if len(parts) > 1 else None


def _kind_of(keys: Sequence[Sequence[str]], body: Document, topic: str) -> str | None:
    said = (*(parts[1] for parts in keys if len(parts) > 1), body.get("kind"), topic.rpartition(".")[2])
    return next((kind for kind in said if isinstance(kind, str) and kind in KINDS), None)


def _parts(key: bytes | None) -> list[str]:
    return (key or b"").decode(errors="replace").split("|")


def _subject_of(message: Document, headers: Headers) -> list[list[str]]:
    """Return the parts of a CloudEvents subject that names an item as a key does, which publishers without keys may send; else none."""
    told = dict(headers).get("ce_subject") or message.get("subject")
    subject = told.decode(errors="replace") if isinstance(told, bytes) else told
    parts = subject.split("|", 3) if isinstance(subject, str) else []
    return [parts] if len(parts) == len(ItemKey._fields) else []


def _object_in(value: bytes | None) -> Document:
    try:
        found = read_json(value or b"")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _data_of(message: Document) -> Document:
    """Return the data of an envelope, or what is no envelope as it is."""
    inner, encoded = message.get("data"), message.get("data_base64")
    if isinstance(inner, dict):
        return inner
    try:
        return message if inner is not None or encoded is None else _object_in(base64.b64decode(encoded))
    except (TypeError, ValueError):
        return message
