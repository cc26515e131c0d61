"""An API key as it is known afterwards: everything but its secret."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from services.query.core.permissions import Caller, CredentialRefused
from shared.contracts.errors import InvalidField, NotPermitted
from shared.contracts.times import format_instant

KeyState = Literal["active", "expired", "revoked"]

MARK: Final = "ponte_"
"""Every key that we make starts so: scanners for leaked secrets, and people, know what they have found."""
PREFIX_LENGTH: Final = 6
"""Letters of a secret that may be shown, to tell keys apart; those of `MARK` come before them."""
MIN_KEY_LENGTH: Final = 32
LONGEST_OVERLAP: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key. Instants are aware, whole milliseconds; `created_by` is the key id of who made it.

    `last_used_at` may lag by a minute. `replaced_by`: the id of the key that took its place; it works until `expires_at`.
    """

    id: str
    account: str
    name: str
    scopes: frozenset[str]
    prefix: str
    created_at: datetime
    created_by: str = ""
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    replaced_by: str | None = None

    def state_at(self, now: datetime) -> KeyState:
        """Say what the key is worth at `now`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    def caller_at(self, now: datetime) -> Caller:
        """Return who holds the key. Raise CredentialRefused when it is revoked or expired: only its holder reads that."""
        state, when = self.state_at(now), self.revoked_at or self.expires_at
        if state != "active" and when is not None:
            raise CredentialRefused(
                f"the key {self.name!r} is {state} since {format_instant(when)}; ask for another one"
            )
        return Caller(self.account, self.id, self.name, self.scopes, good_until=self.expires_at)


def prefix_of(secret: str) -> str:
    """Return the letters of a key that may be shown."""
    return secret[: PREFIX_LENGTH + (len(MARK) if secret.startswith(MARK) else 0)]


def check_grant(caller: Caller, scopes: AbstractSet[str]) -> None:
    """Raise NotPermitted when `scopes` are more than the caller's own: nobody makes themselves more than they are."""
    if beyond := sorted(scopes - caller.scopes):
        raise NotPermitted(f"a key can hold only what its maker holds: {caller.name!r} lacks {beyond}")


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Raise InvalidField for an expiry that has passed."""
    if expires_at is not None and expires_at <= now:
        raise InvalidField("expires_at", "must lie in the future; to end a key at once, revoke it")


def successor_expiry(key: ApiKey, now: datetime) -> datetime | None:
    """Return when a key that takes the place of `key` ends unless someone says otherwise: it lasts as long as that one did."""
    if key.expires_at is None:
        return None
    try:
        return now + (key.expires_at - key.created_at)
    except OverflowError:  # its maker wrote the end of the calendar for "never"
        return key.expires_at


def end_of_overlap(key: ApiKey, now: datetime, overlap: timedelta) -> datetime:
    """Return until when `key` works beside its successor: never longer than it would have."""
    end = now + overlap
    return end if key.expires_at is None else min(end, key.expires_at)
