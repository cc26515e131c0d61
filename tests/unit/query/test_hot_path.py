"""What no request is made to wait for."""

from collections.abc import Iterator
from inspect import iscoroutinefunction
from typing import Any

from fastapi.routing import iter_route_contexts

from services.query.app import build
from services.query.settings import Settings
from tests.support.api_contract import NOWHERE


def calls_of(dependant: Any) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from calls_of(one)


def test_no_dependency_of_a_route_is_run_in_a_thread():
    app = build(Settings(**NOWHERE))
    calls = {
        call
        for route in iter_route_contexts(app.router.routes)
        if getattr(route, "dependant", None)
        for call in [route.endpoint, *calls_of(route.dependant)]
    }

    assert len(calls) > 20
    assert [call for call in calls if not (iscoroutinefunction(call) or iscoroutinefunction(call.__call__))] == []
