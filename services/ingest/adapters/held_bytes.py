"""What is held of an entry, out of its bytes: the state stays as it came, all else is decoded at once.

A state holds what publishers wrote, and becomes an attempt byte by byte; a few of its fields are looked at. The driver's raw documents
would do for that, but each look into one makes further ones, which took a quarter of all that is done with a known entry (decision
0014). Whatever is not laid out as usual is left to them.
"""

from collections.abc import Mapping
from struct import Struct
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument

from services.ingest.core.fold import Held, held_from_document
from shared.contracts.times import aware

FIELDS: Final = dict.fromkeys(
    ("state", "aliases", "ids", "first_seen_at", "last_success_at", "attempts", "applied", "in_order"), 1
)
"""What is asked of an entry. They come in the order in which they are stored, the state first, right behind the id."""

_int32: Final = Struct("<i").pack
_size_at: Final = Struct("<i").unpack_from
_STATE: Final = b"\x03state\0"
_WORDS: Final = b"\x04words\0"
_GROUPS: Final = b"\x04groups\0"
_ID: Final = b"\x02_id\0"
_ENTRY: Final = b"\x02entry\0"
_LOOKED_AT: Final = ("version", "status", "processed_at", "causes")


class KeptState(dict[str, Any]):
    """The fields of a state that are looked at; `facts` are the elements of all that its attempt is to hold, as they are stored."""

    __slots__ = ("facts",)

    def __init__(self, fields: Mapping[str, Any], facts: bytes) -> None:
        super().__init__(fields)
        self.facts = facts


def held_of(document: RawBSONDocument) -> tuple[str, Held]:
    """Return the id of an entry and what a document of FIELDS holds of it."""
    try:
        found = _usual(bytes(document.raw))
    except Exception:  # noqa: BLE001  # the decoder refuses some of what a publisher may have written; raw documents leave that undecoded
        found = None
    return found or (document["_id"], held_from_document(document))


def attempt_of_kept(identity: str, state: KeptState, entry_id: str | None = None) -> bytes:
    """Return the document of the attempt `identity` that the state holds; `entry_id`: what one of a long history carries."""
    written = identity.encode()
    named = b"" if entry_id is None else _named(entry_id)
    size = 4 + len(_ID) + 4 + len(written) + 1 + len(state.facts) + len(named) + 1
    return b"".join((_int32(size), _ID, _int32(len(written) + 1), written, b"\0", state.facts, named, b"\0"))


def _named(entry_id: str) -> bytes:
    """Return the element `entry`."""
    written = entry_id.encode()
    return b"".join((_ENTRY, _int32(len(written) + 1), written, b"\0"))


def _usual(raw: bytes) -> tuple[str, Held] | None:
    begin = 4 + len(_ID)
    begin += 4 + _size_at(raw, begin)[0]
    if not (raw.startswith(_ID, 4) and raw.startswith(_STATE, begin)):
        return None
    start = begin + len(_STATE)
    end = start + _size_at(raw, start)[0]
    state, others = raw[start:end], b"".join((raw[4:begin], raw[end:]))
    until = _end_of_facts(state)
    if until is None:
        return None
    told: Mapping[str, Any] = bson.decode(_int32(len(others) + 4) + others)
    known: Mapping[str, Any] = bson.decode(state)
    success = told.get("last_success_at")
    fields = {name: known[name] for name in _LOOKED_AT}
    fields["processed_at"] = aware(fields["processed_at"])
    return told["_id"], Held(
        attempts=told["attempts"],
        applied=told["applied"],
        state=KeptState(fields, state[4:until]),
        aliases=told["aliases"],
        ids=told["ids"],
        first_seen_at=aware(told["first_seen_at"]),
        last_success_at=None if success is None else aware(success),
        in_order=told.get("in_order", 0),
    )


def _end_of_facts(state: bytes) -> int | None:
    """Return where the fields begin by which a state is found, which no attempt has; None if they are not its end.

    No word holds a control character, so the last name of them is theirs.
    """
    until = state.rfind(_WORDS)
    if until < 0:
        return None
    end = until + len(_WORDS)
    end += _size_at(state, end)[0]
    if state.startswith(_GROUPS, end):
        end += len(_GROUPS)
        end += _size_at(state, end)[0]
    return until if end == len(state) - 1 else None
