"""Who asks. Deny by default: nothing under /v1 is reached without a known key or a session of the panel."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from services.query.core.origin import SAFE_METHODS, is_same_origin
from services.query.core.permissions import Caller
from services.query.core.permissions import Scope as Permission
from services.query.core.rate import RateLimit
from services.query.entrypoints.dependencies import MaybeCaller, Services
from services.query.entrypoints.problems import problem, problem_of
from services.query.handlers.signing_in import digest_of, find_caller_by_key, find_caller_by_session
from shared.contracts.errors import LimitExceeded, NotPermitted, PonteError

SESSION_COOKIE: Final = "ponte_session"
GUARDED: Final = "/v1/"
KEY_REMEMBERED_FOR: Final = timedelta(seconds=5)
"""A key taken away works this much longer, and a busy one costs one look-up in this time."""
MAX_REMEMBERED: Final = 1_000

bearer = HTTPBearer(auto_error=False, description="An API key.")
cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, description="A session of the panel.")


class Gate:
    """Pure ASGI middleware: finds the caller, keeps strangers out of /v1, forged requests and too many of them out of all."""

    def __init__(self, app: ASGIApp, *, services: Services) -> None:
        self._app = app
        self._services = services
        self._limit = RateLimit(services.settings.query_rate_per_second)
        self._known: dict[str, tuple[Caller, datetime]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, with its caller in the state, or answer it with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            refusal = await self._check(scope, Headers(scope=scope))
        except PonteError as error:
            refusal = problem_of(error, scope)
        await (self._app if refusal is None else refusal)(scope, receive, send)

    async def _check(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        key = _bearer_of(headers)
        caller = await (self._by_key(key) if key is not None else self._by_session(headers))
        scope.setdefault("state", {})["caller"] = caller
        if caller is None and scope["path"].startswith(GUARDED):
            detail = "give a valid API key: `Authorization: Bearer <key>`"
            return problem(scope, 401, detail, headers={"WWW-Authenticate": 'Bearer realm="ponte"'})
        if key is None and scope["method"] not in SAFE_METHODS and not is_same_origin(headers):
            raise NotPermitted(
                "a request that changes something must come from the panel's own pages, or carry an API key"
            )
        if caller is not None and not self._limit.allows(caller.key_id, now=self._services.now()):
            raise LimitExceeded(
                f"more than {self._services.settings.query_rate_per_second} requests a second; ask again later"
            )
        return None

    async def _by_key(self, key: str) -> Caller | None:
        now, digest = self._services.now(), digest_of(key)
        if (known := self._known.get(digest)) is not None and now < known[1]:
            return known[0]
        self._known.pop(digest, None)
        caller = await find_caller_by_key(self._services.credentials, key)
        if caller is not None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            self._known[digest] = (caller, now + KEY_REMEMBERED_FOR)
        return caller

    async def _by_session(self, headers: Headers) -> Caller | None:
        token = cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE)
        if not token:
            return None
        return await find_caller_by_session(self._services.credentials, token, now=self._services.now)


def needs(permission: Permission) -> Callable[..., Awaitable[Caller]]:
    """Return the dependency that gives the caller, and answers 403 when it lacks `permission`."""

    async def caller_with_permission(
        caller: MaybeCaller,
        _key: Annotated[object, Security(bearer)],
        _session: Annotated[object, Security(cookie)],
    ) -> Caller:
        if caller is None:  # only where a route stands outside of /v1
            raise NotPermitted("sign in first")
        caller.require(permission)
        return caller

    caller_with_permission.__name__ = f"needs_{permission}"
    return caller_with_permission


ReadCaller = Annotated[Caller, Depends(needs("read"))]
ExportCaller = Annotated[Caller, Depends(needs("export"))]
ReprocessCaller = Annotated[Caller, Depends(needs("reprocess"))]
AdminCaller = Annotated[Caller, Depends(needs("admin"))]


def _bearer_of(headers: Headers) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
