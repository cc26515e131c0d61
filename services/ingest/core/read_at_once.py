"""Our own event from its bytes, where it is plainly right: typed by msgspec, its payload left unread, for it is stored as the text it is.

Taking a payload apart only to put it together for MongoDB was the dearest part of a long event. Whatever is not plainly right, has unknown
fields or is of another shape is left to `decode`, which reads it object by object and says what is wrong. Tests hold the two against
each other.
"""

from typing import Any, Final

import msgspec

from services.ingest.core.classify import classify_causes
from services.ingest.core.shapes.processed import KIND_BY_TOPIC
from services.ingest.core.strict_json import storable_text
from shared.contracts.cloudevents import SPEC_VERSION, read_binary, read_message
from shared.contracts.errors import InvalidEvent
from shared.contracts.event_data import EventData, Status, checked_event_data
from shared.contracts.events import KIND_BY_TYPE, IntegrationEvent
from shared.contracts.names import MAX_EVENT_BYTES, Kind
from shared.contracts.records import UNREADABLE_HEADERS, Headers, Record

NOTHING: Final = frozenset({b"", b"null"})
"""The payloads that are none."""

ABOVE: Final = 2
"""A payload stands in the data, and the data in an envelope, mostly."""

_ESCAPED_NUL: Final = b"\\u0000"


class _Evidence(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    request: Any = None
    response: Any = None


class _Cause(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    code: str | None = None
    message: str = ""
    field: str | None = None
    evidence: _Evidence | None = None


class _Data(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    account: str
    kind: Kind
    affiliate: str
    code: str
    status: Status
    processed_at: str
    sequence: int | float | None = None  # with `int` alone 1.0 would pass for 1
    reprocess_id: str | None = None
    aliases: dict[str, str | None] = {}
    causes: list[_Cause] = []
    payload: msgspec.Raw = msgspec.Raw()


class _Envelope(msgspec.Struct, gc=False):
    specversion: str
    id: str
    source: str
    type: str
    data: _Data
    data_base64: msgspec.UnsetType = msgspec.UNSET


class _Usual(_Envelope, forbid_unknown_fields=True, gc=False):
    time: str | None = None
    datacontenttype: str | None = None
    subject: str | None = None


_USUAL: Final = msgspec.json.Decoder(_Usual)
_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_DATA: Final = msgspec.json.Decoder(_Data)


def read_at_once(record: Record) -> IntegrationEvent | None:
    """Return the event of a record; None where it is in doubt."""
    value = record.value
    if value is None or len(value) > MAX_EVENT_BYTES or record.headers is UNREADABLE_HEADERS:
        return None
    try:
        source, identity, kind, told, is_unread = _read(value, record.headers)
        payload = bytes(told.payload)
        if is_unread or (b"\\" in value and _ESCAPED_NUL in value):
            storable_text(value)  # the payload with it
            text = payload.decode()
        else:
            text = storable_text(payload, levels_above=ABOVE)
        data = _event_data(told, None if payload in NOTHING else text)
    except (InvalidEvent, LookupError, ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        return None
    if KIND_BY_TOPIC.get(record.address.topic) != data.kind or (kind is not None and kind != data.kind):
        return None
    return IntegrationEvent(source=source, id=identity, data=classify_causes(data), received_at=record.timestamp)


def _read(value: bytes, headers: Headers) -> tuple[str, str, Kind | None, _Data, bool]:
    """Return source, id, the kind that the envelope says, None without one, the data, and whether anything but its payload is unread."""
    message = read_binary({}, headers) if headers else None
    envelope = None if message else _envelope(value)
    if envelope is not None:
        if envelope.specversion != SPEC_VERSION or not (envelope.id and envelope.source):
            raise ValueError
        is_unread = type(envelope) is _Envelope or _has_evidence(envelope.data)
        return envelope.source, envelope.id, KIND_BY_TYPE[envelope.type], envelope.data, is_unread
    data = _DATA.decode(value)
    message = message or read_message(value, {}, headers)
    return message.source, message.id, KIND_BY_TYPE[message.type] if message.type else None, data, _has_evidence(data)


def _envelope(value: bytes) -> _Envelope | None:
    try:
        return _USUAL.decode(value)
    except msgspec.ValidationError:  # it has extensions, or it is none
        pass
    try:
        return _ENVELOPE.decode(value)
    except msgspec.ValidationError:
        return None


def _has_evidence(data: _Data) -> bool:
    """Say whether there is evidence: it was parsed, but by a parser that takes other numbers than ours."""
    causes = data.causes
    return bool(causes) and any([cause.evidence is not None for cause in causes])  # noqa: C419  # a generator takes longer


def _event_data(told: _Data, payload: str | None) -> EventData:
    causes = [_cause(one) for one in told.causes] if told.causes else []
    return checked_event_data(
        told.account, told.kind, told.affiliate, told.code, told.status, told.processed_at, told.sequence, told.reprocess_id,
        told.aliases, causes, payload, {},
    )  # fmt: skip


def _cause(told: _Cause) -> dict[str, Any]:
    evidence = told.evidence
    return {
        "code": told.code,
        "message": told.message,
        "field": told.field,
        "evidence": None if evidence is None else {"request": evidence.request, "response": evidence.response},
    }
