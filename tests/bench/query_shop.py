"""A believable account, the same for everyone: document `number` of `of` follows from those two numbers alone.

Ninety days, the newest last; five kinds, 20 affiliates by Zipf's law, 8 % errors over 30 causes, several aliases each, 0.7 kB of BSON.
What no list shows (payload, versions) is there too, since a server reads whole documents.
"""

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final, TypeVar

from shared.contracts.catalogue import CATALOGUE
from shared.contracts.entries import alias_pairs, attempt_document, search_ids, state_document
from shared.contracts.events import IntegrationEvent, parse_event_data
from shared.contracts.names import KINDS, Kind, events_topic
from shared.contracts.records import Address
from shared.contracts.times import format_instant, to_milliseconds
from tests.bench.loadgen import WORDS

ACCOUNT: Final = "loja"
NEWEST_AT: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
PERIOD: Final = timedelta(days=90)
AFFILIATES: Final = tuple(f"{a}{b}C" for a in "MBNSV" for b in "LTRK")
STATUSES: Final = (("success", 0.88), ("error", 0.08), ("warning", 0.03), ("processing", 0.01))
KIND_WEIGHTS: Final = (30, 12, 10, 24, 24)
CAUSES: Final[tuple[str, ...]] = tuple(sorted(CATALOGUE))[:30]
RARE_CAUSE: Final = "BENCH-RARE"
RARE_EVERY: Final = 50_000
"""One entry in so many fails for a cause of its own: what few rows of a large account look like."""

WITH_HISTORY_EVERY: Final = 500
HISTORY: Final = 5
"""One entry in so many was tried more often, and its attempts are there."""

LINES: Final = tuple(
    {"sku": str(7_000 + n), "quantity": n + 1, "price": 1990, "text": " ".join(WORDS[n : n + 4])} for n in range(3)
)

T = TypeVar("T")

_BY_KIND: Final = list(accumulate(KIND_WEIGHTS))
_BY_ZIPF: Final = list(accumulate(1 / (rank + 1) for rank in range(len(AFFILIATES))))
_CAUSES_BY_ZIPF: Final = list(accumulate(1 / (rank + 1) for rank in range(len(CAUSES))))
_STATUS_NAMES: Final = [name for name, _ in STATUSES]
_STATUS_SHARES: Final = list(accumulate(share for _, share in STATUSES))


@dataclass(frozen=True, slots=True)
class Item:
    """One entry and its history, as documents."""

    entry: dict[str, Any]
    attempts: list[dict[str, Any]]


def items(first: int, last: int, of: int) -> Iterator[Item]:
    """Yield the items `first` to `last` (exclusive) of a shop of `of`."""
    for number in range(first, last):
        yield item(number, of)


def item(number: int, of: int) -> Item:
    """Return one item."""
    chance = random.Random(number)  # noqa: S311  # the same shop each time, no secret
    kind = _pick(chance, KINDS, _BY_KIND)
    tries = HISTORY if number % WITH_HISTORY_EVERY == 0 else 1
    age = PERIOD * ((of - number) / of)
    at = NEWEST_AT - age - timedelta(milliseconds=chance.randrange(3_600_000))
    affiliate = _pick(chance, AFFILIATES, _BY_ZIPF)
    events = [_event(chance, number, kind, affiliate, at - timedelta(minutes=7 * back)) for back in range(tries)]
    address = Address(events_topic(kind), number % 6, number)
    counted = tries if tries > 1 else 1 + (number % 17 == 0) * chance.randrange(1, 9)
    return Item(_entry(events[0], address, counted), [attempt_document(event, address) for event in events[1:]])


def code_of(number: int, kind: Kind) -> str:
    """Return the code of the item: ten digits that count in no order, as marketplaces give them."""
    return f"{(number * 2_654_435_761 + KINDS.index(kind)) % 10**10:010d}"


def _pick(chance: random.Random, values: Sequence[T], weights: Sequence[float]) -> T:
    """`choices` without its checks, which take more time than all else of an item."""
    return values[bisect_right(weights, chance.random() * weights[-1])]


def _event(chance: random.Random, number: int, kind: Kind, affiliate: str, at: datetime) -> IntegrationEvent:
    code, is_rare = code_of(number, kind), number % RARE_EVERY == RARE_EVERY - 1
    status = "error" if is_rare else _pick(chance, _STATUS_NAMES, _STATUS_SHARES)
    is_failure = status in {"error", "warning"}
    cause = RARE_CAUSE if is_rare else _pick(chance, CAUSES, _CAUSES_BY_ZIPF)
    data = parse_event_data(
        {
            "account": ACCOUNT,
            "kind": kind,
            "affiliate": affiliate,
            "code": code,
            "status": status,
            "processed_at": format_instant(at),
            "aliases": {"vtex_order_id": f"{affiliate}-{code}", "shipment_id": f"4{number:09d}"},
            "causes": [{"code": cause, "message": _message(chance, cause, code)}] if is_failure else [],
            "payload": {"id": code, "total": 100 + number % 90_000, "lines": LINES[: number % 2]},
        }
    )
    received = at + timedelta(milliseconds=chance.randrange(50, 5_000))
    return IntegrationEvent(
        source=f"/connectors/{affiliate.lower()}", id=f"{number:012d}-{at:%H%M%S}", data=data, received_at=received
    )


def _message(chance: random.Random, cause: str, code: str) -> str:
    start = CAUSES.index(cause) % 9 if cause in CAUSES else 0
    return f"{' '.join(WORDS[start : start + 5])} {cause}: {code} recusado com código {chance.randrange(900)}"


def _entry(event: IntegrationEvent, address: Address, attempts: int) -> dict[str, Any]:
    data, at = event.data, to_milliseconds(event.processed_at)
    return {
        "_id": event.entry_id,
        "account": data.account,
        "kind": data.kind,
        "affiliate": data.affiliate,
        "code": data.code,
        "state": state_document(event),
        "aliases": alias_pairs(event),
        "ids": search_ids(event),
        "first_seen_at": at,
        **({"last_success_at": at} if data.status == "success" else {}),
        "attempts": attempts,
        "applied": {str(address.partition): address.offset},
    }
