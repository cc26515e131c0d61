"""A cause that came without a code gets one by its message, before anything is written: attempt and entry then agree."""

from typing import Any

from msgspec.structs import replace

from shared.contracts import catalogue
from shared.contracts.events import EventData


def classify_causes(data: EventData) -> EventData:
    """Return `data` with a code on every cause; codes given are kept as they are, known to us or not. A blank one is none."""
    for cause in data.causes:
        if not cause["code"] or cause["code"].isspace():
            return replace(data, causes=[_classified(cause, data.kind) for cause in data.causes])
    return data


def _classified(cause: dict[str, Any], kind: str) -> dict[str, Any]:
    if cause["code"] and not cause["code"].isspace():
        return cause
    return {**cause, "code": catalogue.classify(cause["message"], kind=kind)}
