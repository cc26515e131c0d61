"""What the streams that ask for the same share: their filter, what they were told, and how much they are told in a second."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from services.query.core.stream.budget import Budget
from services.query.core.stream.changes import Change, Place
from shared.contracts.catalogue import Language
from shared.contracts.filters import LogFilter
from shared.contracts.matching import lets_pass

Verdict = Literal["matches", "left", "gone"]
"""`matches`: a row of the filter, new or changed. `left`: it changed and is none, perhaps any more. `gone`: it was deleted."""

MOST_TOLD_OFF: Final = 5_000
PAUSE_SECONDS: Final = 2.0
"""A channel on which too much happens is silent for so long; then it is told once more to read the list."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a stream asks for. `language` is that of titles and guidance; every scope that may read sees the same, masked."""

    account: str
    rows: LogFilter
    language: Language


@dataclass(eq=False, slots=True)
class Channel:
    """The state of one wish. Times are seconds of a clock that only goes forward."""

    wish: Wish
    budget: Budget
    told_off: set[int] = field(default_factory=set)
    silent_until: float | None = None
    missed: bool = False

    def may_want(self, place: Place) -> bool:
        """Say whether changes of such entries can concern the wish, by what never changes of an entry."""
        account, kind, affiliate = place
        rows = self.wish.rows
        return (
            account == self.wish.account
            and (not rows.kind or kind in rows.kind)
            and (not rows.affiliate or affiliate in rows.affiliate)
        )

    def judge(self, change: Change, document: Mapping[str, Any] | None) -> Verdict | None:
        """Return what a change that `may_want` lets pass is to the streams; None when there is nothing to tell.

        Without the document as it was before, nobody knows whether an entry that does not match matched then. One that was made
        just now did not; of the others it is told once that they do not, until they match again.
        """
        mark = hash(change.entry_id)
        if change.what == "gone":
            self.told_off.discard(mark)
            return "gone"
        if document is None:  # deleted since: that change comes, too
            return None
        if lets_pass(self.wish.rows, self.wish.account, document):
            self.told_off.discard(mark)
            return "matches"
        if change.what == "made" or mark in self.told_off:
            return None
        if len(self.told_off) >= MOST_TOLD_OFF:
            self.told_off.clear()
        self.told_off.add(mark)
        return "left"

    def fall_silent(self, now: float) -> None:
        """Tell nothing for a moment: too much happens."""
        self.silent_until, self.missed = now + PAUSE_SECONDS, False
        self.told_off.clear()

    def speak_again(self) -> None:
        """End the silence: the streams were told to read the list just now."""
        self.silent_until, self.missed = None, False

    def is_silent(self, now: float) -> bool:
        """Say whether the channel is silent."""
        return self.silent_until is not None and now < self.silent_until

    def is_back(self, now: float) -> bool:
        """Say, once, that the silence is over and something was missed in it."""
        if self.silent_until is None or now < self.silent_until:
            return False
        self.silent_until, missed, self.missed = None, self.missed, False
        return missed
