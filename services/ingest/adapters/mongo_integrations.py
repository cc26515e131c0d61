"""The registry of integrations, read only: query owns it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from shared.contracts.names import INTEGRATIONS
from shared.mongo.client import Database
from shared.mongo.errors import translated

REMEMBERED_SECONDS: Final = 30.0
"""A changed setting holds for events that come this much later; asking for every batch would cost one more question each."""

Pair = tuple[str, str]
"""(account, affiliate)."""


@dataclass(frozen=True, slots=True)
class _Rules:
    masked: frozenset[Pair] = frozenset()
    minimums: dict[Pair, int] = field(default_factory=dict)


class MongoIntegrations:
    """The port Integrations."""

    def __init__(self, database: Database, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._integrations = database[INTEGRATIONS]
        self._seconds = seconds
        self._rules = _Rules()
        self._good_until: float | None = None

    async def list_masked(self) -> frozenset[Pair]:
        """Return (account, affiliate) of those whose content is masked before it is stored; at most 30 s old."""
        now = self._seconds()
        if self._good_until is None or now >= self._good_until:
            self._rules = await self._read()
            self._good_until = now + REMEMBERED_SECONDS
        return self._rules.masked

    def minimum_availability(self, account: str, affiliate: str) -> int | None:
        """Return the integration's own minimum, None where it has none: as of the last `list_masked`, which opens every batch."""
        return self._rules.minimums.get((account, affiliate))

    async def _read(self) -> _Rules:
        # A removed integration keeps its masking: its events still come, and nobody asked to show what was hidden.
        with_rules = {"$or": [{"mask_at_write": {"$eq": True}}, {"minimum_availability": {"$type": "number"}}]}
        wanted = {"account": 1, "affiliate": 1, "mask_at_write": 1, "minimum_availability": 1}
        with translated():
            found = await self._integrations.find(with_rules, wanted).to_list()
        return _Rules(
            frozenset((one["account"], one["affiliate"]) for one in found if one.get("mask_at_write")),
            {
                (one["account"], one["affiliate"]): minimum
                for one in found
                if (minimum := one.get("minimum_availability")) is not None
            },
        )
