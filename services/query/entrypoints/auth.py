"""Who asks. Deny by default: nothing under /v1 is reached without a key, a token, or a session of the panel."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.query.core.origin import SAFE_METHODS, is_same_origin
from services.query.core.permissions import Caller, CredentialRefused
from services.query.core.permissions import Scope as Permission
from services.query.core.rate import Allowance, RateLimit
from services.query.entrypoints.dependencies import Services, caller_of
from services.query.entrypoints.problems import problem
from services.query.entrypoints.quick_route import at_once
from services.query.entrypoints.refusals import refusal_of
from services.query.handlers.signing_in import find_caller_by_key, find_caller_by_session
from services.query.handlers.tokens import IssuerUnavailable, is_token
from shared.contracts.errors import LimitExceeded, NotPermitted, PonteError

SESSION_COOKIE: Final = "ponte_session"
GUARDED: Final = "/v1/"
OPEN: Final = ("/health/", "/static/")
"""Nobody is asked who they are there: neither a probe nor a style sheet may fail because keys and sessions cannot be looked up."""
UNCHANGING: Final = (*OPEN, "/openapi.json")
"""Nothing there can be forged: whatever is asked of them but a look is 405."""
HOW: Final = "give a valid API key or token: `Authorization: Bearer <key>`"
ISSUER_AWAY: Final = (
    "the identity provider does not answer just now, so the token cannot be checked; try again, or use an API key"
)

bearer = HTTPBearer(auto_error=False, description="An API key, or a token of the identity provider of the settings.")
cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, description="A session of the panel.")


class Gate:
    """Pure ASGI middleware: finds the caller, keeps strangers out of /v1, forged requests and too many of them out of all."""

    def __init__(self, app: ASGIApp, *, services: Services) -> None:
        self._app = app
        self._services = services
        self._limit = RateLimit(services.settings.query_rate_per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, with its caller in the state, or answer it: with a problem, or the panel's page of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        try:
            answer = await self._check(scope, state, Headers(scope=scope)) or self._app
        except CredentialRefused as error:
            answer = _unknown(scope, str(error), given=True)
        except IssuerUnavailable:
            answer = problem(scope, 503, ISSUER_AWAY)
        except PonteError as error:
            answer = refusal_of(error, scope)
        allowance = state.get("allowance")
        await answer(scope, receive, send if allowance is None else _telling(allowance, send))

    async def _check(self, scope: Scope, state: dict[str, object], headers: Headers) -> ASGIApp | None:
        if scope["path"].startswith(OPEN):
            state["caller"] = None
            return None
        is_guarded = scope["path"].startswith(GUARDED)
        secret = _bearer_of(headers)
        caller = await self._caller(secret, headers, is_guarded=is_guarded)
        state["caller"] = None if caller is None else replace(caller, request_id=str(state.get("request_id", "")))
        state["find_caller"] = partial(self._caller, secret, headers, is_guarded=False)
        if caller is None and is_guarded:
            return _unknown(scope, HOW, given=False)
        may_change = scope["method"] not in SAFE_METHODS and not scope["path"].startswith(UNCHANGING)
        if secret is None and may_change and not is_same_origin(headers):
            raise NotPermitted(
                "a request that changes something must come from the panel's own pages, or carry an API key"
            )
        if caller is not None:
            state["allowance"] = allowance = self._limit.take(caller.key_id, now=self._services.now())
            if not allowance.is_granted:
                raise LimitExceeded(f"more than {allowance.limit} requests a second; ask again later")
        return None

    async def _caller(self, secret: str | None, headers: Headers, *, is_guarded: bool) -> Caller | None:
        if secret is None:
            return await self._by_session(headers)
        try:
            return await self._by_secret(secret)
        except CredentialRefused:
            if is_guarded:
                raise
            return None  # what is public stays so for whoever gives a bad key

    async def _by_secret(self, secret: str) -> Caller:
        services = self._services
        if services.tokens is not None and is_token(secret):
            return await services.tokens.find_caller(secret)
        return await find_caller_by_key(services.credentials, secret, now=services.now)

    async def _by_session(self, headers: Headers) -> Caller | None:
        token = cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE)
        if not token:
            return None
        return await find_caller_by_session(self._services.credentials, token, now=self._services.now)


def needs(permission: Permission) -> Callable[..., Awaitable[Caller]]:
    """Return the dependency that gives the caller, and answers 403 when it lacks `permission`; the schema tells of it."""

    def permitted(request: Request) -> Caller:
        caller = caller_of(request)
        if caller is None:  # only where a route stands outside of /v1
            raise NotPermitted("sign in first")
        caller.require(permission)
        return caller

    @at_once(permitted)
    async def caller_with_permission(
        request: Request,
        _key: Annotated[object, Security(bearer, scopes=[permission])],
        _session: Annotated[object, Security(cookie, scopes=[permission])],
    ) -> Caller:
        return permitted(request)

    caller_with_permission.__name__ = f"needs_{permission}"
    return caller_with_permission


ReadCaller = Annotated[Caller, Depends(needs("read"))]
ExportCaller = Annotated[Caller, Depends(needs("export"))]
ReprocessCaller = Annotated[Caller, Depends(needs("reprocess"))]
AdminCaller = Annotated[Caller, Depends(needs("admin"))]


async def is_still_good(request: Request, caller: Caller) -> bool:
    """Say whether what the request was made with is still the credential of `caller`, who may read: asked while an answer lasts."""
    found: Caller | None = await request.scope["state"]["find_caller"]()
    return found is not None and found.account == caller.account and found.may("read")


def _unknown(scope: Scope, detail: str, *, given: bool) -> ASGIApp:
    """Return the answer to who proved nothing; `given`: there was a credential (RFC 6750 tells the two apart)."""
    challenge = 'Bearer realm="ponte"' + (', error="invalid_token"' if given else "")
    return problem(scope, 401, detail, headers={"WWW-Authenticate": challenge})


def _telling(allowance: Allowance, send: Send) -> Send:
    """Return a `send` that tells what is left of the caller's rate: as the IETF's draft says now, and as clients learnt it before."""
    told = [
        (b"ratelimit-policy", b'"key";q=%d;w=1' % allowance.limit),
        (b"ratelimit", b'"key";r=%d;t=%d' % (allowance.remaining, allowance.reset_seconds)),
        (b"ratelimit-limit", b"%d" % allowance.limit),
        (b"ratelimit-remaining", b"%d" % allowance.remaining),
        (b"ratelimit-reset", b"%d" % allowance.reset_seconds),
    ]

    async def send_told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *told]
        await send(message)

    return send_told


def _bearer_of(headers: Headers) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
