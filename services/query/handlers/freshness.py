"""How the integrations do: what was heard of each, judged by its own objectives; and affiliates that nobody registered."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from services.query.core.freshness import RECENT, Health, KindHealth, Recent, judge
from services.query.core.integration import Integration, Marketplaces
from services.query.core.permissions import Caller
from shared.contracts.errors import StoreUnavailable

MAX_AFFILIATES: Final = 500
"""Affiliates of events that are listed: many more than a shop has, fewer than a broken connector may invent."""
MAX_SHARES: Final = 100
"""Shares taken for one answer, each up to a thousand keys: the most restless kinds of the first integrations."""
AT_ONCE: Final = 8

Heard = Mapping[str, Mapping[str, Mapping[str, datetime]]]
"""Affiliate → kind → status → when an item that has it now was processed last."""


class FreshnessReader(Protocol):
    """What the log tells of affiliates. Raises StoreUnavailable when it takes longer than its time limit."""

    async def list_affiliates(self, account: str, *, at_most: int) -> list[str]:
        """Return the affiliates that have entries, in order."""
        ...

    async def list_last_events(self, account: str, affiliates: Sequence[str]) -> Heard:
        """Return what was heard of these affiliates; one that was never heard of is left out."""
        ...

    async def count_recent(self, account: str, affiliate: str, kind: str, *, since: datetime) -> Recent:
        """Return how the items processed since then stand, at most the newest MOST_RECENT."""
        ...


async def list_unregistered(freshness: FreshnessReader, caller: Caller, known: Marketplaces) -> list[str]:
    """Return the affiliates whose events came though nobody ever registered them."""
    caller.require("read")
    # So many more as are known: they must not take the place of those that are looked for.
    seen = await freshness.list_affiliates(caller.account, at_most=MAX_AFFILIATES + len(known))
    return [affiliate for affiliate in seen if affiliate not in known][:MAX_AFFILIATES]


async def check_health(
    freshness: FreshnessReader, caller: Caller, integrations: Sequence[Integration], *, now: datetime
) -> dict[str, Health]:
    """Return affiliate → health."""
    caller.require("read")
    heard = await freshness.list_last_events(caller.account, [one.affiliate for one in integrations])
    found = {one.affiliate: judge(one, heard.get(one.affiliate, {}), now=now) for one in integrations}
    shares = await _shares(freshness, caller.account, found, since=now - RECENT)
    return {affiliate: replace(health, kinds=_with(health, affiliate, shares)) for affiliate, health in found.items()}


async def _shares(
    freshness: FreshnessReader, account: str, found: Mapping[str, Health], *, since: datetime
) -> dict[tuple[str, str], Recent]:
    asked = [
        (affiliate, one.kind)
        for affiliate, health in found.items()
        for one in health.kinds
        if one.last_event_at is not None and one.last_event_at >= since
    ][:MAX_SHARES]
    turns = asyncio.Semaphore(AT_ONCE)

    async def count(affiliate: str, kind: str) -> Recent | None:
        async with turns:
            try:
                return await freshness.count_recent(account, affiliate, kind, since=since)
            except StoreUnavailable:  # a share is a help beside the rest
                return None

    counted = await asyncio.gather(*(count(*pair) for pair in asked))
    return {pair: recent for pair, recent in zip(asked, counted, strict=True) if recent is not None}


def _with(health: Health, affiliate: str, shares: Mapping[tuple[str, str], Recent]) -> list[KindHealth]:
    return [replace(one, recent=shares.get((affiliate, one.kind))) for one in health.kinds]
