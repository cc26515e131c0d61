"""A QuickRoute answers whatever is asked as FastAPI's own route would: by the same signature, plainly right or not."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from services.query.app import build
from services.query.entrypoints.invalid import each_once
from services.query.entrypoints.parameters import CodePath, HistoryAsked, KindPath, LanguageDep, ListAsked, SummaryAsked
from services.query.entrypoints.quick_route import QuickRoute
from services.query.settings import Settings
from shared.contracts.errors import PonteError
from tests.support.api_contract import NOWHERE

NAMES = (
    *(field.alias or name for model in (ListAsked, HistoryAsked, SummaryAsked) for name, field in model.model_fields.items()),
    "from_",
    "unknown",
)  # fmt: skip
VALUES = (
    "",
    "error",
    "success",
    "order",
    "MLC",
    "a,b",
    "1",
    "0",
    "501",
    "9999999",
    "true",
    "x" * 501,
    "pt",
    "en",
    "-code",
)
VALUES_OF_DATES = ("received_at", "processed_at", "2026-11-23T10:11:12Z", "hour", "day", "ç&+", " ")
PAIRS = st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES + VALUES_OF_DATES))


def told(asked: BaseModel, *others: object) -> Response:
    return Response(repr((asked, asked.model_fields_set, *others)))


def app_of(route_class: type[APIRoute]) -> FastAPI:
    router = APIRouter(route_class=route_class)

    @router.get("/list/{kind}")
    async def list_all(
        request: Request, language: LanguageDep, kind: KindPath, asked: Annotated[ListAsked, Query()]
    ) -> Response:
        return told(asked, request.url.path, language, kind)

    @router.get("/history/{code}")
    async def history(code: CodePath, asked: Annotated[HistoryAsked, Query()]) -> Response:
        return told(asked, code)

    @router.get("/counts")
    async def counts(asked: Annotated[SummaryAsked, Query()]) -> Response:
        return told(asked)

    async def refuse(_: Request, error: Any) -> Response:
        return Response(repr(error.errors() if isinstance(error, RequestValidationError) else error), 422)

    app = FastAPI(exception_handlers={RequestValidationError: refuse, PonteError: refuse})
    app.include_router(router, dependencies=[Depends(each_once)])
    return app


PLAIN, QUICK = app_of(APIRoute), app_of(QuickRoute)


def answer_of(app: FastAPI, path: str, pairs: Sequence[tuple[str, str]]) -> tuple[int, str]:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ponte") as client:
            return await client.get(path, params=list(pairs))

    answer = asyncio.run(ask())
    return answer.status_code, answer.text


@settings(max_examples=300)
@given(
    path=st.sampled_from(("/list/order", "/list/nothing", "/history/a%2Fb", "/history/%20", "/counts")),
    pairs=st.lists(PAIRS, max_size=4),
)
@example(path="/list/order", pairs=[("limit", "1"), ("limit", "1")])
@example(path="/list/order", pairs=[("q", "a"), ("q", "b")])
@example(path="/list/order", pairs=[("status", "error"), ("status", "warning"), ("from", ""), ("limit", "7")])
@example(path="/counts", pairs=[("bucket", "hour"), ("kind", "order"), ("attempts_min", "")])
def test_the_same_is_read_and_the_same_is_refused(path: str, pairs: list[tuple[str, str]]) -> None:
    assert answer_of(QUICK, path, pairs) == answer_of(PLAIN, path, pairs)


def test_what_is_plainly_right_goes_no_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async def declared(_: Request) -> Response:
        return Response(status_code=500)

    monkeypatch.setattr(APIRoute, "get_route_handler", lambda _: declared)
    status, text = answer_of(
        app_of(QuickRoute), "/list/order", [("status", "error"), ("status", "warning"), ("limit", "7")]
    )

    assert status == 200
    assert "limit=7" in text


def test_a_function_that_takes_what_only_fastapi_reads_is_refused_when_it_is_declared() -> None:
    router = APIRouter(route_class=QuickRoute)

    async def unmarked() -> int:
        return 1

    async def endpoint(number: Annotated[int, Depends(unmarked)]) -> Response:
        return Response(str(number))

    with pytest.raises(TypeError, match="number"):
        router.get("/")(endpoint)


def test_a_route_with_a_dependency_that_nobody_would_run_is_refused_when_it_is_declared() -> None:
    router = APIRouter(route_class=QuickRoute)

    async def endpoint() -> Response:
        return Response()

    with pytest.raises(TypeError, match="no other dependencies"):
        router.get("/", dependencies=[Depends(each_once)])(endpoint)


def test_nothing_that_must_run_before_every_answer_is_passed_by() -> None:
    """What a router is included with runs only FastAPI's way: `each_once` refuses what no QuickRoute takes for plainly right."""
    quick = [
        route
        for route in iter_route_contexts(build(Settings(**NOWHERE)).router.routes)
        if isinstance(route.original_route, QuickRoute)
    ]

    assert len(quick) == 5
    assert {one.dependency for route in quick for one in route.dependencies} == {each_once}
