"""Routes that are asked without pause: a request that is plainly right is read at once, any other the way that FastAPI reads it.

FastAPI takes a query string apart field by field and solves each dependency by itself, a sixth of what a page of a list costs. A
QuickRoute reads the same signature by the same models. It refuses nothing: what it does not understand goes FastAPI's way, which
says what is wrong.

    router = APIRouter(route_class=QuickRoute)
"""

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar, get_args, get_origin

from fastapi import Request, Response, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.contracts.errors import PonteError

Reader = Callable[[Request], Any]
Dependency = TypeVar("Dependency", bound=Callable[..., Awaitable[object]])

AT_ONCE: Final = "at_once"


class _NotPlain(Exception):
    """What is asked may be right or wrong; FastAPI knows."""


def at_once(read: Reader) -> Callable[[Dependency], Dependency]:
    """Mark a dependency: `read` gives from the request alone what it gives, or raises what it raises, and does nothing else: it may run again."""

    def marked(dependency: Dependency) -> Dependency:
        setattr(dependency, AT_ONCE, read)
        return dependency

    return marked


class QuickRoute(APIRoute):
    """A route whose function takes the request, marked dependencies, path parameters and models of query strings, and gives the response.

    It has no dependencies beside its function's. What its router is included with runs only FastAPI's way: it may refuse what is not
    plainly right, no more.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request. Raise TypeError for a route of another kind."""
        declared, endpoint = super().get_route_handler(), self.endpoint
        if self.dependencies or not inspect.iscoroutinefunction(endpoint):
            msg = f"a QuickRoute runs an async function and no other dependencies: {endpoint}"
            raise TypeError(msg)
        readers = {name: reader_of(one) for name, one in inspect.signature(endpoint).parameters.items()}

        async def answer(request: Request) -> Response:
            values: dict[str, Any] | None = None
            with contextlib.suppress(_NotPlain, ValidationError, PonteError):
                values = {name: read(request) for name, read in readers.items()}
            answered: Response = await declared(request) if values is None else await endpoint(**values)
            return answered

        return answer


def reader_of(parameter: inspect.Parameter) -> Reader:
    """Return what reads one parameter of a function that answers requests. Raise TypeError."""
    annotation = parameter.annotation
    if annotation is Request:
        return _itself
    for mark in get_args(annotation)[1:]:
        if isinstance(mark, params.Depends) and hasattr(mark.dependency, AT_ONCE):
            read: Reader = getattr(mark.dependency, AT_ONCE)
            return read
        if isinstance(mark, params.Path):
            return _path_reader(parameter.name, annotation)
        if isinstance(mark, params.Query) and issubclass(model := get_args(annotation)[0], BaseModel):
            return _query_reader(model)
    msg = f"a QuickRoute cannot read the parameter {parameter.name}: {annotation}"
    raise TypeError(msg)


def _itself(request: Request) -> Request:
    return request


def _path_reader(name: str, annotation: Any) -> Reader:
    validate = TypeAdapter(annotation).validate_python
    return lambda request: validate(request.path_params[name])


def _query_reader(model: type[BaseModel]) -> Reader:
    is_list = {field.alias or name: get_origin(field.annotation) is list for name, field in model.model_fields.items()}

    def read(request: Request) -> BaseModel:
        told: dict[str, Any] = {}
        for name, value in request.query_params.multi_items():
            if is_list.get(name):
                told.setdefault(name, []).append(value)
            elif name in told:
                raise _NotPlain
            else:
                told[name] = value
        return model.model_validate(told)

    return read
