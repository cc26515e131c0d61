"""The story of API keys: made, shown, replaced, taken away. A secret is told once, to who asked for it, and stored as a hash."""

import secrets
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from services.query.core.cursor import Binding, Position
from services.query.core.keys import (
    LONGEST_OVERLAP,
    MARK,
    ApiKey,
    check_expiry,
    check_grant,
    end_of_overlap,
    prefix_of,
    successor_expiry,
)
from services.query.core.leaf import Leaf
from services.query.core.permissions import Caller
from services.query.handlers.auditing import Audit, record_act
from services.query.handlers.leafing import DEFAULT_LIMIT, read_leaf
from shared.contracts.errors import InvalidField, NotEligible, NotFound
from shared.contracts.stored_secrets import digest_of
from shared.contracts.times import to_milliseconds
from shared.runtime.clock import Clock

ORDER: Final = "-created_at"
SECRET_BYTES: Final = 32
ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and its secret: the only time that it is told."""

    key: ApiKey
    secret: str


class KeyStore(Protocol):
    """The keys of all accounts, by the hash of their secret. Raises Transient."""

    async def find_key(self, digest: str) -> ApiKey | None:
        """Return the key of that hash, whatever it is still worth. What it says may be a few seconds old."""
        ...

    async def find_key_by_id(self, account: str, key_id: str) -> ApiKey | None:
        """Return the account's key of that id. What it says may be a few seconds old."""
        ...

    async def add_key(self, key: ApiKey, digest: str) -> None:
        """Store a key; one of the same id stays as it is."""
        ...

    async def put_key(self, key: ApiKey, digest: str) -> None:
        """Store a key in the place of the account's one of the same id, if there is one: its secret is good no more."""
        ...

    async def list_keys(
        self, account: str, *, after: Position | None, ascending: bool = False, limit: int
    ) -> list[ApiKey]:
        """Return the first `limit` keys beyond `after`, newest first by (created_at, id), or oldest first."""
        ...

    async def note_use(self, key_id: str, *, at: datetime, unless_since: datetime) -> None:
        """Write down that the key was used at `at`, unless a use after `unless_since` is known."""
        ...

    async def revoke_key(self, account: str, key_id: str, *, at: datetime) -> ApiKey | None:
        """Return the key as it stands then: revoked, at `at` or before. None when the account has none of that id."""
        ...

    async def replace_key(self, account: str, key_id: str, *, by: str, until: datetime, now: datetime) -> ApiKey | None:
        """Let the key end at `until` and name its successor; None unless it is active and has no successor yet."""
        ...


async def create_key(
    keys: KeyStore,
    audit: Audit,
    caller: Caller,
    *,
    name: str,
    scopes: AbstractSet[str],
    expires_at: datetime | None = None,
    reason: str = "",
    operation: str | None = None,
    now: Clock,
) -> NewKey:
    """Return a new key of the caller's account. Raise NotPermitted (no admin, or more than the caller holds), InvalidField.

    An `operation` makes one key however often it is tried: the secret of an earlier try, which nobody was told, is good no more.
    """
    caller.require("admin")
    check_grant(caller, scopes)
    moment = to_milliseconds(now())
    check_expiry(expires_at, moment)
    new = _new_key(caller, name, scopes, expires_at, operation=operation, now=moment)
    await record_act(audit, caller, "key.created", new.key.id, now=moment, reason=reason)
    await keys.put_key(new.key, digest_of(new.secret))
    return new


