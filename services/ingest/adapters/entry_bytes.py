"""The document of a new entry as BSON, for the one event that nearly every new entry has: what repeats is remembered, the rest joined to it.

`bson.encode` asks each value what it is, and most of an entry is what the one before it had: names, whose it is, what the marketplace
says. Such stretches are encoded by `bson.encode` once. What differs is a dozen texts and instants, which are written here. That halves
the dearest step of ingest (decision 0014). Whatever is longer or rarer than usual is left to `bson.encode`; tests hold the two against
each other, byte by byte.

In BSON an element is its type, its name, a NUL and its value; a text is the length of its bytes with a NUL behind them; a document is
its length, its elements and a NUL, an array a document whose names are 0, 1, 2 …
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any, Final

import bson

from services.ingest.core.fold import Delivery
from shared.contracts.entries import (
    MAX_ALIASES,
    causes_of,
    escape_name,
    finding_facts,
    search_ids,
)
from shared.contracts.events import IntegrationEvent
from shared.contracts.text import USUAL_LENGTH

REFERENCE: Final = b"$ref\x00"
"""The name of a field that makes an object a reference, as BSON has it: found among all bytes, since hardly any event holds it."""

_LONGEST: Final = 1023
"""Bytes of a text that is written here."""

_AROUND: Final = 5
"""Bytes of a document beside its elements: its length, and the NUL at its end."""

_AROUND_TEXT: Final = 8
"""Bytes of an element of an array beside its text: type, name, NUL, length, and the NUL behind it."""

_int32: Final = Struct("<i").pack
_int64: Final = Struct("<q").pack
_LARGEST_INT32: Final = 2**31 - 1
_LENGTHS: Final = [_int32(length + 1) for length in range(_LONGEST + 1)]
"""The length of a text, with its NUL, by the bytes that it has."""

_FEW: Final = 4
"""Causes whose bytes are remembered together: a list of a thousand does not come twice."""

_ITEMS: Final = [b"\x02%d\x00" % number for number in range(MAX_ALIASES + 1)]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class _Unusual(ValueError):
    """Left to `bson.encode`, which knows what to do or why it cannot be done."""


def entry_bytes(delivery: Delivery) -> bytes | None:
    """Return what `bson.encode(new_entry([delivery]))` returns; None where that is to be asked itself."""
    try:
        return _entry(delivery)
    except Exception:  # noqa: BLE001  # OverflowError, RecursionError and others come out of the encoder, which will say it again
        return None


def _entry(delivery: Delivery) -> bytes:
    event = delivery.event
    data, marks = event.data, event.marks
    order, sequence, source, event_id = event.version
    if len(source) > _LONGEST:
        raise _Unusual
    raw = order.encode()
    first = b"".join((b"\x020\0", _LENGTHS[len(raw)], raw, b"\0"))
    names, pairs = _aliases(data.aliases, first)
    ids = _ids(event)
    told, found = _causes(event)
    processed_at = _int64((event.processed_at - _EPOCH) // _MILLISECOND)
    order_at = processed_at if event.order_at is event.processed_at else _instant(event.order_at)

    raw, code = event.entry_id.encode(), data.code.encode()
    begin = b"".join(
        (
            b"\x02_id\0", _LENGTHS[len(raw)], raw, b"\0",
            _whose(data.account, data.kind, data.affiliate), b"\x02code\0", _LENGTHS[len(code)], code, b"\0\x03state\0",
        )
    )  # fmt: skip

    second = _BEFORE_ALL if sequence < 0 else _integer(b"1\0", sequence)
    third, raw = _third(source), event_id.encode()
    payload = b"" if data.payload_json is None else data.payload_json.encode()
    state = b"".join(
        (
            b"\x04version\0", _int32(len(first) + len(second) + len(third) + _AROUND_TEXT + len(raw) + _AROUND), first, second, third,
            b"\x023\0", _LENGTHS[len(raw)], raw, b"\0\0", _status(data.status), processed_at,
            b"\x09received_at\0", _instant(event.received_at),
            b"\x0asequence\0" if sequence < 0 else _integer(b"sequence\0", sequence),
            b"\x0areprocess_id\0" if data.reprocess_id is None else _elements({"reprocess_id": data.reprocess_id}),
            b"\x03aliases\0", _int32(len(names) + _AROUND), names, b"\0", told,
            b"".join((b"\x02payload_json\0", _int32(len(payload) + 1), payload, b"\0")) if payload else b"",
            _checked({**marks, **({"extra": data.extra} if data.extra else {})}) if marks or data.extra else b"",
            found,
        )
    )  # fmt: skip

    offset = delivery.address.offset
    applied = _integer(_name(delivery.partition), offset)
    end = b"".join(
        (
            b"\0\x03aliases\0", _int32(len(pairs) + _AROUND), pairs, b"\0\x04ids\0", _int32(len(ids) + _AROUND), ids,
            b"\0\x09first_seen_at\0", order_at,
            b"\x09last_success_at\0" + order_at if data.status == "success" else b"",
            b"\x10attempts\0\1\0\0\0\x03applied\0", _int32(len(applied) + _AROUND), applied, b"\0\0",
        )
    )  # fmt: skip
    length = len(state) + _AROUND
    size = 4 + len(begin) + 4 + len(state) + len(end)  # `end` begins with the NUL of `state`, and ends with its own
    return b"".join((_int32(size), begin, _int32(length), state, end))


def _aliases(told: Mapping[str, str | None], first: bytes) -> tuple[bytes, bytes]:
    """Return the elements of `state.aliases` and of `aliases`; `first` is the first of each pair."""
    if len(told) > MAX_ALIASES:
        raise _Unusual
    around = len(first) + _AROUND_TEXT + _AROUND - 1  # one is counted in _LENGTHS
    names: list[bytes] = []
    pairs: list[tuple[str, bytes]] = []
    for name, value in told.items():
        if len(name) > _LONGEST:
            raise _Unusual
        plain, escaped = _alias(name)
        if value is None:
            names += (b"\x0a", plain)
            continue
        raw = value.encode()
        text = b"".join((_LENGTHS[len(raw)], raw, b"\0"))
        names += (b"\x02", plain, text)
        if value:
            pairs.append((name, b"".join((escaped, _LENGTHS[around + len(raw)], first, b"\x021\0", text, b"\0"))))
    pairs.sort()
    return b"".join(names), b"".join([pair for _, pair in pairs])


def _ids(event: IntegrationEvent) -> bytes:
    elements: list[bytes] = []
    for item, text in zip(_ITEMS, search_ids(event), strict=False):  # there are no more ids than aliases and one
        raw = text.encode()
        elements += (item, _LENGTHS[len(raw)], raw, b"\0")
    return b"".join(elements)


def _causes(event: IntegrationEvent) -> tuple[bytes, bytes]:
    """Return the elements of the causes, and of what makes them findable."""
    causes = causes_of(event)
    if not causes:
        return _NO_CAUSES, _NOTHING_FOUND
    if len(causes) <= _FEW:
        told = tuple([(one["code"], one["message"], one["field"]) for one in causes if _is_bare(one)])
        if len(told) == len(causes):
            return _usual_causes(event.data.kind, told)
    return _checked({"causes": causes}), _elements(finding_facts(event.data.kind, causes))


def _is_bare(cause: Mapping[str, Any]) -> bool:
    """Say whether a cause is worth remembering: without evidence, and no longer than sentences are."""
    return (
        cause["evidence"] is None
        and len(cause) == len(_CAUSE)
        and len(cause["message"]) + len(cause["code"] or "") + len(cause["field"] or "") < USUAL_LENGTH
    )


_CAUSE: Final = ("code", "message", "field", "evidence")


@lru_cache(1024)  # marketplaces say the same few sentences again and again
def _usual_causes(kind: str, told: Sequence[tuple[str, str, str | None]]) -> tuple[bytes, bytes]:
    causes = [dict(zip(_CAUSE, (*one, None), strict=True)) for one in told]
    return _elements({"causes": causes}), _elements(finding_facts(kind, causes))


@lru_cache(1024)  # what a broker takes in at once has one timestamp
def _instant(instant: datetime) -> bytes:
    return _int64((instant - _EPOCH) // _MILLISECOND)


def _integer(name: bytes, value: int) -> bytes:
    return b"\x10" + name + _int32(value) if value <= _LARGEST_INT32 else b"\x12" + name + _int64(value)


@lru_cache(1024)
def _alias(name: str) -> tuple[bytes, bytes]:
    """Return an alias' name as its event has it, and as an entry has it. Raise _Unusual where BSON makes more of it."""
    if not name or "\0" in name or "$ref" in name:
        raise _Unusual
    return _name(name), b"\x04" + _name(escape_name(name))


@lru_cache(1024)
def _name(name: str) -> bytes:
    return name.encode() + b"\0"


@lru_cache(1024)
def _third(source: str) -> bytes:
    return _elements({"2": source})


@lru_cache(4096)
def _whose(account: str, kind: str, affiliate: str) -> bytes:
    return _elements({"account": account, "kind": kind, "affiliate": affiliate})


@lru_cache(16)
def _status(status: str) -> bytes:
    return _elements({"status": status}) + b"\x09processed_at\0"


def _elements(document: Mapping[str, Any]) -> bytes:
    """Return the elements of a document, without its length and its end."""
    return bson.encode(document)[4:-1]


def _checked(document: Mapping[str, Any]) -> bytes:
    """Return the elements of what a publisher may have written. Raise _Unusual where there may be a reference among them."""
    elements = _elements(document)
    if REFERENCE in elements:
        raise _Unusual
    return elements


_NO_CAUSES: Final = _elements({"causes": []})
_NOTHING_FOUND: Final = _elements(finding_facts("", []))
_BEFORE_ALL: Final = _elements({"1": -1})
