"""What a job has done so far, as its document keeps it: matched = sent + failed + all that was skipped; a dry run sends none.

A dry run says so (`dry_run`), and how many it would have sent: matched = eligible + all that was skipped.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from shared.contracts.times import aware

LONGEST_WHY: Final = 300
"""Characters kept of a server's words: a driver may add all that it knows of its cluster."""

MAX_FAILURES_NAMED: Final = 20
"""Failed items named in the progress, so that a person sees examples; the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that the broker refused for good: `reason` such as too_large, and the broker's own words."""

    affiliate: str
    code: str
    reason: str
    detail: str = ""


@dataclass(slots=True)
class Tally:
    """What became of the items of one batch; `matched` is all of them. `eligible`: what a dry run left alone."""

    matched: int = 0
    sent: int = 0
    eligible: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Progress:
    """The sums, and where to go on: `last_id` the last entry settled, `next_at` the next free slot of a paced job.

    `stalled_since` is the instant since which nothing could be sent, `stalled_why` what stood in the way last; None while the job moves.
    `eligible` counts for a dry run.
    """

    matched: int = 0
    sent: int = 0
    failed: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[Mapping[str, str], ...] = ()
    last_id: str | None = None
    next_at: datetime | None = None
    stalled_since: datetime | None = None
    stalled_why: str | None = None
    dry_run: bool = False
    eligible: int = 0

    @classmethod
    def read(cls, document: Mapping[str, Any], *, dry_run: bool = False) -> "Progress":
        """Return what a job's `progress` says; an empty one is a job not begun."""
        return cls(
            matched=document.get("matched", 0),
            sent=document.get("sent", 0),
            failed=document.get("failed", 0),
            skipped=document.get("skipped", {}),
            failures=tuple(document.get("failures", ())),
            last_id=document.get("last_id"),
            next_at=_instant(document.get("next_at")),
            stalled_since=_instant(document.get("stalled_since")),
            stalled_why=document.get("stalled_why"),
            dry_run=dry_run,
            eligible=document.get("eligible", 0),
        )

    def plus(self, tally: Tally, *, last_id: str | None, next_at: datetime | None) -> "Progress":
        """Return the progress after a batch that ended at `last_id`; None: the batch was empty."""
        named = tuple(
            {"affiliate": item.affiliate, "code": item.code, "reason": item.reason, "detail": item.detail}
            for item in tally.failures
        )
        return Progress(
            matched=self.matched + tally.matched,
            sent=self.sent + tally.sent,
            failed=self.failed + len(tally.failures),
            skipped=dict(Counter(self.skipped) + tally.skipped),
            failures=(*self.failures, *named)[:MAX_FAILURES_NAMED],
            last_id=last_id or self.last_id,
            next_at=next_at,
            dry_run=self.dry_run,
            eligible=self.eligible + tally.eligible,
        )

    def stalled(self, now: datetime, why: str) -> "Progress":
        """Return the same progress, marked as standing still since `now` or earlier."""
        return replace(self, stalled_since=self.stalled_since or now, stalled_why=why[:LONGEST_WHY])

    def to_document(self) -> dict[str, Any]:
        """Return the fields as the job keeps them."""
        return {
            **self.to_counts(),
            "failures": [dict(item) for item in self.failures],
            "last_id": self.last_id,
            "next_at": self.next_at,
            "stalled_since": self.stalled_since,
            "stalled_why": self.stalled_why,
        }

    def to_counts(self) -> dict[str, Any]:
        """Return the sums alone, for whoever watches."""
        counts = {"matched": self.matched, "sent": self.sent, "skipped": dict(self.skipped), "failed": self.failed}
        return {**counts, "dry_run": True, "eligible": self.eligible} if self.dry_run else counts


def _instant(value: datetime | None) -> datetime | None:
    return None if value is None else aware(value)
