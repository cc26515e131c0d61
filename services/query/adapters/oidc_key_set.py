"""The public keys of an identity provider: found by discovery, fetched with a deadline, remembered, asked for again within a bound."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from services.query.handlers.tokens import IssuerUnavailable
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger

log = get_logger(__name__)

FRESH_FOR: Final = timedelta(minutes=10)
"""A key that the issuer took away is trusted this much longer."""
USABLE_FOR: Final = timedelta(hours=1)
"""An issuer that does not answer may be away for so long before its tokens are answered 503."""
MOST_FETCHES: Final = 5
FETCHES_WITHIN: Final = timedelta(minutes=1)
"""Tokens with made-up key ids must not make us a flood for the issuer."""
PAUSE_AFTER_FAILURE: Final = timedelta(seconds=5)
"""Until then nobody waits for an issuer that just did not answer."""
MAX_DOCUMENT_BYTES: Final = 1024 * 1024
DISCOVERY: Final = "/.well-known/openid-configuration"

Key = Mapping[str, Any]
Fetch = Callable[[str], bytes]


class KeySet:
    """The keys of one issuer, as it publishes them (JWK), by key id."""

    def __init__(self, issuer: str, *, timeout_seconds: float, now: Clock, fetch: Fetch | None = None) -> None:
        self._issuer = issuer
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._fetch = fetch or fetcher(timeout_seconds)
        self._keys: list[Key] = []
        self._fetched_at: datetime | None = None
        self._failed_at: datetime | None = None  # None again after a success
        self._fetches: deque[datetime] = deque(maxlen=MOST_FETCHES)
        self._one_at_a_time = asyncio.Lock()

    async def find(self, key_id: str | None) -> list[Key]:
        """Return the keys of that id; None: a token that names none, so all keys. Raise IssuerUnavailable when that cannot be told."""
        if self._is_younger_than(FRESH_FOR) and (found := self._known(key_id)):
            return found
        asked_at = self._now()
        async with self._one_at_a_time:
            if self._fetched_at is None or self._fetched_at < asked_at:  # nobody fetched while we waited
                await self._refresh(key_id)
        return self._known(key_id)

    async def _refresh(self, key_id: str | None) -> None:
        if self._may_fetch():
            await self._try_fetch()
        is_known = self._is_younger_than(USABLE_FOR) and self._known(key_id)
        if self._failed_at is not None and not is_known:
            raise IssuerUnavailable(f"the identity provider {self._issuer} does not answer")

    async def _try_fetch(self) -> None:
        self._fetches.append(self._now())
        try:
            async with asyncio.timeout(2 * self._timeout_seconds):
                self._keys = await asyncio.to_thread(self._download)
        except (OSError, TimeoutError, ValueError) as error:
            log.warning("oidc.keys_unread", extra={"facts": {"issuer": self._issuer, "why": str(error)}})
            self._failed_at = self._now()
        else:
            self._fetched_at, self._failed_at = self._now(), None

    def _download(self) -> list[Key]:
        told = _object(self._fetch(self._issuer.rstrip("/") + DISCOVERY))
        if told.get("issuer") != self._issuer:
            msg = f"it calls itself {told.get('issuer')!r}: PONTE_QUERY_OIDC_ISSUER must be written the same"
            raise ValueError(msg)
        address = told.get("jwks_uri")
        if not isinstance(address, str) or urlsplit(address).scheme not in {"https", urlsplit(self._issuer).scheme}:
            msg = "it names no address of its keys (`jwks_uri`) that is as safe as its own"
            raise ValueError(msg)
        keys = _object(self._fetch(address)).get("keys")
        if not isinstance(keys, list):
            msg = "its answer holds no keys"
            raise ValueError(msg)  # noqa: TRY004  # it is about a document of someone else, not about a type of ours
        return [key for key in keys if isinstance(key, dict)]

    def _known(self, key_id: str | None) -> list[Key]:
        return [key for key in self._keys if key_id is None or key.get("kid") == key_id]

    def _is_younger_than(self, age: timedelta) -> bool:
        return self._fetched_at is not None and self._now() - self._fetched_at < age

    def _may_fetch(self) -> bool:
        if self._failed_at is not None and self._now() - self._failed_at < PAUSE_AFTER_FAILURE:
            return False
        return len(self._fetches) < MOST_FETCHES or self._now() - self._fetches[0] >= FETCHES_WITHIN


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nobody: keys come from where the settings say."""


def fetcher(timeout_seconds: float) -> Fetch:
    """Return what reads a document over HTTP: no redirect, no more than 1 MiB, errors as OSError or ValueError."""
    opener = build_opener(_NoRedirect)

    def fetch(address: str) -> bytes:
        request = Request(address, headers={"Accept": "application/json"})  # noqa: S310  # the scheme was checked
        try:
            with opener.open(request, timeout=timeout_seconds) as answer:
                document: bytes = answer.read(MAX_DOCUMENT_BYTES + 1)
        except (URLError, HTTPException) as error:
            msg = f"{address}: {error}"
            raise OSError(msg) from error
        if len(document) > MAX_DOCUMENT_BYTES:
            msg = f"{address} is longer than {MAX_DOCUMENT_BYTES} bytes"
            raise ValueError(msg)
        return document

    return fetch


def _object(document: bytes) -> dict[str, Any]:
    told = json.loads(document)
    if not isinstance(told, dict):
        msg = "its answer is no JSON object"
        raise ValueError(msg)  # noqa: TRY004  # as above
    return told
