"""What was wrong with a request, field by field, with what would be right: told from the OpenAPI schema, so both say the same."""

import re
from collections.abc import Sequence
from typing import Any, Final

from fastapi import Request

from services.query.entrypoints.problems import field_error
from shared.contracts.errors import InvalidField
from shared.contracts.field_faults import no_text, reason

Schema = dict[str, Any]

SINGLE: Final = (
    "limit",
    "sort",
    "cursor",
    "bucket",
    "lang",
    "reveal",
    "reason",
    "last_event_id",
    "health",
    "automatic",
    "name",
)
"""Parameters that have one value wherever they are known; those of a filter are checked where filters are read."""

OUT_OF_BOUNDS: Final = frozenset({"greater_than_equal", "less_than_equal"})

TRUTHS: Final = ("true", "false")

OF_A_NAME: Final = "[key]"
"""What pydantic adds to the place of a member whose name is at fault."""


async def each_once(request: Request) -> None:
    """Raise InvalidField for a parameter with two values where one counts: the last would silently win."""
    for name in SINGLE:
        if len(request.query_params.getlist(name)) > 1:
            raise InvalidField(name, "may be given once")


def explain_invalid(request: Request, item: dict[str, Any]) -> dict[str, Any]:
    """Return the member of a problem's `errors` for one error of pydantic."""
    place, *path = (step for step in item["loc"] if step != OF_A_NAME)
    field = ".".join(map(str, path[:1] if place == "query" else path)) or str(place)
    why = reason(item)
    if item["type"] == "extra_forbidden":
        return field_error(field, why, _known_names(request, str(place), path[:-1]))
    if item["type"] == "literal_error":
        told = f"{item['input']!r} is unknown" if isinstance(item["input"], str) else no_text(item["input"])
        return field_error(field, told, re.findall(r"'([^']*)'", item["ctx"]["expected"]))
    if item["type"] in OUT_OF_BOUNDS:
        return field_error(field, why, _bounds(_schema_at(request, str(place), path)))
    return field_error(field, why, TRUTHS if item["type"] == "bool_parsing" else None)


def _known_names(request: Request, place: str, path: Sequence[str | int]) -> list[str]:
    if place == "body":
        return list(_schema_at(request, place, path).get("properties", {}))
    return [parameter["name"] for parameter in _operation(request).get("parameters", ()) if parameter["in"] == place]


def _bounds(schema: Schema) -> list[str] | None:
    """Return the least and the greatest value that a schema allows."""
    found = [f"{schema[name]:.15g}" for name in ("minimum", "maximum") if name in schema]
    return found if len(found) == len(("minimum", "maximum")) else None


def _schema_at(request: Request, place: str, path: Sequence[str | int]) -> Schema:
    """Return the schema of a parameter, or of what `path` leads to in the body; empty where the schema does not tell."""
    components = request.app.openapi()["components"]["schemas"]
    operation = _operation(request)
    if place != "body":
        named = [one for one in operation.get("parameters", ()) if (one["in"], one["name"]) == (place, path[0])]
        return _resolved(named[0]["schema"], components) if named else {}
    content = operation.get("requestBody", {}).get("content", {})
    schema = _resolved(content.get("application/json", {}).get("schema", {}), components)
    for step in path:
        inner = schema.get("items", {}) if isinstance(step, int) else schema.get("properties", {}).get(step, {})
        schema = _resolved(inner, components)
    return schema


def _resolved(schema: Schema, components: Schema) -> Schema:
    """Return the schema behind a reference, or behind one that also allows null."""
    for variant in schema.get("anyOf", ()):
        if variant.get("type") != "null":
            return _resolved(variant, components)
    if "$ref" in schema:
        return _resolved(components[schema["$ref"].rsplit("/", 1)[1]], components)
    return schema


def _operation(request: Request) -> Schema:
    path = getattr(request.scope.get("route"), "path", "")
    operation: Schema = request.app.openapi()["paths"].get(path, {}).get(request.method.lower(), {})
    return operation