async def list_keys(
    keys: KeyStore, caller: Caller, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Leaf[ApiKey]:
    """Return a page of the account's keys, newest first, also those that are over. Raise NotPermitted, InvalidCursor, InvalidField."""
    caller.require("admin")
    binding = Binding(caller.account, "", f"keys {ORDER}")
    read = partial(keys.list_keys, caller.account)
    return await read_leaf(read, binding, cursor=cursor, limit=limit, place_of=_place_of)


async def get_key(keys: KeyStore, caller: Caller, key_id: str) -> ApiKey:
    """Return one key of the account. Raise NotPermitted, NotFound."""
    caller.require("admin")
    found = await keys.find_key_by_id(caller.account, key_id)
    if found is None:
        raise NotFound(f"there is no key {key_id!r}")
    return found


async def rotate_key(
    keys: KeyStore,
    audit: Audit,
    caller: Caller,
    key_id: str,
    *,
    overlap: timedelta,
    expires_at: datetime | None = None,
    reason: str = "",
    operation: str | None = None,
    now: Clock,
) -> NewKey:
    """Return a key of the same name and scopes; the old one works for `overlap` more, so that nobody has to hurry.

    An `operation` makes one successor however often it is tried: the secret of an earlier try, which nobody was told, is good no more.
    Raise NotFound, NotEligible (over, or replaced already), NotPermitted, InvalidField.
    """
    old = await get_key(keys, caller, key_id)
    check_grant(caller, old.scopes)  # whoever gets the secret can do what the key can
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise InvalidField("overlap_seconds", f"must be 0 to {LONGEST_OVERLAP // timedelta(seconds=1)}")
    moment = to_milliseconds(now())
    check_expiry(expires_at, moment)
    if operation is not None and old.replaced_by == _id_of(operation):
        return await _tell_anew(keys, audit, caller, old, operation, reason=reason, now=moment)
    ends = expires_at or successor_expiry(old, moment)
    new = _new_key(caller, old.name, old.scopes, ends, operation=operation, now=moment)
    if old.state_at(moment) != "active" or old.replaced_by is not None:
        raise NotEligible(f"the key {key_id!r} is over or replaced already; create a new one")
    await record_act(audit, caller, "key.rotated", key_id, now=moment, reason=reason)
    await keys.put_key(new.key, digest_of(new.secret))
    until = end_of_overlap(old, moment, overlap)
    if await keys.replace_key(caller.account, key_id, by=new.key.id, until=until, now=moment) is None:
        await keys.revoke_key(caller.account, new.key.id, at=moment)  # someone else was faster: one successor is enough
        raise NotEligible(f"the key {key_id!r} was replaced or revoked just now; look at it again")
    return new


async def _tell_anew(
    keys: KeyStore, audit: Audit, caller: Caller, old: ApiKey, operation: str, *, reason: str, now: datetime
) -> NewKey:
    """Give the successor that an earlier try made another secret, and return it. Raise NotEligible when it was revoked meanwhile."""
    made = await get_key(keys, caller, _id_of(operation))
    if made.state_at(now) != "active":
        raise NotEligible(f"the key {old.id!r} was replaced already, and its successor is over; create a new one")
    new = _new_key(caller, made.name, made.scopes, made.expires_at, operation=operation, now=made.created_at)
    await record_act(audit, caller, "key.rotated", old.id, now=now, reason=reason)
    await keys.put_key(new.key, digest_of(new.secret))
    return new


async def revoke_key(
    keys: KeyStore, audit: Audit, caller: Caller, key_id: str, *, reason: str = "", now: Clock
) -> ApiKey:
    """Take a key away, with the sessions that it opened; again changes nothing. Raise NotPermitted, NotFound."""
    await get_key(keys, caller, key_id)
    moment = to_milliseconds(now())
    await record_act(audit, caller, "key.revoked", key_id, now=moment, reason=reason)
    revoked = await keys.revoke_key(caller.account, key_id, at=moment)
    if revoked is None:
        raise NotFound(f"there is no key {key_id!r}")
    return revoked


def _id_of(operation: str) -> str:
    return digest_of(operation)[: 2 * ID_BYTES]


def _place_of(key: ApiKey) -> Position:
    return Position(key.created_at, key.id)


def _new_key(
    caller: Caller,
    name: str,
    scopes: AbstractSet[str],
    expires_at: datetime | None,
    *,
    now: datetime,
    operation: str | None = None,
) -> NewKey:
    secret = MARK + secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey(
        id=secrets.token_hex(ID_BYTES) if operation is None else _id_of(operation),
        account=caller.account,
        name=name,
        scopes=frozenset(scopes),
        prefix=prefix_of(secret),
        created_at=now,
        created_by=caller.key_id,
        expires_at=None if expires_at is None else to_milliseconds(expires_at),
    )
    return NewKey(key, secret)
