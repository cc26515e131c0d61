"""What clients rely on, one fact a line: routes, parameters, bodies, answers, values. `make api-contract` writes it down."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from services.query.app import build
from services.query.entrypoints.openapi.document import operations
from services.query.settings import Settings

PAGE = Path(__file__).parents[1] / "contract/query/api_v1.txt"
HEAD = "# The public contract of /v1, of which nothing may vanish (decision 0011). Written by `make api-contract`; the diff is what a review reads.\n"
NOWHERE = {"kafka_bootstrap": "127.0.0.1:1", "mongo_uri": "mongodb://127.0.0.1:1"}
REQUIRED = " required"
EVERYWHERE = {"X-Request-ID", "RateLimit", "RateLimit-Policy"}

Schema = dict[str, Any]


def schema_of_ours() -> Schema:
    """Return our OpenAPI schema; nothing is connected."""
    return build(Settings(**NOWHERE)).openapi()


def facts(schema: Schema) -> list[str]:
    """Return every fact, in order."""
    found = set()
    for path, method, operation in operations(schema):
        found |= set(_of_operation(f"{method.upper()} {path}", operation))
    for name, told in schema["components"]["schemas"].items():
        found |= set(_of_schema(name, told))
    return sorted(found)


def written(schema: Schema) -> str:
    """Return the page."""
    return HEAD + "".join(f"{fact}\n" for fact in facts(schema))


def lost(before: str, schema: Schema) -> list[str]:
    """Return the facts of a page that hold no more, and what a request that was good would now lack."""
    known, now = set(before.splitlines()[1:]), facts(schema)
    old_operations = {fact for fact in known if fact.endswith(")")}
    demands = [
        fact for fact in now if fact.endswith(REQUIRED) and fact not in known and _owner(fact, old_operations, known)
    ]
    return [*sorted(known.difference(now)), *(f"{fact} (new: requests without it were good)" for fact in demands)]


def _owner(fact: str, operations_before: set[str], known: set[str]) -> bool:
    """Say whether what the fact demands is demanded of something that was there before."""
    if fact.startswith("body "):
        return any(line.startswith(fact.partition(".")[0] + ".") for line in known)
    return any(fact.startswith(line.partition(" (")[0] + " ") for line in operations_before)


def _of_operation(place: str, operation: Schema) -> Iterator[str]:
    yield f"{place} ({operation['operationId']})"
    for one in operation.get("parameters", ()):
        kind = f"{place} {one['in']} {one['name']}: {_type(one['schema'])}"
        yield kind + (REQUIRED if one.get("required") else "")
    for media, told in _content(operation.get("requestBody", {})):
        yield f"{place} takes {media} {_type(told['schema'])}"
    for status, answer in operation["responses"].items():
        yield f"{place} answers {status}"
        if status < "4":
            yield from (f"{place} answers {status} {media} {_type(told['schema'])}" for media, told in _content(answer))
            yield from (
                f"{place} answers {status} header {name}" for name in sorted(set(answer["headers"]) - EVERYWHERE)
            )


def _content(told: Schema) -> Iterable[tuple[str, Schema]]:
    found: Schema = told.get("content", {})
    return found.items()


def _of_schema(name: str, told: Schema) -> Iterator[str]:
    yield from (f"value {name}: {value}" for value in told.get("enum", ()))
    side = "body" if name.endswith(("Body", "Patch")) or name == "Item" else "answer"
    for member, schema in told.get("properties", {}).items():
        is_required = member in told.get("required", ())
        word = REQUIRED if side == "body" else " always"
        yield f"{side} {name}.{member}: {_type(schema)}" + (word if is_required else "")


def _type(schema: Schema) -> str:
    """Return a type in a few letters."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    for way in ("anyOf", "oneOf"):
        if way in schema:
            return "|".join(dict.fromkeys(_type(one) for one in schema[way]))
    if schema.get("type") == "array":
        return f"{_type(schema['items'])}[]"
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return f"{{{_type(inner)}}}"
    if "enum" in schema:
        return "|".join(map(json.dumps, schema["enum"]))
    return str(schema.get("type", "any"))


def main() -> int:
    """Write the page; refuse where something would vanish, unless `--break` says that this is meant."""
    schema = schema_of_ours()
    gone = lost(PAGE.read_text(encoding="utf-8"), schema) if PAGE.exists() else []
    if gone and "--break" not in sys.argv[1:]:
        print("\n".join((*gone, BREAKING)), file=sys.stderr)
        return 1
    PAGE.write_text(written(schema), encoding="utf-8")
    print(f"{PAGE.name}: {len(facts(schema))} facts")
    return 0


BREAKING = (
    "The lines above are promised to clients and would hold no more. Keep them and add the new beside them, mark a route that is to "
    "go with `deprecated(…)`, or, where its time is over: make api-contract ARGS=--break (shared/decisions/0011)."
)

if __name__ == "__main__":
    sys.exit(main())
