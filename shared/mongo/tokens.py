"""Resume tokens of change streams. They are opaque by contract; their time is read for want of another sign of how far a quiet stream has come."""

import re
from collections.abc import Mapping
from typing import Any, Final

from bson.timestamp import Timestamp

_TIME: Final = re.compile(r"82([0-9A-F]{8})([0-9A-F]{8})", re.IGNORECASE)
"""A token begins with its time: a mark, then seconds and number, eight hex digits each (all versions since 4.0)."""


def cluster_time_of(token: Mapping[str, Any] | None) -> Timestamp | None:
    """Return the cluster time of a resume token, `{"_data": "82…"}`; None for one of another make."""
    found = _TIME.match(str((token or {}).get("_data", "")))
    return Timestamp(int(found[1], 16), int(found[2], 16)) if found else None
