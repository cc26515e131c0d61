"""The OpenAPI schema as clients want it: named enumerations, headers, links, and of each operation only what it may answer."""

from collections.abc import Iterator
from typing import Any, Final, Literal

import orjson
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.query.entrypoints.middleware import deprecation
from services.query.entrypoints.openapi.links import LINKS, link_to
from services.query.entrypoints.openapi.names import ENUMERATIONS, TAGS
from services.query.entrypoints.schemas.base import Problem
from services.query.entrypoints.schemas.entries import PartialPage
from services.query.entrypoints.schemas.filters import SHOWN_AS, FilterBody, LetterFilterBody
from services.query.entrypoints.schemas.stream import EVENTS

Schema = dict[str, Any]

UNNAMED: Final[list[tuple[type[BaseModel], Literal["validation", "serialization"]]]] = [
    *((model, "serialization") for model in (Problem, PartialPage, *EVENTS)),
    *((model, "validation") for model in (FilterBody, LetterFilterBody)),
]
"""What no route names: it comes as an error, or line by line, or is read by other means than its model."""

DATA: Final = frozenset({"const", "default", "enum", "example", "examples", "value"})
"""Members of a schema whose values are no schemas."""

POLICY: Final = (
    "`/v1` only grows: routes, parameters that need not be given, members of answers and values of closed lists are added, so take "
    "what you do not know for nothing. What is to go is marked `deprecated` here, its answers carry `Deprecation` and `Sunset`, and "
    "it works for at least 180 days more. Errors are problems (RFC 9457) with a correlation id."
)

HEADERS: Final[Schema] = {
    "RequestId": ("string", "the correlation id: the request's own, else a new one; it stands in our log too"),
    "RetryAfter": ("integer", "ask again after so many seconds"),
    "WwwAuthenticate": ("string", "how to prove who asks (RFC 6750)"),
    "RateLimit": ("string", "what is left of the key's rate, and for how long (IETF draft 10)"),
    "RateLimitPolicy": ("string", "the key's rate"),
    "Location": ("string", "where the thing that was made is"),
    **deprecation.HEADERS,
    "IdempotencyReplayed": (
        "string",
        "`true`: this is the answer of an earlier request under the same Idempotency-Key",
    ),
}
ALWAYS: Final = {"X-Request-ID": "RequestId"}
GUARDED: Final = {"RateLimit": "RateLimit", "RateLimit-Policy": "RateLimitPolicy"}
LEAVING: Final = {name: name for name in deprecation.HEADERS}
OF_STATUS: Final = {
    "201": {"Location": "Location"},
    "202": {"Location": "Location"},
    "401": {"WWW-Authenticate": "WwwAuthenticate"},
    "429": {"Retry-After": "RetryAfter"},
    "503": {"Retry-After": "RetryAfter"},
}
MAKERS: Final = {"post", "put"}
HOLDS_BACK: Final = ("/file", "/rows")
"""A GET of such a path may be refused for the state of things: the file, or the preview, of a job that is not done."""


class Api(FastAPI):
    """FastAPI with our schema."""

    def openapi(self) -> Schema:
        """Return the OpenAPI schema."""
        if self.openapi_schema is None:
            self.openapi_schema = finished(super().openapi())
        return self.openapi_schema


def operation_id(route: APIRoute) -> str:
    """Return how generated clients call the operation: the name of its function, which is what it does to what."""
    return route.name


def finished(written: Schema) -> Schema:
    """Return the schema that FastAPI wrote, complete."""
    schema: Schema = orjson.loads(orjson.dumps(written))  # a copy, of which no part stands in two places
    components = schema["components"]
    _, unnamed = models_json_schema(UNNAMED, ref_template="#/components/schemas/{model}")
    components["schemas"].update(unnamed["$defs"])
    components["headers"] = {
        name: {"description": told, "schema": {"type": kind}} for name, (kind, told) in HEADERS.items()
    }
    for path, method, operation in operations(schema):
        _narrow(path, method, operation)
        _unnull(operation)
        if deprecation.MARK in operation:
            deprecation.tell(operation)
        _tell_headers(path, method, operation)
        _link(operation, schema)
    for node in _schemas([schema["paths"], components["schemas"]]):
        _name_enumeration(node)
        if SHOWN_AS in node:
            node["$ref"] = f"#/components/schemas/{node.pop(SHOWN_AS)}"
        if isinstance(node.get("title"), str):
            del node["title"]  # pydantic's: the member's name once more
    components["schemas"].update(
        {name: {"type": "string", "enum": list(values)} for name, values in ENUMERATIONS.items()}
    )
    components["schemas"] = dict(sorted(components["schemas"].items()))
    schema["tags"] = [{"name": name, "description": told} for name, told in TAGS.items()]
    return schema


def operations(schema: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Yield path, method and operation of each."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _narrow(path: str, method: str, operation: Schema) -> None:
    """Take out the problems that this operation cannot end in."""
    answers = operation["responses"]
    impossible = {
        "404": "{" not in path,
        "409": method == "get" and not path.endswith(HOLDS_BACK),
        "415": "requestBody" not in operation,
    }
    for status, is_so in impossible.items():
        if is_so and status in answers:
            del answers[status]
    operation["responses"] = dict(sorted(answers.items()))


def _unnull(operation: Schema) -> None:
    """Say of parameters what they are: one that is not given is left out, nobody can write a null into an address."""
    for parameter in operation.get("parameters", ()):
        variants = [one for one in parameter["schema"].pop("anyOf", ()) if one != {"type": "null"}]
        parameter["schema"] |= variants[0] if len(variants) == 1 else {"anyOf": variants} if variants else {}


def _tell_headers(path: str, method: str, operation: Schema) -> None:
    for status, answer in operation["responses"].items():
        told = {
            **ALWAYS,
            **(GUARDED if path.startswith("/v1/") and status != "401" else {}),
            **OF_STATUS.get(status, {}),
        }
        told |= LEAVING if operation.get("deprecated") else {}
        if method not in MAKERS:
            told.pop("Location", None)
        if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ())):
            told["Idempotency-Replayed"] = "IdempotencyReplayed"
        refs = {name: {"$ref": f"#/components/headers/{header}"} for name, header in told.items()}
        answer["headers"] = {**refs, **answer.get("headers", {})}


def _link(operation: Schema, schema: Schema) -> None:
    known = {one["operationId"] for _, _, one in operations(schema)}
    for status, links in LINKS.get(operation["operationId"], {}).items():
        found = {name: link_to(name, parameters) for name, parameters in links.items() if name in known}
        operation["responses"][status]["links"] = found


def _schemas(node: Any) -> Iterator[Schema]:
    """Yield every object of the document that may be a schema, the inner ones first."""
    for name, inner in node.items() if isinstance(node, dict) else ((None, one) for one in node):
        if name == "properties":
            for one in inner.values():
                yield from _schemas(one)
        elif name not in DATA and isinstance(inner, (dict, list)):
            yield from _schemas(inner)
    if isinstance(node, dict):
        yield node


def _name_enumeration(node: Schema) -> None:
    values = tuple(node.get("enum", ()))
    name = next((name for name, known in ENUMERATIONS.items() if known == values), None)
    if name is not None and values:
        del node["enum"]
        node.pop("type", None)
        node["$ref"] = f"#/components/schemas/{name}"
