"""A stretch of the attempts that stand before an entry's state, in their order: how MongoDB is asked for it.

Those of a long history stand in an index in that order, and a page of it is as many keys, wherever it is. Of all others, all that are
kept of the item are looked at and sorted (decision 0012).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bson.max_key import MaxKey
from bson.min_key import MinKey

from shared.mongo.queries import Query, attempts_of

ATTEMPT_ORDER: Final = ("version.0", "version.1", "version.2", "version.3")
"""An attempt's place in the history is its version: order text, sequence, source, event id. Not the array as a whole: a sort would take its
largest member.
"""

INDEX: Final = "by_order"
INDEXED: Final = ("entry", *ATTEMPT_ORDER)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The attempts of the entry `identity`, but the one of the id `newest`, newest first or oldest first.

    `beyond`: a version, and only what stands behind it in that order; `within`: order texts, from the first up to before the second.
    `only`: what must be so of an attempt as well.
    """

    identity: str
    newest: str | None
    ascending: bool = False
    beyond: Sequence[Any] | None = None
    within: tuple[str, str] | None = None
    only: Query = field(default_factory=dict)

    def to_be_sorted(self) -> dict[str, Any]:
        """Return the arguments of a `find` that looks at all attempts of the item."""
        side = {} if self.beyond is None else on_one_side(ATTEMPT_ORDER, self.beyond, ascending=self.ascending)
        time = {} if self.within is None else {"version.0": {"$gte": self.within[0], "$lt": self.within[1]}}
        ids = {"_id": {**attempts_of(self.identity), **self._but()}}
        return {"filter": {**ids, **self.only, **time, **side}, "sort": self._sorted_by(ATTEMPT_ORDER)}

    def in_order(self) -> dict[str, Any]:
        """Return the arguments of a `find` along the index; the newest may stand in it as well, so it costs a key more."""
        first, last = self._bounds()
        return {
            "filter": {**self.only, **({"_id": but} if (but := self._but()) else {})},
            "sort": self._sorted_by(INDEXED),
            "hint": INDEX,
            "min": self._key(first),
            "max": self._key(last),
        }

    def _but(self) -> Query:
        # It may have been stored already by whoever is about to write the entry with a newer one.
        return {} if self.newest is None else {"$ne": self.newest}

    def _bounds(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return where the stretch begins, which belongs to it, and where it ends, which does not, from the oldest to the newest."""
        first: Sequence[Any] = self.within[:1] if self.within else ()
        last: Sequence[Any] = self.within[1:] if self.within else (MaxKey(),)
        if self.beyond is None:
            return first, last
        return (_next_to(self.beyond), last) if self.ascending else (first, self.beyond)

    def _key(self, place: Sequence[Any]) -> dict[str, Any]:
        parts = [self.identity, *place]
        return dict(zip(INDEXED, [*parts, *[MinKey()] * (len(INDEXED) - len(parts))], strict=True))

    def _sorted_by(self, paths: Sequence[str]) -> list[tuple[str, int]]:
        return [(path, 1 if self.ascending else -1) for path in paths]


def on_one_side(paths: Sequence[str], place: Sequence[Any], *, ascending: bool) -> Query:
    """Return the condition of standing above or below `place` in the order of `paths`: alike in the first of them, and not in the next."""
    pairs, side = list(zip(paths, place, strict=True)), "$gt" if ascending else "$lt"
    return {
        "$or": [
            {**{name: {"$eq": part} for name, part in pairs[:at]}, path: {side: value}}
            for at, (path, value) in enumerate(pairs)
        ]
    }


def _next_to(version: Sequence[Any]) -> Sequence[Any]:
    """Return the first place behind that of `version`: no text stands between one and the same with U+0000 behind it."""
    *others, event_id = version
    return [*others, f"{event_id}\x00"]
