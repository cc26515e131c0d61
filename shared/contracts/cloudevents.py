"""CloudEvents 1.0 over Kafka: structured and binary mode both ways, and plain JSON in.

Only what we need of the specification, by hand because it stands on the hot path; tests hold it against the reference SDK.
"""

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

import orjson

from shared.contracts.errors import InvalidEvent

SPEC_VERSION: Final = "1.0"
STRUCTURED: Final = b"application/cloudevents+json"
CONTENT_TYPE: Final = "content-type"
REQUIRED: Final = ("ce_id", "ce_source", "ce_type")
"""The headers by which binary mode is known where the version is forgotten, so that the refusal can say so."""

_ENVELOPE: Final = frozenset({"id", "source", "type", "data"})
"""The same for structured mode: whatever has these, and no `kind`, is an envelope and not the data of an event of ours."""

PLAIN_SOURCE: Final = ""
"""The source of a message that is no CloudEvent; its id is the hash of its bytes."""

_NO_EXTENSION: Final = frozenset(
    {"id", "source", "type", "time", "specversion", "datacontenttype", "dataschema", "subject", "data", "data_base64"}
)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class CloudEvent(NamedTuple):
    """Context attributes and data. `type` is "" for plain JSON, `data` any JSON value. What is null is as if it were not there."""

    id: str
    source: str
    type: str
    data: Any
    time: str | None = None
    extensions: Mapping[str, str] = _NONE
    subject: str | None = None


def read_message(value: bytes, body: Any, headers: Sequence[tuple[str, bytes | None]]) -> CloudEvent:
    """Return the CloudEvent of a record: `value` its bytes, `body` the same parsed. Raise InvalidEvent.

    The headers say whether it is in binary or in structured mode; without their word a body with `specversion`, or with all
    else that an envelope has, is structured, and anything else is plain JSON.
    """
    mode = _mode_of(headers) if headers else None
    if mode == "binary":
        return _from_headers(headers, body)
    if not isinstance(body, dict):
        raise InvalidEvent("NotAnObject", f"an event is a JSON object, this is {json_type(body)}")
    if mode == "structured" or "specversion" in body or (body.keys() >= _ENVELOPE and "kind" not in body):
        return _from_attributes(body, body.get("data"))
    return CloudEvent(id=hashlib.sha256(value).hexdigest(), source=PLAIN_SOURCE, type="", data=body)


def read_binary(body: Any, headers: Sequence[tuple[str, bytes | None]]) -> CloudEvent | None:
    """Return the CloudEvent of a record in binary mode, None for one in another. Raise InvalidEvent."""
    return _from_headers(headers, body) if headers and _mode_of(headers) == "binary" else None


def structured(event: CloudEvent) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return the value and the headers of the record that carries `event` in structured mode."""
    return orjson.dumps(envelope(event)), [(CONTENT_TYPE, STRUCTURED)]


def envelope(event: CloudEvent) -> dict[str, Any]:
    """Return `event` as the JSON object of structured mode."""
    return {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": event.source,
        "type": event.type,
        **({"subject": event.subject} if event.subject else {}),
        **({"time": event.time} if event.time else {}),
        "datacontenttype": "application/json",
        **event.extensions,
        "data": event.data,
    }


def _mode_of(headers: Sequence[tuple[str, bytes | None]]) -> Literal["binary", "structured"] | None:
    """Return the mode that the headers say. A content type of CloudEvents decides; other `ce_` headers, such as a trace that a proxy
    put beside an event, make no binary mode of it without the attributes that every CloudEvent has.
    """
    told = dict(headers)
    content_type = told.get(CONTENT_TYPE) or told.get("Content-Type")
    if content_type is not None and content_type.partition(b";")[0].strip().lower() == STRUCTURED:
        return "structured"
    if told.get("ce_specversion") is not None or all(told.get(name) is not None for name in REQUIRED):
        return "binary"
    return None


def _from_headers(headers: Sequence[tuple[str, bytes | None]], body: Any) -> CloudEvent:
    told = {name[3:]: text for name, text in headers if name.startswith("ce_") and text is not None}
    return _from_attributes({name: _text(name, raw) for name, raw in told.items()}, body)


def _from_attributes(attributes: Mapping[str, Any], data: Any) -> CloudEvent:
    if attributes.get("specversion") != SPEC_VERSION:
        raise InvalidEvent("InvalidEnvelope", f"specversion must be {SPEC_VERSION!r}")
    identity, source, kind = attributes.get("id"), attributes.get("source"), attributes.get("type")
    if not (identity and source and kind and type(identity) is type(source) is type(kind) is str):
        raise _without_identity(attributes)
    time, subject = attributes.get("time"), attributes.get("subject")
    extensions = (
        _NONE
        if attributes.keys() <= _NO_EXTENSION
        else {name: str(text) for name, text in attributes.items() if text is not None and name not in _NO_EXTENSION}
    )
    return CloudEvent(
        identity,
        source,
        kind,
        data,
        None if time is None else str(time),  # a number is no time: whoever reads it shall say so
        extensions,
        subject if isinstance(subject, str) else None,
    )


def _without_identity(attributes: Mapping[str, Any]) -> InvalidEvent:
    name = next(
        name for name in ("id", "source", "type") if not (attributes.get(name) and isinstance(attributes[name], str))
    )
    return InvalidEvent("InvalidEnvelope", f"the CloudEvents attribute {name!r} must be a non-empty text")


def _text(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent("InvalidEnvelope", f"the header ce_{name} is not UTF-8") from error


def json_type(value: object) -> str:
    """Return what a JSON value is, with its article."""
    return _JSON_TYPES.get(type(value), "something else")


_JSON_TYPES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "an array",
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}
