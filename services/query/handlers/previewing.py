"""What a reprocess would do, told before anything is done: how many rows would go, which not, and why."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from services.query.core.permissions import Caller
from services.query.handlers.commanding import DryRun
from shared.contracts.commands import Item, ReprocessCommand
from shared.contracts.eligibility import Refusal, refusal
from shared.contracts.entries import LogEntry
from shared.contracts.events import entry_id
from shared.contracts.filters import LogFilter

Reason = Refusal | Literal["paused"]
MAX_SKIPPED_NAMED: Final = 100
"""Skipped rows named in a preview, so that a person sees which; the counts tell of all."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that would not be sent, and why."""

    affiliate: str
    code: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Preview(DryRun):
    """What a reprocess would do. `skipped_items`: the first rows skipped, in the order of the items, or of their ids."""

    skipped_items: Sequence[Skipped] = ()


@dataclass(frozen=True, slots=True)
class Alike:
    """`count` entries to which the rule of eligibility gives the same answer as to `specimen`."""

    specimen: LogEntry
    count: int


class EntryFinder(Protocol):
    """What a dry run needs to know. Raises StoreUnavailable when it takes longer than its time limit."""

    async def find_entries(self, identities: Sequence[str]) -> dict[str, LogEntry]:
        """Return the entries among `identities`, by id, without payload."""
        ...

    async def list_alike(self, account: str, rows: LogFilter) -> list[Alike]:
        """Return all rows of the filter, told by what decides their eligibility."""
        ...

    async def list_refused(
        self, account: str, rows: LogFilter, *, hopeless: AbstractSet[str], limit: int
    ) -> list[LogEntry]:
        """Return the first rows of the filter, by id, that the rule of eligibility refuses; none when that takes too long.

        `rows` has exactly one kind. `hopeless`: the error codes among the rows for which trying again never helps.
        """
        ...


async def preview_reprocess(
    entries: EntryFinder, caller: Caller, command: ReprocessCommand, *, off: AbstractSet[str] = frozenset()
) -> Preview:
    """Return how many rows the command would send and which it would skip, and why; changes nothing. Raise NotPermitted.

    `off`: the affiliates to whose connectors nothing of the command's kind is sent; what would go there is `paused`.
    """
    caller.require("reprocess")
    caller.require_account(command.account)
    rows = command.log_filter()
    if rows is None:
        return await _preview_items(entries, caller.account, command.kind, command.items or (), off)
    return await _preview_filter(entries, caller.account, rows, off)


async def _preview_items(
    entries: EntryFinder, account: str, kind: str, items: Sequence[Item], off: AbstractSet[str]
) -> Preview:
    wanted = {entry_id(account, kind, item.affiliate, item.code): item for item in items}
    found = await entries.find_entries(list(wanted))
    skipped = [
        Skipped(item.affiliate, item.code, reason)
        for identity, item in wanted.items()
        if (reason := refusal(found.get(identity), explicit=True) or _paused(item.affiliate, off))
    ]
    counts: dict[str, int] = {}
    for one in skipped:
        counts[one.reason] = counts.get(one.reason, 0) + 1
    return _preview(len(wanted), counts, skipped[:MAX_SKIPPED_NAMED])


async def _preview_filter(entries: EntryFinder, account: str, rows: LogFilter, off: AbstractSet[str]) -> Preview:
    alike = await entries.list_alike(account, rows)
    counts: dict[str, int] = {}
    hopeless: set[str] = set()
    for group in alike:
        if reason := refusal(group.specimen, explicit=False):
            counts[reason] = counts.get(reason, 0) + group.count
        if reason == "never":
            hopeless.update(cause["code"] for cause in group.specimen.causes)
    refused = await entries.list_refused(account, rows, hopeless=hopeless, limit=MAX_SKIPPED_NAMED) if counts else []
    named = [
        Skipped(entry.affiliate, entry.code, reason) for entry in refused if (reason := refusal(entry, explicit=False))
    ]
    if paused := await _count_paused(entries, account, rows, off):
        counts["paused"] = paused
    return _preview(sum(group.count for group in alike), counts, named)


async def _count_paused(entries: EntryFinder, account: str, rows: LogFilter, off: AbstractSet[str]) -> int:
    """Return how many rows would go, were their integrations not switched off: the reprocessor asks in this order too."""
    affiliates = tuple(sorted(off & set(rows.affiliate) if rows.affiliate else off))
    if not affiliates:
        return 0
    alike = await entries.list_alike(account, replace(rows, affiliate=affiliates))
    return sum(group.count for group in alike if refusal(group.specimen, explicit=False) is None)


def _paused(affiliate: str, off: AbstractSet[str]) -> Literal["paused"] | None:
    return "paused" if affiliate in off else None


def _preview(matched: int, skipped: Mapping[str, int], named: Sequence[Skipped]) -> Preview:
    eligible = matched - sum(skipped.values())
    return Preview(matched=matched, eligible=eligible, skipped=skipped, skipped_items=named)
