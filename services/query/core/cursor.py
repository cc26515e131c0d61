"""A position in a list ↔ opaque text, versioned, bound to the list it was made for.

The text carries a digest over the position and what it is bound to, so an altered cursor, or one of another account, filter or
order, is refused by name instead of misread. The digest is no secret: a forged position could only start a caller's own list
elsewhere, as `from` and `to` do, and so every replica reads every other's cursors without a shared key. What is forged is still read
with care: a position of another shape would be a question to MongoDB that nobody wrote.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from shared.contracts.errors import InvalidCursor
from shared.contracts.read_json import read_json

VERSION: Final = 3
MAX_CURSOR_LENGTH: Final = 4096
"""A code may have 300 characters of four bytes each, and stands in it twice where it is what rows are sorted by."""

DIGEST_BYTES: Final = 12
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MS: Final = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
LAST_MS: Final = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
LARGEST_NUMBER: Final = 2**31 - 1
_NOT_OURS: Final = "the cursor is not one that this API gave"

Value = datetime | int | str
"""What rows are sorted by; which of them, the sort says."""


@dataclass(frozen=True, slots=True)
class Position:
    """A row's place: its Value in the list's order (an instant is aware, in whole milliseconds), and its id, which breaks ties.

    What is beyond a place leaves out the row that stands there, unless `is_included`.
    """

    at: Any
    id: str
    is_included: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """What a cursor belongs to: the account, the list (its filter, or an entry id) and its order."""

    account: str
    rows: str
    sort: str


@dataclass(frozen=True, slots=True)
class Start:
    """Where a page starts: beyond `position`, backwards when the page before it is asked for."""

    position: Position
    backwards: bool


def encode_cursor(position: Position, binding: Binding, *, backwards: bool = False) -> str:
    """Return the opaque text."""
    body = orjson.dumps([VERSION, int(backwards), int(position.is_included), *_written(position.at), position.id])
    return base64.urlsafe_b64encode(_digest(body, binding) + body).decode().rstrip("=")


def decode_cursor(text: str, binding: Binding, of: type[Value] = datetime) -> Start:
    """Return where to start in a list sorted by values `of` a type. Raise InvalidCursor for any text that `encode_cursor` did not write for it."""
    raw = _bytes(text)
    digest, body = raw[:DIGEST_BYTES], raw[DIGEST_BYTES:]
    fields = _fields(body)
    if fields[0] != VERSION:
        raise InvalidCursor(
            f"the cursor is of version {fields[0]!r}, this server writes {VERSION}: start at the first page"
        )
    if digest != _digest(body, binding):
        raise InvalidCursor(
            "the cursor was altered, or belongs to another account, filter or sort: start at the first page"
        )
    return _start(fields, of)


def _bytes(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidCursor(_NOT_OURS) from error
    canonical = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if canonical != text or len(text) > MAX_CURSOR_LENGTH:
        raise InvalidCursor(_NOT_OURS)
    return raw


def _fields(body: bytes) -> list[Any]:
    try:
        fields = read_json(body)
    except orjson.JSONDecodeError as error:
        raise InvalidCursor(_NOT_OURS) from error
    if not isinstance(fields, list) or len(fields) == 0:
        raise InvalidCursor(_NOT_OURS)
    return fields


def _start(fields: list[Any], of: type[Value]) -> Start:
    match fields:
        case [_, 0 | 1 as backwards, 0 | 1 as is_included, bool(is_instant), value, str(identity)]:
            at = _read(value, is_instant=is_instant)
            if isinstance(at, of):
                return Start(Position(at, identity, is_included=bool(is_included)), backwards=bool(backwards))
    raise InvalidCursor(_NOT_OURS)


def _digest(body: bytes, binding: Binding) -> bytes:
    bound = orjson.dumps([binding.account, binding.rows, binding.sort])
    return hashlib.sha256(bound + b"\x00" + body).digest()[:DIGEST_BYTES]


def _written(value: Value) -> tuple[bool, int | str]:
    """Return a value as JSON: whether it is an instant, and the milliseconds of that one, else itself."""
    if isinstance(value, datetime):
        return True, (value - EPOCH) // timedelta(milliseconds=1)
    return False, value


def _read(value: Any, *, is_instant: bool) -> Value | None:
    """Return a value that `_written` may have written, None for any other."""
    if isinstance(value, int) and not isinstance(value, bool):
        if is_instant:
            return EPOCH + timedelta(milliseconds=value) if FIRST_MS <= value <= LAST_MS else None
        return value if 0 <= value <= LARGEST_NUMBER else None
    return value if isinstance(value, str) and not is_instant else None
