"""Who asks: API keys, one-time sign-in codes, sessions of the panel. Only hashes of secrets are ever stored.

What a key opens ends with it: a code or a session of a key that was revoked or has expired lets nobody in.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.query.core.keys import MIN_KEY_LENGTH, ApiKey, prefix_of
from services.query.core.permissions import SCOPES, Caller, CredentialRefused
from services.query.handlers.auditing import Audit, record_act
from services.query.handlers.keys import KeyStore
from shared.contracts.errors import NotPermitted, PonteError
from shared.contracts.stored_secrets import digest_of
from shared.contracts.times import to_milliseconds
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger

log = get_logger(__name__)

CODE_LIFETIME: Final = timedelta(minutes=10)
SESSION_LIFETIME: Final = timedelta(hours=12)
USE_NOTED_EVERY: Final = timedelta(minutes=1)
"""A busy key costs one write a minute; its last use is told as exactly."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A secret handed out once, and until when it is good."""

    secret: str
    expires_at: datetime


class Credentials(KeyStore, Protocol):
    """Keys, codes and sessions, each found by the hash of its secret."""

    async def save_code(self, digest: str, holder: Caller, *, expires_at: datetime) -> None:
        """Store a one-time code."""
        ...

    async def take_code(self, digest: str, *, now: datetime) -> Caller | None:
        """Return the holder and make the code void, in one step: of two takers one gets None."""
        ...

    async def save_session(self, digest: str, holder: Caller, *, expires_at: datetime) -> None:
        """Store a session."""
        ...

    async def find_session(self, digest: str, *, now: datetime) -> Caller | None:
        """Return who holds the session, None when it is unknown or over."""
        ...

    async def end_session(self, digest: str) -> None:
        """Forget the session."""
        ...


async def ensure_first_key(credentials: Credentials, account: str, key: str, *, now: Clock) -> None:
    """Store the key of the settings, with every scope, for the account of the settings, unless it is known. Safe to repeat.

    A revoked one stays so; one that was made here, such as the successor of a first key, stays what it was made as.
    """
    digest = digest_of(key)
    stored = await credentials.find_key(digest)
    if stored is None:
        first = ApiKey(
            id=digest[:16],
            account=account,
            name="first",
            scopes=frozenset(SCOPES),
            prefix=prefix_of(key),
            created_at=to_milliseconds(now()),
        )
        await credentials.add_key(first, digest)
        stored = await credentials.find_key(digest)
    if stored is not None and stored.state_at(now()) != "active":
        log.warning("key.over", extra={"facts": {"why": "PONTE_API_KEY is a key that was revoked or has expired"}})
    if stored is not None and stored.account != account:
        why = f"PONTE_API_KEY is a key of the account {stored.account} and stays so; PONTE_ACCOUNT is {account}"
        log.warning("key.of_another_account", extra={"facts": {"why": why}})


async def find_caller_by_key(credentials: Credentials, key: str, *, now: Clock) -> Caller:
    """Return who holds the API key. Raise CredentialRefused for one that is unknown, expired or revoked."""
    found = await credentials.find_key(digest_of(key)) if len(key) >= MIN_KEY_LENGTH else None
    if found is None:
        raise CredentialRefused("this key is not known")
    caller = found.caller_at(now())
    await _note_use(credentials, found, now=now)
    return caller


async def create_sign_in_code(credentials: Credentials, audit: Audit, caller: Caller, *, now: Clock) -> Issued:
    """Return a one-time code that signs its bearer in with the caller's account and scopes. Raise NotPermitted."""
    caller.require("admin")
    issued = Issued(secrets.token_urlsafe(32), _end(caller, now() + CODE_LIFETIME))
    await record_act(audit, caller, "sign_in_code.created", caller.key_id, now=now())
    await credentials.save_code(digest_of(issued.secret), caller, expires_at=issued.expires_at)
    return issued


async def exchange_sign_in_code(
    credentials: Credentials, audit: Audit, code: str, *, now: Clock, request_id: str = ""
) -> Issued:
    """Return a new session for a code that was not used yet. Raise NotPermitted."""
    holder = await credentials.take_code(digest_of(code), now=now())
    if holder is None or not await is_still_good(credentials, holder, now=now):
        raise NotPermitted("this sign-in link was used already, or is older than 10 minutes; ask for a new one")
    return await _open_session(credentials, audit, replace(holder, request_id=request_id), now=now)


async def sign_in_with_key(
    credentials: Credentials, audit: Audit, key: str, *, now: Clock, request_id: str = ""
) -> Issued:
    """Return a new session for an API key, as typed into the panel's form. Raise CredentialRefused."""
    holder = await find_caller_by_key(credentials, key.strip(), now=now)
    return await _open_session(credentials, audit, replace(holder, request_id=request_id), now=now)


async def find_caller_by_session(credentials: Credentials, token: str, *, now: Clock) -> Caller | None:
    """Return who holds the session, None when it is unknown or over, or the key that opened it is."""
    holder = await credentials.find_session(digest_of(token), now=now())
    return holder if holder is not None and await is_still_good(credentials, holder, now=now) else None


async def sign_out(credentials: Credentials, token: str) -> None:
    """End the session; unknown ones are none of our business."""
    await credentials.end_session(digest_of(token))


async def is_still_good(credentials: Credentials, caller: Caller, *, now: Clock) -> bool:
    """Say whether what the caller came with would be accepted now: for what outlasts a request, a session or a stream."""
    if caller.good_until is not None and caller.good_until <= now():
        return False
    if caller.by_token:  # no key of ours is behind it: what it opened ends with the token, by its own time
        return True
    key = await credentials.find_key_by_id(caller.account, caller.key_id)
    if key is None or key.state_at(now()) != "active":
        return False
    await _note_use(credentials, key, now=now)
    return True


async def _note_use(credentials: Credentials, key: ApiKey, *, now: Clock) -> None:
    moment = to_milliseconds(now())
    if key.last_used_at is not None and moment - key.last_used_at < USE_NOTED_EVERY:
        return
    try:
        await credentials.note_use(key.id, at=moment, unless_since=moment - USE_NOTED_EVERY)
    except PonteError as error:  # no reason to refuse who may ask
        log.warning("key.use_unnoted", extra={"facts": {"key_id": key.id, "why": str(error)}})


async def _open_session(credentials: Credentials, audit: Audit, holder: Caller, *, now: Clock) -> Issued:
    issued = Issued(secrets.token_urlsafe(32), _end(holder, now() + SESSION_LIFETIME))
    await record_act(audit, replace(holder, by_session=True), "session.opened", holder.key_id, now=now())
    await credentials.save_session(digest_of(issued.secret), holder, expires_at=issued.expires_at)
    return issued


def _end(holder: Caller, wished: datetime) -> datetime:
    return wished if holder.good_until is None else min(wished, holder.good_until)
