"""The API in Python, typed: `with Ponte(url, key) as ponte: ponte.logs.entries("order", LogFilter(status=("error",)))`.

Sync, over httpx. Lists page by themselves, requests that may be repeated are repeated as the API asks, every error is a `Refused` with the
API's own words and the correlation id. Each method is named in the test that compares them with `/openapi.json`.
"""

from shared.client.errors import (
    Damaged,
    Denied,
    Failed,
    InConflict,
    Invalid,
    NotAllowed,
    NotNow,
    NotThere,
    OutOfDate,
    Refused,
    StillRunning,
    TooMany,
    Unreachable,
    Unreadable,
)
from shared.client.ponte import Ponte

__all__ = [
    "Damaged",
    "Denied",
    "Failed",
    "InConflict",
    "Invalid",
    "NotAllowed",
    "NotNow",
    "NotThere",
    "OutOfDate",
    "Ponte",
    "Refused",
    "StillRunning",
    "TooMany",
    "Unreachable",
    "Unreadable",
]
