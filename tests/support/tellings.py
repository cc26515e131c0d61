"""What a load generator tells of: events with unique ids, a few items told of again and again, and records that are no events.

Every event carries its own id in its payload, and its place in the order of its item in plain fields: a checker can fold by itself.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from shared.contracts.names import Kind
from tests.support.builders import make_cloudevent

SOURCE = "/journal"
BEGINNING = datetime(2025, 6, 1, 10, 0, 0, tzinfo=UTC)
STATUSES = ("success", "error", "warning", "processing")
MOMENTS = 5000
"""Milliseconds over which events are spread at random: they come late, out of order, and some at the same instant."""

USUAL_KINDS: tuple[Kind, ...] = ("order", "price")


@dataclass(frozen=True, slots=True)
class Telling:
    """One distinct event, or one bad record. `key` is the entry's id; `rank` orders the events of a key: the largest is its state."""

    id: str
    key: str
    value: bytes | None
    status: str = ""
    processed_at: datetime = BEGINNING
    sequence: int | None = None
    is_bad: bool = False

    @property
    def rank(self) -> tuple[datetime, int, str]:
        return self.processed_at, -1 if self.sequence is None else self.sequence, self.id

    @property
    def topic(self) -> str:
        return f"integration.events.{self.key.split('|')[1]}"


class Teller:
    """Makes tellings without end. No two have the same id, if no two tellers of the account have the same number."""

    def __init__(
        self,
        account: str,
        *,
        number: int = 1,
        items: int = 200,
        kinds: Sequence[Kind] = USUAL_KINDS,
        bad_every: int = 0,
        filler: int = 0,
    ) -> None:
        self._account = account
        self._name = f"{account}-{number}"
        self._items = items
        self._kinds = kinds
        self._bad_every = bad_every
        self._filler = "x" * filler
        self._chance = random.Random(f"{number}/{account}")  # noqa: S311  # the same load each time, no secret
        self._told = 0

    def tell(self, count: int) -> list[Telling]:
        return [self._next() for _ in range(count)]

    def _next(self) -> Telling:
        self._told += 1
        identity = f"{self._name}-{self._told:07d}"
        kind = self._chance.choice(self._kinds)
        code = str(self._chance.randrange(self._items))
        if self._bad_every and self._told % self._bad_every == 0:
            return bad_telling(identity, f"{self._account}|{kind}|MLC|{code}")
        return make_telling(
            identity,
            account=self._account,
            kind=kind,
            code=code,
            status=self._chance.choice(STATUSES),
            at_ms=self._chance.randrange(MOMENTS),
            sequence=self._chance.choice((None, 0, 1, 2**40)),
            filler=self._filler,
        )


def make_telling(
    identity: str,
    *,
    account: str,
    kind: Kind = "order",
    code: str = "0",
    status: str = "error",
    at_ms: int = 0,
    sequence: int | None = None,
    filler: str = "",
) -> Telling:
    """Return an event, `at_ms` milliseconds after the beginning."""
    at = BEGINNING + timedelta(milliseconds=at_ms)
    body = make_cloudevent(
        id=identity,
        source=SOURCE,
        account=account,
        kind=kind,
        code=code,
        status=status,
        processed_at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        **({} if sequence is None else {"sequence": sequence}),
        payload={"event": identity, **({"filler": filler} if filler else {})},
    )
    return Telling(identity, f"{account}|{kind}|MLC|{code}", orjson.dumps(body), status, at, sequence)


def bad_telling(identity: str, key: str) -> Telling:
    """Return a record that is no event: it breaks off in the middle."""
    return Telling(identity, key, f'{{"id": "{identity}", "data": '.encode(), is_bad=True)


def by_key(tellings: Iterable[Telling]) -> dict[str, list[Telling]]:
    """Return the events of each entry, in no order."""
    told: dict[str, list[Telling]] = {}
    for telling in tellings:
        told.setdefault(telling.key, []).append(telling)
    return told
