"""Coming and going: sign in by link or key, sign out, choose a language."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.query.entrypoints.auth import SESSION_COOKIE
from services.query.entrypoints.middleware.head import wants_headers_only
from services.query.entrypoints.pages.forms import UNDONE, field, fields_of, way_back
from services.query.entrypoints.pages.frame import OpenPageRoute
from services.query.entrypoints.pages.lists import Visitor
from services.query.entrypoints.pages.screen import LANGUAGE_COOKIE, Screen
from services.query.entrypoints.visit import came_by_https, request_id_of
from services.query.handlers.signing_in import (
    SESSION_LIFETIME,
    Issued,
    exchange_sign_in_code,
    sign_in_with_key,
    sign_out,
)
from shared.contracts.catalogue import LANGUAGES
from shared.contracts.errors import NotPermitted

YEAR_SECONDS: Final = 365 * 24 * 3600

router = APIRouter(include_in_schema=False, route_class=OpenPageRoute)


@router.get("/sign-in")
async def show_sign_in(request: Request, screen: Visitor, code: str = "") -> Response:
    """Exchange the code of a sign-in link for a session; without a code, say how to get one."""
    services, wanted = screen.services, way_back(request.query_params.get("next", ""), "/")
    # Whoever looks at what a link is, such as a chat, must not spend its code.
    if not code or wants_headers_only(request):
        return _ask(
            screen, wanted, problem=screen.t("sign_in.undone") if UNDONE in request.query_params else "", status=200
        )
    try:
        issued = await exchange_sign_in_code(
            services.credentials, services.audit, code, now=services.now, request_id=request_id_of(request)
        )
    except NotPermitted:
        return _ask(screen, wanted, problem=screen.t("sign_in.bad_code"))
    return _let_in(screen, issued, wanted)


@router.post("/sign-in")
async def sign_in(request: Request, screen: Visitor) -> Response:
    """Exchange an API key for a session."""
    sent = await fields_of(request)
    services, wanted = screen.services, way_back(field(sent, "next"), "/")
    try:
        issued = await sign_in_with_key(
            services.credentials,
            services.audit,
            field(sent, "key"),
            now=services.now,
            request_id=request_id_of(request),
        )
    except NotPermitted:
        return _ask(screen, wanted, problem=screen.t("sign_in.bad_key"))
    return _let_in(screen, issued, wanted)


@router.post("/sign-out")
async def leave(request: Request, screen: Visitor) -> Response:
    """End the session."""
    await sign_out(screen.services.credentials, request.cookies.get(SESSION_COOKIE, ""))
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=_is_secure(screen))
    return response


@router.post("/language")
async def choose(request: Request, screen: Visitor) -> Response:
    """Remember the visitor's language and show the same page in it."""
    sent = await fields_of(request)
    response = RedirectResponse(way_back(field(sent, "back"), "/"), status_code=303)
    if (language := field(sent, "language")) in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, language, max_age=YEAR_SECONDS, path="/", samesite="lax", secure=_is_secure(screen)
        )
    return response


def _ask(screen: Screen, wanted: str, *, problem: str, status: int = 403) -> Response:
    return screen.render("sign_in.html", status=status, wanted=wanted, problem=problem)


def _let_in(screen: Screen, issued: Issued, wanted: str) -> Response:
    response = RedirectResponse(wanted, status_code=303)
    response.set_cookie(
        SESSION_COOKIE,
        issued.secret,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_secure(screen),
    )
    response.headers["Referrer-Policy"] = "no-referrer"  # the address still holds the spent code
    return response


def _is_secure(screen: Screen) -> bool:
    return screen.services.settings.query_cookie_secure == "always" or came_by_https(screen.request)
