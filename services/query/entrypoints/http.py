"""The FastAPI application: middleware, routers, errors as problems."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Match

from services.query.entrypoints import pages
from services.query.entrypoints.auth import Gate
from services.query.entrypoints.dependencies import Services
from services.query.entrypoints.invalid import each_once, explain_invalid
from services.query.entrypoints.middleware.body_limit import BodyLimit
from services.query.entrypoints.middleware.compression import Compression
from services.query.entrypoints.middleware.cross_origin import CrossOrigin
from services.query.entrypoints.middleware.deadline import Deadline
from services.query.entrypoints.middleware.deprecation import Deprecations
from services.query.entrypoints.middleware.head import Head
from services.query.entrypoints.middleware.observing import LastResort, Observe
from services.query.entrypoints.middleware.paths import RawPath
from services.query.entrypoints.openapi.document import POLICY, Api, operation_id
from services.query.entrypoints.problems import problem, problem_of
from services.query.entrypoints.refusals import refusal
from services.query.entrypoints.routes import (
    audit,
    dead_letters,
    errors,
    exports,
    groups,
    health,
    imports,
    integrations,
    keys,
    logs,
    reprocess,
    schema,
    sign_in,
    stories,
    stream,
    summary,
    views,
)
from services.query.entrypoints.schemas.base import PROBLEMS
from shared.contracts.errors import PonteError
from shared.runtime.logging import get_logger

log = get_logger(__name__)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

NO_ADDRESS: Final = "there is no such address; /openapi.json tells all that there are"
METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")

JSON_ROUTERS: Final[tuple[APIRouter, ...]] = (
    logs.router,
    stories.router,
    summary.router,
    groups.router,
    stream.router,
    reprocess.router,
    exports.router,
    imports.router,
    dead_letters.router,
    integrations.router,
    views.router,
    errors.router,
    sign_in.router,
    keys.router,
    audit.router,
)


def create_app(services: Services, *, lifespan: Lifespan | None = None) -> FastAPI:
    """Return the application over `services`."""
    origins = services.settings.cors_origins()
    app = Api(
        title="Ponte",
        version="1",
        summary="What happened to each item of each marketplace integration, and how to try again.",
        description=POLICY,
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
        middleware=[
            Middleware(Observe),
            *([Middleware(CrossOrigin, origins=origins)] if origins else []),
            Middleware(Head),
            Middleware(LastResort),
            Middleware(RawPath),
            Middleware(Compression, from_bytes=services.settings.query_compress_from_bytes),
            Middleware(Deprecations),
            Middleware(Deadline, seconds=services.settings.query_request_seconds),
            Middleware(Gate, services=services),
            Middleware(
                BodyLimit,
                max_bytes=services.settings.query_max_body_bytes,
                longer=imports.longer_bodies(services.settings),
            ),
        ],
        exception_handlers={
            PonteError: _on_ponte_error,
            HTTPException: _on_http_exception,
            RequestValidationError: _on_invalid_request,
        },
    )
    app.state.services = services
    for router in JSON_ROUTERS:
        app.include_router(router, responses=PROBLEMS, dependencies=[Depends(each_once)])
    app.include_router(health.router)
    app.include_router(schema.router)
    app.include_router(pages.router(services))
    return app


async def _on_ponte_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, PonteError):
        raise error
    answer = problem_of(error, request.scope)
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        facts = {"request_id": request.scope.get("state", {}).get("request_id"), "why": str(error)}
        log.error("request.refused", exc_info=error, extra={"facts": facts})
    return answer


async def _on_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    headers, status, detail = dict(error.headers or {}), HTTPStatus(error.status_code), str(error.detail)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods_of(request))
        detail = f"this address takes {headers['Allow']}"
    elif status == HTTPStatus.NOT_FOUND and detail == status.phrase:
        detail = NO_ADDRESS  # the router's own says no more than the title
    return refusal(request.scope, status, detail, headers=headers)


def _methods_of(request: Request) -> list[str]:
    """Return the methods that the path knows, whichever routes they are of: the router tells those of one only. Head adds its own."""
    known = _routed(request)
    return sorted({*known, "HEAD"} if "GET" in known else known)


def _routed(request: Request) -> set[str]:
    routes = request.app.router.routes
    if fixed := {
        method
        for route in iter_route_contexts(routes)
        if route.path == request.scope["path"]
        for method in route.methods or ()
    }:
        return fixed  # `/v1/dead-letters/replay` is no letter, though its name could be an id
    asked = {name: request.scope[name] for name in ("type", "path", "root_path", "headers", "query_string")}
    return {
        method
        for method in METHODS
        if any(route.matches({**asked, "method": method})[0] is Match.FULL for route in routes)
    }


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    if broken := next((item for item in found if item["type"] == "json_invalid"), None):
        return problem(request.scope, 400, f"the body is not JSON in UTF-8: {broken['ctx']['error']}")
    errors_found = [explain_invalid(request, item) for item in found]
    detail = "; ".join(f"{item['field']}: {item['reason']}" for item in errors_found[:3])
    return problem(request.scope, 422, detail, errors=errors_found)
