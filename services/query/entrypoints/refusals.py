"""What is refused where no route answers: a page to whoever reads pages, a problem to programs."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response
from starlette.types import Scope

from services.query.entrypoints.pages.frame import problem_page, show_problem, wants_page
from services.query.entrypoints.pages.screen import screen_of
from services.query.entrypoints.problems import problem, problem_of
from shared.contracts.errors import PonteError


def refusal_of(error: PonteError, scope: Scope) -> Response:
    """Return the answer to a request that ended in `error`."""
    request = Request(scope)
    return problem_page(screen_of(request), error) if wants_page(request) else problem_of(error, scope)


def refusal(
    scope: Scope, status: HTTPStatus, detail: str, *, told: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer of `status`. Programs read `detail`; a page tells what stands under `told` among its texts, or of the status."""
    request = Request(scope)
    if not wants_page(request):
        return problem(scope, status, detail, headers=headers)
    page = show_problem(screen_of(request), status, {}, told=told)
    page.headers.update(headers or {})
    return page
