"""Errors as pages: a visitor of the panel gets words and a way on, never JSON."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from services.query.core.origin import SAFE_METHODS
from services.query.entrypoints.middleware.paths import path_as_sent
from services.query.entrypoints.pages.address import TYPED
from services.query.entrypoints.pages.forms import UNDONE, page_behind
from services.query.entrypoints.pages.reasons import reason_told
from services.query.entrypoints.pages.screen import FRAGMENT_HEADER, Screen, SignInNeeded, screen_of
from services.query.entrypoints.problems import RETRY_AFTER_SECONDS, status_of
from shared.contracts.errors import InvalidField, PonteError, TooBroad
from shared.runtime.logging import get_logger

log = get_logger(__name__)

NO_PAGES: Final = ("/v1", "/openapi.json", "/health", "/metrics", "/static")
"""What programs ask for; all else that exists is a page."""


SIGNED_OUT: Final = "problem.signed_out"
"""The words for a module whose visitor is signed in no longer."""

PASSING: Final = (*RETRY_AFTER_SECONDS, HTTPStatus.INTERNAL_SERVER_ERROR)
"""Statuses after which the same page may come."""

LATE: Final = "problem.late"
"""The words for a 503 that waiting does not end: what was asked for is too much."""


class PageRoute(APIRoute):
    """A route whose errors are pages, and whose strangers are led to the sign-in before anything of theirs is read."""

    is_open: ClassVar[bool] = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the errors caught."""
        answer = super().get_route_handler()

        async def answer_as_page(request: Request) -> Response:
            try:
                if not self.is_open:
                    _ = screen_of(request).caller
                return await answer(request)
            except SignInNeeded:
                return to_sign_in(screen_of(request))
            except PonteError as error:
                return problem_page(screen_of(request), error)
            except RequestValidationError:
                return show_problem(screen_of(request), HTTPStatus.NOT_FOUND, {})
            except HTTPException as error:
                return show_problem(screen_of(request), HTTPStatus(error.status_code), {})
            except Exception:
                log.exception("page.failed", extra={"facts": {"path": request.url.path}})
                return show_problem(screen_of(request), HTTPStatus.INTERNAL_SERVER_ERROR, {})

        return answer_as_page


class OpenPageRoute(PageRoute):
    """A page that shows nothing of any account: signing in, help."""

    is_open: ClassVar[bool] = True


def wants_page(request: Request) -> bool:
    """Say whether an address is a page's, or would be, asked for by somebody who reads pages or by a module of the panel."""
    path = request.scope["path"]
    is_program = any(path == one or path.startswith(f"{one}/") for one in NO_PAGES)
    reads_pages = "text/html" in request.headers.get("accept", "") or FRAGMENT_HEADER in request.headers
    return reads_pages and not is_program


def to_sign_in(screen: Screen) -> Response:
    """Lead a stranger to the sign-in page, remembering where a reader wanted to go, or which page held the form that nobody took."""
    if screen.wants_fragment:
        return show_problem(screen, HTTPStatus.FORBIDDEN, {}, told=SIGNED_OUT)
    is_form = screen.request.method == "POST"
    wanted = page_behind(screen.request) if is_form else screen.here
    told = {"next": wanted if wanted != "/" else "", UNDONE: "1" if is_form else ""}
    query = urlencode({name: value for name, value in told.items() if value})
    return RedirectResponse("/sign-in" + (f"?{query}" if query else ""), status_code=303)


def problem_page(screen: Screen, error: PonteError) -> Response:
    """Return the page that tells of `error`."""
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("page.refused", exc_info=error, extra={"facts": {"path": screen.request.url.path, "why": str(error)}})
    if isinstance(error, TooBroad):
        return show_problem(screen, status, {}, told=LATE)
    if not isinstance(error, InvalidField):
        return show_problem(screen, status, {})
    label = f"filter.{error.field}"
    facts = {
        "field": screen.t(label) if screen.t.has(label) else error.field,
        "reason": reason_told(screen.t, error.reason),
    }
    return show_problem(screen, status, facts, way_on=_without(screen.request, error.field))


def _without(request: Request, field: str) -> str:
    """Return the address that was asked for without the field at fault, so that the rest of a filter is not lost; "" of a form."""
    at_fault = {field, *(name for name, meant in TYPED.items() if meant == field)}
    if request.method != "GET" or at_fault.isdisjoint(request.query_params):
        return ""
    others = [(name, value) for name, value in request.query_params.multi_items() if name not in at_fault]
    return f"{path_as_sent(request.scope)}?{urlencode(others)}"


def show_problem(
    screen: Screen, status: HTTPStatus, facts: dict[str, str], *, told: str = "", way_on: str = ""
) -> Response:
    """Return the page of a status; the one of 500 where a status has none. `told`: other words than the status's own. `way_on`: an address that is right."""
    own = f"problem.{status.value}"
    key = told or (own if screen.t.has(own) else "problem.500")
    what = screen.t(f"{key}.what", **facts) if facts or status != HTTPStatus.UNPROCESSABLE_ENTITY else ""
    template = "parts/problem.html" if screen.wants_fragment else "problem.html"
    address = screen.here if screen.request.method in SAFE_METHODS else ""
    response = screen.render(
        template,
        status=status.value,
        title=screen.t(key),
        what=what,
        way_on=way_on,
        address=address,
        may_pass=status in PASSING and key != LATE,
    )
    if status in RETRY_AFTER_SECONDS:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS[status])
    return response
