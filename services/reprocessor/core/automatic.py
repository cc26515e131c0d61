"""A retry that nobody asked for: a command like a person's, which says the how-manieth it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from shared.contracts.automatic_retries import AUTOMATIC
from shared.contracts.commands import Item, ReprocessCommand, parse_command
from shared.contracts.entries import LogEntry
from shared.contracts.names import Kind

REQUESTED_BY: Final = "ponte"


class AutomaticRetry(ReprocessCommand):
    """A reprocess command of ours. No topic and no route takes it: a command from outside may not say `tries`."""

    tries: Annotated[int, Field(ge=1)]


def automatic_retry(
    kind: Kind, entries: Sequence[LogEntry], tries: int, *, now: datetime, per_second: int
) -> AutomaticRetry:
    """Return the command to retry `entries`, all of one account and `kind`, for the `tries`-th time.

    Its id is the second it is asked in: of two workers that find the same entries at once, one command is kept.
    """
    return AutomaticRetry(
        id=f"{job_prefix(kind)}{tries}:{int(now.timestamp())}",
        account=entries[0].account,
        kind=kind,
        items=[Item(affiliate=entry.affiliate, code=entry.code) for entry in entries],
        reason=f"automatic retry {tries}",
        requested_by=REQUESTED_BY,
        max_per_second=per_second,
        tries=tries,
    )


def job_prefix(kind: Kind) -> str:
    """Return how the ids of a kind's jobs begin."""
    return f"{AUTOMATIC}{kind}:"


def shares(sizes: Sequence[int], per_second: int) -> list[int]:
    """Return how many items a second each of the jobs may send that go side by side: by their sizes, 1 at least, `per_second` together.

    `sizes` has `per_second` jobs at most.
    """
    spare = per_second - len(sizes)
    return [1 + spare * size // sum(sizes) for size in sizes]


def read_stored(command: Mapping[str, Any]) -> ReprocessCommand:
    """Return a job's stored command, a person's or ours. Raise InvalidCommand."""
    return parse_command(AutomaticRetry if "tries" in command else ReprocessCommand, command)
