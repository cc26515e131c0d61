"""What the connectors answer to a retry request, and when: a normal event that carries the `reprocess_id`, after a while.

A request is answered once: its CloudEvent id is remembered, and the answer's own id is made of it, so that even an answer that goes
out twice (a restart before the offset was committed) is the same event.
"""

import heapq
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from deploy.demo.chance import dice
from deploy.demo.connectors import Item, event_id, message_of, payload_of
from deploy.demo.shop import sku_by_id
from shared.contracts.catalogue import classify, find
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.names import KINDS
from shared.contracts.times import format_instant
from shared.kafka.producer import OutMessage

REPAIRED_SHARE: Final = 0.75
"""So many of the retries of what can be mended find it mended."""

SHORTEST_DELAY_MS, LONGEST_DELAY_MS = 500, 3000
REMEMBERED: Final = 100_000
AT_ONCE: Final = 500
NEEDED: Final = ("account", "affiliate", "code")

Place = tuple[str, int]


class RetryDesk:
    """Decides which requests are answered, and when. Holds what is not answered yet."""

    def __init__(self, account: str, *, answer_ms: int | None = None) -> None:
        self._account = account
        self._answer_ms = answer_ms
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._waiting: list[tuple[datetime, int, CloudEvent, Place, int]] = []
        self._unanswered: dict[Place, set[int]] = {}
        self._ends: dict[Place, int] = {}
        self._taken = 0

    def take(self, retry: CloudEvent | None, place: Place, offset: int, now: datetime) -> None:
        """Take a request in; None stands for a record that is no request."""
        self._ends[place] = max(self._ends.get(place, 0), offset + 1)
        if retry is None or not self._is_ours(retry) or retry.id in self._seen:
            return
        self._remember(retry.id)
        self._unanswered.setdefault(place, set()).add(offset)
        self._taken += 1
        heapq.heappush(self._waiting, (now + self._delay(retry), self._taken, retry, place, offset))

    def due(self, now: datetime) -> list[tuple[CloudEvent, Place, int]]:
        """Return the requests whose time has come, each once, with its record's address."""
        ready: list[tuple[CloudEvent, Place, int]] = []
        while self._waiting and self._waiting[0][0] <= now and len(ready) < AT_ONCE:
            _, _, retry, place, offset = heapq.heappop(self._waiting)
            ready.append((retry, place, offset))
        return ready

    def settle(self, place: Place, offset: int) -> None:
        """Remember that the answer is with the broker."""
        self._unanswered[place].discard(offset)

    def safe_offsets(self) -> dict[Place, int]:
        """Return per partition the offset up to which everything is answered."""
        return {place: min(self._unanswered.get(place) or {end}) for place, end in self._ends.items()}

    def _is_ours(self, retry: CloudEvent) -> bool:
        data = retry.data
        whole = (
            isinstance(data, dict)
            and data.get("kind") in KINDS
            and all(isinstance(data.get(name), str) for name in NEEDED)
        )
        return whole and data["account"] == self._account

    def _remember(self, identity: str) -> None:
        self._seen[identity] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def _delay(self, retry: CloudEvent) -> timedelta:
        if self._answer_ms is not None:
            return timedelta(milliseconds=self._answer_ms)
        return timedelta(milliseconds=dice("delay", retry.id).randrange(SHORTEST_DELAY_MS, LONGEST_DELAY_MS))


def answer(retry: CloudEvent, at: datetime) -> OutMessage:
    """Return the event that answers a request: success where the cause could be mended, else the same error again."""
    asked: Mapping[str, Any] = retry.data
    causes = asked.get("causes") or []
    repaired = is_repaired(retry.id, causes, asked["kind"])
    data = {
        **{name: asked[name] for name in ("account", "kind", "affiliate", "code")},
        "status": "success" if repaired else "error",
        "processed_at": format_instant(at),
        "reprocess_id": asked.get("reprocess_id"),
        "aliases": asked.get("aliases") or {},
        "causes": [] if repaired else causes,
        "payload": _payload(asked, at),
    }
    return message_of(data, event_id("answer", retry.id))


def is_repaired(retry_id: str, causes: Sequence[Mapping[str, Any]], kind: str) -> bool:
    """Tell whether a retry succeeds: never for causes that no retry mends, else mostly; decided by the request's id."""
    for cause in causes:
        code = cause.get("code") or classify(cause.get("message") or "", kind=kind)
        row = find(code)
        if row is not None and row.retry == "never":
            return False
    return not causes or dice("answer", retry_id).random() < REPAIRED_SHARE


def _payload(asked: Mapping[str, Any], at: datetime) -> Any:
    """Return the content anew where the shop has it: a connector reads its source again and does not trust an old copy."""
    sku = sku_by_id().get(asked["code"])
    if sku is None or asked["kind"] not in {"product", "price", "stock"}:
        return asked.get("payload")
    return payload_of(Item(asked["kind"], asked["affiliate"], sku), at)
