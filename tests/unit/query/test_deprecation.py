"""A route is taken leave of by one mark: the headers of its answers, the schema and the words follow."""

from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Response
from openapi_spec_validator import validate

from services.query.app import build
from services.query.entrypoints.middleware.deprecation import deprecated, farewell_of
from services.query.entrypoints.openapi.document import operations
from services.query.settings import Settings
from tests.support.operations import routes_of

SINCE, SUNSET = date(2027, 1, 4), date(2027, 7, 5)
LEAVING = deprecated(since=SINCE, sunset=SUNSET, instead="/health/ready")


def make_app() -> FastAPI:
    return build(Settings(kafka_bootstrap="127.0.0.1:1", mongo_uri="mongodb://127.0.0.1:1"))


@pytest.fixture
def app() -> FastAPI:
    """Our application with two more routes: one marked as the policy wants it, one that was only called deprecated."""
    app = make_app()

    router = APIRouter(prefix="/health")

    @router.get("/old", **LEAVING)
    async def get_old(fails: int = 0) -> Response:
        if fails:
            raise HTTPException(404, "gone")
        return Response("old", headers={"Link": '</next>; rel="next"'})

    @router.get("/forgotten", deprecated=True)
    async def get_forgotten() -> None: ...

    app.include_router(router)

    return app


async def ask(app: FastAPI, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ponte.test") as client:
        return await client.get(path)


def unmarked(app: FastAPI) -> list[str]:
    """The operations that the schema calls deprecated, and whose answers would not say since when and until when."""
    marked = {path for path, route in routes_of(app) if farewell_of(route) is not None}
    return [
        path
        for path, _, told in operations(app.openapi())
        if told.get("deprecated") and not (path in marked and is_told(told))
    ]


def is_told(operation: dict[str, Any]) -> bool:
    answers = operation["responses"].values()
    return all({"Deprecation", "Sunset"} <= set(answer.get("headers", ())) for answer in answers)


async def test_every_answer_of_a_deprecated_route_says_since_when_until_when_and_what_instead(app: FastAPI) -> None:
    for path, status in {"/health/old": 200, "/health/old?fails=1": 404, "/health/old?fails=x": 422}.items():
        answer = await ask(app, path)

        assert answer.status_code == status
        at = datetime.fromtimestamp(int(answer.headers["deprecation"].removeprefix("@")), UTC)
        assert at.date() == SINCE
        assert parsedate_to_datetime(answer.headers["sunset"]).date() == SUNSET
        links = answer.headers["link"]
        assert '</openapi.json>; rel="deprecation"' in links
        assert '</health/ready>; rel="successor-version"' in links
        assert ('rel="next"' in links) == (status == 200)


async def test_no_other_route_says_so(app: FastAPI) -> None:
    answer = await ask(app, "/health/live")

    assert not {"deprecation", "sunset"} & set(answer.headers)


def test_the_schema_follows_from_the_mark(app: FastAPI) -> None:
    told = app.openapi()["paths"]["/health/old"]["get"]

    validate(app.openapi())
    assert told["deprecated"] is True
    assert told["description"].startswith("Deprecated since 2027-01-04, gone on 2027-07-05: use `/health/ready`.")
    assert is_told(told)


def test_a_route_that_is_only_called_deprecated_is_found_out(app: FastAPI) -> None:
    assert unmarked(app) == ["/health/forgotten"]


def test_every_deprecated_route_of_ours_is_marked() -> None:
    assert unmarked(make_app()) == []


def test_a_notice_shorter_than_promised_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 180 days"):
        deprecated(since=SINCE, sunset=date(2027, 3, 1), instead="/v1/new")
