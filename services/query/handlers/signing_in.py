"""Who asks: API keys, one-time sign-in codes, sessions of the panel. Only hashes of secrets are ever stored."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.query.core.permissions import SCOPES, Caller
from shared.contracts.errors import NotPermitted
from shared.runtime.clock import Clock

CODE_LIFETIME: Final = timedelta(minutes=10)
SESSION_LIFETIME: Final = timedelta(hours=12)
MIN_KEY_LENGTH: Final = 32
PREFIX_LENGTH: Final = 6
"""Letters of a key that may be shown, to tell keys apart; the other 26 stay secret."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A secret handed out once, and until when it is good."""

    secret: str
    expires_at: datetime


class Credentials(Protocol):
    """Keys, codes and sessions, each found by the hash of its secret."""

    async def find_key(self, digest: str) -> Caller | None:
        """Return who holds the key."""
        ...

    async def save_key(self, digest: str, prefix: str, holder: Caller, *, now: datetime) -> None:
        """Store a key; an equal one stays as it is."""
        ...

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
    """Store the key of the settings, with every scope, for the account of the settings. Safe to repeat."""
    holder = Caller(account, key_id=digest_of(key)[:16], name="first", scopes=frozenset(SCOPES))
    await credentials.save_key(digest_of(key), key[:PREFIX_LENGTH], holder, now=now())


async def find_caller_by_key(credentials: Credentials, key: str) -> Caller | None:
    """Return who holds the API key, None for an unknown one."""
    return await credentials.find_key(digest_of(key)) if len(key) >= MIN_KEY_LENGTH else None


async def create_sign_in_code(credentials: Credentials, caller: Caller, *, now: Clock) -> Issued:
    """Return a one-time code that signs its bearer in with the caller's account and scopes. Raise NotPermitted."""
    caller.require("admin")
    issued = Issued(secrets.token_urlsafe(32), now() + CODE_LIFETIME)
    await credentials.save_code(digest_of(issued.secret), caller, expires_at=issued.expires_at)
    return issued


async def exchange_sign_in_code(credentials: Credentials, code: str, *, now: Clock) -> Issued:
    """Return a new session for a code that was not used yet. Raise NotPermitted."""
    holder = await credentials.take_code(digest_of(code), now=now())
    if holder is None:
        raise NotPermitted("this sign-in link was used already, or is older than 10 minutes; ask for a new one")
    return await _open_session(credentials, holder, now=now)


async def sign_in_with_key(credentials: Credentials, key: str, *, now: Clock) -> Issued:
    """Return a new session for an API key, as typed into the panel's form. Raise NotPermitted."""
    holder = await find_caller_by_key(credentials, key.strip())
    if holder is None:
        raise NotPermitted("this key is not known")
    return await _open_session(credentials, holder, now=now)


async def find_caller_by_session(credentials: Credentials, token: str, *, now: Clock) -> Caller | None:
    """Return who holds the session, None when it is unknown or over."""
    return await credentials.find_session(digest_of(token), now=now())


async def sign_out(credentials: Credentials, token: str) -> None:
    """End the session; unknown ones are none of our business."""
    await credentials.end_session(digest_of(token))


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret, hex: secrets are long and random, so no slow hash is needed."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


async def _open_session(credentials: Credentials, holder: Caller, *, now: Clock) -> Issued:
    issued = Issued(secrets.token_urlsafe(32), now() + SESSION_LIFETIME)
    await credentials.save_session(digest_of(issued.secret), holder, expires_at=issued.expires_at)
    return issued
