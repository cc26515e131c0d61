"""An integration: a marketplace connection of an account as it is registered, and what is odd about it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from shared.contracts.names import KINDS

Standing = Literal["active", "paused", "removed", "unregistered"]
"""`unregistered`: only its events are known. Its entries are kept and shown like all others."""

AFFILIATE_RULE: Final = re.compile(r"[B-DF-HJ-NP-TV-Z]{3}")
"""Three consonants, repeats allowed. The marketplaces' own documents break it, so it only warns."""


KEPT_FROM_NULL: Final = frozenset({"marketplace", "mask_at_write", "paused"})


@dataclass(frozen=True, slots=True)
class Integration:
    """A registered connection of an account to a marketplace.

    `kinds`: those switched on. `minimum_availability`: stock changes above it are not sent on; None is the deployment's own rule.
    `freshness_seconds`: per kind, how old its newest event may be. `mask_at_write`: its events' personal data is never stored.
    `automatic_retries`: what may pass by itself is sent to its connector again unasked; off for one that retries by itself.
    `revision` counts the writes: whoever changes it must know the newest. A removed one keeps its place, name and masking.
    `operation`: what registered it, if it was a request that may be sent again.
    """

    affiliate: str
    marketplace: str
    kinds: tuple[str, ...] = KINDS
    minimum_availability: int | None = None
    emails: tuple[str, ...] = ()
    freshness_seconds: Mapping[str, int] = field(default_factory=dict)
    mask_at_write: bool = False
    automatic_retries: bool = True
    paused: bool = False
    removed_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    updated_by: str = ""
    revision: int = 0
    operation: str | None = None

    def merged(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that a merge patch (RFC 7396) sets: null is the default again, of one kind's objective that there is none.

        Nobody takes away by a null what protects or names: of `marketplace`, `mask_at_write` and `paused` it says nothing.
        """
        plain = Integration(self.affiliate, self.marketplace)
        fields = {
            name: getattr(plain, name) if value is None else value
            for name, value in said.items()
            if value is not None or name not in KEPT_FROM_NULL
        }
        if objectives := said.get("freshness_seconds"):
            merged = {**self.freshness_seconds, **objectives}
            fields["freshness_seconds"] = {kind: seconds for kind, seconds in merged.items() if seconds is not None}
        return fields

    @property
    def standing(self) -> Standing:
        """Whether it works, and if not, why."""
        if self.removed_at is not None:
            return "removed"
        return "paused" if self.paused else "active"

    def is_on(self, kind: str) -> bool:
        """Say whether items of `kind` may be sent to its connector."""
        return self.standing == "active" and kind in self.kinds


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something that is taken as it is, and perhaps a slip: the field, a word for programs, a sentence for people."""

    field: str
    code: Literal["affiliate-rule", "kind-switched-off"]
    message: str


def oddities_of(integration: Integration) -> Iterator[Oddity]:
    """Yield what a person may want to look at again."""
    if not AFFILIATE_RULE.fullmatch(integration.affiliate):
        yield Oddity(
            "affiliate",
            "affiliate-rule",
            "affiliate ids are three consonants in capitals, such as MLC; this one is taken as it is",
        )
    for kind in integration.freshness_seconds:
        if kind not in integration.kinds:
            yield Oddity(
                f"freshness_seconds.{kind}", "kind-switched-off", f"{kind} is switched off: its objective waits"
            )


class Marketplaces(Mapping[str, str]):
    """Affiliate → marketplace name of an account, removed ones included, and how each affiliate stands."""

    def __init__(self, integrations: Iterable[Integration]) -> None:
        self._known = {integration.affiliate: integration for integration in integrations}

    def __getitem__(self, affiliate: str) -> str:
        """Return the marketplace's name. Raise KeyError for an affiliate that nobody registered."""
        return self._known[affiliate].marketplace

    def __iter__(self) -> Iterator[str]:
        """Yield the affiliates."""
        return iter(self._known)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._known)

    def is_registered(self, affiliate: str) -> bool:
        """Say whether somebody registered the affiliate and nobody removed it since."""
        return self.standing(affiliate) in {"active", "paused"}

    def standing(self, affiliate: str, kind: str = "") -> Standing:
        """Return how the affiliate stands; with a `kind`, one that is switched off is paused."""
        known = self._known.get(affiliate)
        if known is None:
            return "unregistered"
        is_off = bool(kind) and known.standing == "active" and kind not in known.kinds
        return "paused" if is_off else known.standing

    def may_retry(self, affiliate: str, kind: str) -> bool:
        """Say whether items may be sent to the affiliate's connector unasked."""
        known = self._known.get(affiliate)
        return known is None or (known.is_on(kind) and known.automatic_retries)

    def off(self, kind: str) -> frozenset[str]:
        """Return the registered affiliates to whose connectors nothing of `kind` may be sent."""
        return frozenset(affiliate for affiliate, known in self._known.items() if not known.is_on(kind))
