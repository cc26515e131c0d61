"""Every operation of the API and every page of the panel, read from the application, and a request that fits each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

JSON = "application/json"
STREAM = "text/event-stream"
UNSAFE = ("post", "put", "patch", "delete")
PUBLIC = {"/openapi.json", "/health/live", "/health/ready"}
BEARER = "HTTPBearer"


@dataclass(frozen=True)
class Operation:
    """An operation of the schema. `scope` is the one that its security names, `spec` what the schema says of it."""

    method: str
    path: str
    scope: str
    spec: dict[str, Any]
    components: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_unsafe(self) -> bool:
        return self.method in UNSAFE

    @property
    def is_stream(self) -> bool:
        return STREAM in self.spec["responses"].get("200", {}).get("content", {})

    def query(self, name: str) -> dict[str, Any] | None:
        """What the schema says of a query parameter, None when it is not known."""
        return next(
            (one for one in self.spec.get("parameters", ()) if (one["in"], one["name"]) == ("query", name)), None
        )

    def address(self, known: Mapping[str, Any]) -> str:
        """The path, its parameters filled in: by what is `known`, else by an example of the schema."""
        in_path = [one for one in self.spec.get("parameters", ()) if one["in"] == "path"]
        return self.path.format(**{one["name"]: known.get(one["name"]) or self._value(one) for one in in_path})

    def params(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """The query parameters that must be given."""
        needed = [one for one in self.spec.get("parameters", ()) if one["in"] == "query" and one.get("required")]
        return {one["name"]: known.get(one["name"]) or self._value(one) for one in needed}

    def body(self, known: Mapping[str, Any]) -> Any:
        """A body that fits: an example of the schema, else what must be given; `known` fields are filled in."""
        content = self.spec.get("requestBody", {}).get("content", {})
        if JSON not in content:
            return None
        schema = self._resolved(content[JSON]["schema"])
        made = _example(schema)
        if not isinstance(made, dict):
            wanted = schema.get("required") or list(schema.get("properties", {}))[:1]  # a patch changes something
            made = {name: self._value({"schema": schema["properties"][name]}) for name in wanted}
        return {**made, **{name: known[name] for name in made if name in known}}

    def content(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """The same as arguments of a request; a body that is a file is some bytes of the first type that is taken."""
        types = [one for one in self.spec.get("requestBody", {}).get("content", {}) if one != JSON]
        if types:
            return {"content": b"some,bytes\n", "headers": {"Content-Type": types[0]}}
        return {"json": self.body(known), "headers": {}}

    def fields(self) -> set[str]:
        """The names that a body may have."""
        content = self.spec.get("requestBody", {}).get("content", {})
        return set(self._resolved(content[JSON]["schema"]).get("properties", {})) if JSON in content else set()

    def _value(self, parameter: Mapping[str, Any]) -> Any:
        schema = self._resolved(parameter["schema"])
        for told in (parameter, parameter["schema"], schema):
            if (example := _example(told)) is not None:
                return example
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type")
        plain: dict[Any, Any] = {"integer": schema.get("minimum", 1), "number": 1, "boolean": True, "object": {}}
        if kind == "array":
            return [self._value({"schema": schema["items"]})]
        return plain.get(kind, "x" * max(schema.get("minLength", 1), 1))

    def _resolved(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        for variant in schema.get("anyOf", ()):
            if variant.get("type") != "null":
                return self._resolved(variant)
        if "$ref" in schema:
            return self._resolved(self.components[schema["$ref"].rsplit("/", 1)[1]])
        return dict(schema)


def _example(told: Mapping[str, Any]) -> Any:
    if "example" in told:
        return told["example"]
    examples = told.get("examples")
    if isinstance(examples, dict):  # of a parameter or a body: named, each with its value
        return next((one.get("value") for one in examples.values()), None)
    return examples[0] if examples else None


def operations_of(app: FastAPI) -> list[Operation]:
    """Every operation that is not public, by the schema."""
    spec = app.openapi()
    return [
        Operation(method, path, _scope(told), told, spec["components"]["schemas"])
        for path, methods in spec["paths"].items()
        for method, told in methods.items()
        if path not in PUBLIC
    ]


def _scope(told: Mapping[str, Any]) -> str:
    named = [scope for way in told.get("security", ()) for scope in way.get(BEARER, ())]
    return named[0] if len(named) == 1 else ""


def table_of(app: FastAPI) -> set[tuple[str, str]]:
    """(method, path) of every route that the application answers, whether the schema tells of it or not."""
    return {
        (method.lower(), str(route.path))
        for route in iter_route_contexts(app.router.routes)
        for method in (route.methods or ())
        if method != "HEAD"
    }


def routes_of(app: FastAPI) -> list[tuple[str, Any]]:
    """(path, route) of every route, as its decorator made it."""
    return [(str(one.path), one.original_route) for one in iter_route_contexts(app.router.routes)]


async def send(
    client: httpx.AsyncClient,
    operation: Operation,
    known: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    **asked: str,
) -> httpx.Response:
    """The answer to a request that fits; `asked` are further query parameters."""
    content = operation.content(known)
    return await client.request(
        operation.method,
        operation.address(known),
        params={**operation.params(known), **asked},
        **{**content, "headers": {**content["headers"], **(headers or {})}},
    )
