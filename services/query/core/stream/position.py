"""A place in the feed of changes ↔ the opaque `id` of an event, bound to the account that it was sent to.

A position is MongoDB's own time of a change (seconds, number within the second) and the change's turn among those of the same time, so
every process knows the same change by the same position. The id carries a digest over position and account, as a cursor does: an
altered id, or one of another account, is refused by name. The digest is no secret, because a position says only *since when*; what
is answered is always the caller's own account, by the caller's own filter.
"""

import base64
import hashlib
from typing import Final, NewType

from shared.contracts.errors import InvalidCursor

Position = NewType("Position", int)
"""Larger is later. Seconds, number and turn in 32 bits each."""

VERSION: Final = 1
POSITION_BYTES: Final = 12
DIGEST_BYTES: Final = 8
_WIDTH: Final = 32
_REFUSED: Final = "Last-Event-ID was altered, or belongs to another account: connect without it, then read the list"


def position_of(seconds: int, number: int, turn: int = 0) -> Position:
    """Return a position; turn 0 is before every change of that time."""
    return Position(seconds << 2 * _WIDTH | number << _WIDTH | turn)


def time_of(position: Position) -> tuple[int, int]:
    """Return (seconds since 1970, number within the second)."""
    time = position >> _WIDTH
    return time >> _WIDTH, time & 0xFFFFFFFF


def event_id(position: Position, account: str) -> str:
    """Return the id of an event of `account`."""
    body = bytes([VERSION]) + position.to_bytes(POSITION_BYTES)
    return base64.urlsafe_b64encode(body + _digest(body, account)).decode().rstrip("=")


def parse_event_id(text: str, account: str) -> Position | None:
    """Return the position that an id names; None for an id of another version of ours, which carries the same digest. Raise InvalidCursor for any other text."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidCursor(_REFUSED) from error
    body, digest = raw[: 1 + POSITION_BYTES], raw[1 + POSITION_BYTES :]
    if digest != _digest(body, account):
        raise InvalidCursor(_REFUSED)
    return Position(int.from_bytes(body[1:])) if raw[0] == VERSION else None


def _digest(body: bytes, account: str) -> bytes:
    return hashlib.sha256(account.encode() + b"\x00" + body).digest()[:DIGEST_BYTES]
