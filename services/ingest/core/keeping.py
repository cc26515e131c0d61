"""How much of an event's content is stored: not more than the limits allow, and without personal data where an integration says so.

What is cut is masked for good: cut JSON can no longer be read by its fields, so no later masking could be sure of it.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from msgspec.structs import replace

from shared.contracts.event_data import json_text
from shared.contracts.events import EventData, IntegrationEvent
from shared.contracts.masking import mask_causes, mask_content, mask_text
from shared.contracts.names import KIB

PREVIEW_BYTES: Final = 2 * KIB
PARTS: Final = 8
"""Evidence has a request, a response and perhaps a few fields more."""

EVIDENCE: Final = "evidence"
"""In a `log` it stands one level deeper than in a cause, and is shown by its parts as there."""


@dataclass(frozen=True, slots=True)
class ContentLimits:
    """The longest payload that is stored whole, and the longest of all else that a publisher writes freely: a cause's message, request,
    response and unknown fields, and those of the event. Bytes as compact JSON.
    """

    payload_bytes: int = 64 * KIB
    evidence_bytes: int = 16 * KIB


@dataclass(frozen=True, slots=True)
class Keeping:
    """The rules of a batch. `masked`: the (account, affiliate) pairs whose content is masked before it is stored."""

    limits: ContentLimits = ContentLimits()
    masked: frozenset[tuple[str, str]] = frozenset()

    def keep(self, event: IntegrationEvent, size: int) -> IntegrationEvent:
        """Return the event with the content that may be stored. `size`: bytes of its record; no part of it is longer."""
        is_masked = bool(self.masked) and (event.data.account, event.data.affiliate) in self.masked
        if not is_masked and size <= self.limits.payload_bytes and size <= self.limits.evidence_bytes:
            return event
        data = _masked(event.data) if is_masked else event.data
        marks = {"payload_masked": True} if is_masked and data.payload_json is not None else {}
        if data.payload_json is not None and len(data.payload_json.encode()) > self.limits.payload_bytes:
            whole, cut = _whole_or_cut(data.payload, self.limits.payload_bytes)
            data, marks = replace(data, payload_json=whole), marks | cut
        if size > (longest := self.limits.evidence_bytes):
            data = replace(
                data,
                causes=[_each_capped(cause, longest) for cause in data.causes],
                extra=_each_capped(data.extra, longest),
            )
        return IntegrationEvent(source=event.source, id=event.id, data=data, received_at=event.received_at, marks=marks)


WHOLE: Final = Keeping()
"""The usual limits, and nobody's content masked."""


def _masked(data: EventData) -> EventData:
    return replace(
        data,
        extra=dict(zip(data.extra, mask_content(data.extra).values(), strict=True)),
        payload_json=json_text(mask_content(data.payload)),
        causes=mask_causes(data.causes),
    )


def _whole_or_cut(payload: Any, longest: int) -> tuple[str | None, dict[str, Any]]:
    """Return the payload's compact text and no marks, or no text and the marks of one that is too long."""
    written = _json(payload)
    if (size := len(written)) <= longest:
        return written.decode(), {}
    beginning = _json(mask_content(payload))[:PREVIEW_BYTES].decode(errors="ignore")
    return None, {"payload_truncated": True, "payload_bytes": size, "payload_preview": beginning}


def _each_capped(told: dict[str, Any], longest: int) -> dict[str, Any]:
    """Return an object of a publisher with each of its parts capped; of evidence and the like, the parts of those."""
    return {name: _part_capped(value, longest) for name, value in told.items()}


def _part_capped(told: Any, longest: int) -> Any:
    """Return a part capped in its own parts, or as a whole where it has too many for that to bound it."""
    if isinstance(told, dict) and len(told) <= PARTS:
        return {
            name: _part_capped(value, longest) if name == EVIDENCE else _cut(value, longest)
            for name, value in told.items()
        }
    return _cut(told, longest)


def _cut(value: Any, longest: int) -> Any:
    if value is None or (size := len(_json(value))) <= longest:
        return value
    text = mask_text(value).encode() if isinstance(value, str) else _json(mask_content(value))
    return f"{text[:longest].decode(errors='ignore')}\n[… cut: {size} bytes came, {longest} are kept]"


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=str)
