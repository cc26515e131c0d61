"""What differs between two JSON values, as a list of changes at JSON pointers (RFC 6901).

The change is found between the values as they are, and told with the values as they may be shown: masking keeps shapes and the order
of fields, so both are walked side by side. A change of masked data is told without its content.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

ChangeKind = Literal["added", "removed", "changed"]
MAX_CHANGES: Final = 500
"""More changes than this are no longer read by anyone; `cut` says so."""

ESCAPES: Final = (("~", "~0"), ("/", "~1"))


@dataclass(frozen=True, slots=True)
class Side:
    """A value, and the same as it may be shown."""

    value: Any
    shown: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path` is a JSON pointer, "" for the whole value; `before` is None where it was added, `after` where it was removed."""

    path: str
    kind: ChangeKind
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Changes:
    """The first changes, and whether there are more."""

    items: Sequence[Change]
    cut: bool


def changes_between(before: Side, after: Side) -> Changes:
    """Return what changed, in the order of the fields, at most MAX_CHANGES."""
    found = list(islice(_walk("", before, after), MAX_CHANGES + 1))
    return Changes(found[:MAX_CHANGES], cut=len(found) > MAX_CHANGES)


def _walk(path: str, before: Side, after: Side) -> Iterator[Change]:
    if isinstance(before.value, Mapping) and isinstance(after.value, Mapping):
        yield from _walk_parts(path, _fields(before), _fields(after))
    elif isinstance(before.value, list) and isinstance(after.value, list):
        yield from _walk_parts(path, _items(before), _items(after))
    elif not is_same(before.value, after.value):
        yield Change(path, "changed", before.shown, after.shown)


def _walk_parts(path: str, before: Mapping[str, "_Part"], after: Mapping[str, "_Part"]) -> Iterator[Change]:
    for name, old in before.items():
        here = f"{path}/{_escaped(old.name)}"
        if (new := after.get(name)) is None:
            yield Change(here, "removed", old.side.shown, None)
        else:
            yield from _walk(here, old.side, new.side)
    for name, new in after.items():
        if name not in before:
            yield Change(f"{path}/{_escaped(new.name)}", "added", None, new.side.shown)


@dataclass(frozen=True, slots=True)
class _Part:
    """A member of an object or a list: its name as it may be shown, and what it holds."""

    name: str
    side: Side


def _fields(side: Side) -> dict[str, _Part]:
    pairs = zip(side.value.items(), side.shown.items(), strict=True)
    return {name: _Part(shown_name, Side(value, shown)) for (name, value), (shown_name, shown) in pairs}


def _items(side: Side) -> dict[str, _Part]:
    pairs = zip(side.value, side.shown, strict=True)
    return {str(at): _Part(str(at), Side(value, shown)) for at, (value, shown) in enumerate(pairs)}


def is_same(one: Any, other: Any) -> bool:
    """Say whether two JSON values are the same: 1 and 1.0 are, true and 1 are not."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def names_in(pointer: str) -> list[str]:
    """Return the names that a JSON pointer leads along, from the outside in."""
    return [_unescaped(name) for name in pointer.split("/")[1:]]


def _escaped(name: str) -> str:
    for letter, written in ESCAPES:
        name = name.replace(letter, written)
    return name


def _unescaped(name: str) -> str:
    for letter, written in reversed(ESCAPES):
        name = name.replace(written, letter)
    return name
