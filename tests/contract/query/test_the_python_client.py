"""The Python client can ask all that /openapi.json offers, and reads all that it answers: it cannot fall behind unseen."""

import importlib
import inspect
import pkgutil
from typing import Any

import pytest

from services.query.entrypoints.openapi.document import operations
from shared.client import answers
from shared.client.answers.base import Answer
from tests.support.api_contract import schema_of_ours
from tests.support.client_operations import methods_of_client

SCHEMA = pytest.fixture(scope="module", name="schema")(schema_of_ours)
OTHERWISE = {
    "from": "from_at",
    "to": "to_at",
    "filter": "rows",
    "Idempotency-Key": "key",
    "If-Match": "etag",
    "If-None-Match": "only_new",
    "Last-Event-ID": "since",
    "last_event_id": "since",
}
"""What a parameter is called in Python where it is not called the same."""
NOT_OFFERED = {
    "account",  # the key's own, and no other is taken
    "requested_by",  # the key's name
    "kind",  # of an export: `kinds` says the same
}
ELSEWHERE = {"list_logs": {"fields"}, "request_reprocess": {"dry_run"}, "replay_letters": {"dry_run"}}
"""By a method of its own: partial_page, preview, preview_replay."""
IN_ROWS = {
    "affiliate",
    "status",
    "error_code",
    "group",
    "retry",
    "reprocess_id",
    "q",
    "from",
    "to",
    "date_axis",
    "attempts_min",
}
IN_ROWS |= {"stale_since", "error_class", "topic", "state", "kind"}


def models() -> dict[str, type[Answer]]:
    for found in pkgutil.iter_modules(answers.__path__, f"{answers.__name__}."):
        importlib.import_module(found.name)

    def below(model: type[Answer]) -> list[type[Answer]]:
        return [inner for one in model.__subclasses__() for inner in (one, *below(one))]

    return {model.__name__: model for model in below(Answer)}


def test_every_operation_has_a_method_and_every_method_an_operation(schema) -> None:
    assert set(methods_of_client()) == {told["operationId"] for _, _, told in operations(schema)}


def test_every_parameter_and_member_of_a_body_can_be_said(schema) -> None:
    silent = []
    for _, _, told in operations(schema):
        name = told["operationId"]
        takes = set(inspect.signature(methods_of_client()[name]).parameters)
        if takes & {"fields", "changes"}:
            continue  # any member by its name
        offered = {one["name"] for one in told.get("parameters", ())} | members_of_body(schema, told)
        sayable = takes | (IN_ROWS if "rows" in takes else set())
        silent += [
            f"{name}: {one}"
            for one in sorted(offered - NOT_OFFERED - ELSEWHERE.get(name, set()))
            if one not in sayable and OTHERWISE.get(one) not in takes and not is_tag(one, told)
        ]
    assert silent == []


def is_tag(name: str, operation: dict[str, Any]) -> bool:
    """A GET under a condition is a matter of caches, which the client does not have. The reason of a look is `reveal` itself."""
    revealed = any(one["name"] == "reveal" for one in operation.get("parameters", ()))
    return name == "If-None-Match" or (name == "reason" and revealed) or name == "lang"


def members_of_body(schema: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:  # none, or a file, which is what it is
        return set()
    name = content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    return set(schema["components"]["schemas"][name]["properties"])


def test_every_answer_is_read_whole_and_as_what_it_is(schema) -> None:
    ours = models()
    for name, told in schema["components"]["schemas"].items():
        if "enum" in told or name.endswith(("Body", "Patch")) or name == "Item":
            continue
        assert name in ours, f"{name} has no class in shared/client/answers"
        own = ours[name].model_json_schema(mode="serialization")
        assert shapes(own, own.get("$defs", {})) == shapes(told, schema["components"]["schemas"]), name


def shapes(model: dict[str, Any], components: dict[str, Any]) -> dict[str, str]:
    needed = set(model.get("required", ()))
    return {
        name: shape(told, components) + ("" if name in needed else "?") for name, told in model["properties"].items()
    }


def shape(told: dict[str, Any], components: dict[str, Any]) -> str:
    """A type in a few letters; a closed list is text to a client, since it may grow."""
    if "$ref" in told:
        name = str(told["$ref"]).rsplit("/", 1)[1]
        return "string" if "enum" in components[name] else name
    if "anyOf" in told:
        return "|".join(sorted({shape(one, components) for one in told["anyOf"]}))
    if told.get("type") == "array":
        return f"[{shape(told['items'], components)}]"
    if told.get("type") == "object":
        inner = told.get("additionalProperties")
        return f"{{{shape(inner, components) if isinstance(inner, dict) else ''}}}"
    return f"{told.get('type', 'any')}{' at' if told.get('format') == 'date-time' else ''}"
