"""Resume tokens of change streams. They are opaque by contract; their time is read for want of another sign of how far a quiet stream has come."""

from collections.abc import Mapping
from typing import Any, Final

from bson.timestamp import Timestamp

_BEGINNING: Final = "82"
_TIME: Final = slice(2, 18)
"""A token begins with its time: a mark, then seconds and number, eight hex digits each (all versions since 4.0)."""


def cluster_time_of(token: Mapping[str, Any] | None) -> Timestamp | None:
    """Return the cluster time of a resume token, `{"_data": "82…"}`; None for one of another make."""
    text = str((token or {}).get("_data", ""))
    digits = text[_TIME]
    if not text.startswith(_BEGINNING) or len(digits) != _TIME.stop - _TIME.start:
        return None
    try:
        return Timestamp(int(digits[:8], 16), int(digits[8:], 16))
    except ValueError:
        return None
