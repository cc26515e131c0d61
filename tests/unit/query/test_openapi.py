"""The schema that clients are generated from: valid, named, linked."""

import re

import pytest
from openapi_spec_validator import validate

from services.query.entrypoints.openapi.document import operations
from services.query.entrypoints.openapi.links import LINKS
from services.query.entrypoints.openapi.names import ENUMERATIONS, TAGS
from tests.support.api_contract import schema_of_ours

SCHEMA = pytest.fixture(scope="module", name="schema")(schema_of_ours)


def test_the_schema_is_valid_by_the_standard_patterns_included(schema):
    assert schema["openapi"].startswith("3.1")
    validate(schema)


def test_every_operation_is_called_by_what_it_does(schema):
    names = [told["operationId"] for _, _, told in operations(schema)]

    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []


def test_every_link_leads_to_an_operation_that_takes_what_it_gives(schema):
    takes = {
        told["operationId"]: {one["name"] for one in told.get("parameters", ())} for _, _, told in operations(schema)
    }
    for source, statuses in LINKS.items():
        for links in statuses.values():
            for target, given in links.items():
                assert source in takes
                assert {name.removeprefix("header.") for name in given} <= takes[target], (source, target)


def test_each_closed_list_has_one_name_and_stands_nowhere_written_out(schema):
    assert len(set(ENUMERATIONS.values())) == len(ENUMERATIONS)
    written_out = re.findall(r"'enum': \[([^]]*)\]", str({**schema, "components": {}}))

    assert written_out == ["'changed', 'removed', 'resync', 'closing'"]


def test_every_group_of_operations_says_what_it_is_about(schema):
    assert {tag for _, _, told in operations(schema) for tag in told["tags"]} == set(TAGS)


def test_every_body_has_an_example(schema):
    bodies = {
        str(told["requestBody"]["content"]["application/json"]["schema"]["$ref"]).rsplit("/", 1)[1]
        for _, _, told in operations(schema)
        if "application/json" in told.get("requestBody", {}).get("content", {})
    }

    assert [name for name in bodies if not schema["components"]["schemas"][name].get("examples")] == []


def test_whoever_is_told_that_nothing_changed_is_told_of_which_etag(schema):
    unchanged = [told["responses"]["304"] for _, _, told in operations(schema) if "304" in told["responses"]]

    assert len(unchanged) > 5
    assert [answer for answer in unchanged if "ETag" not in answer["headers"]] == []


def test_every_answer_tells_its_correlation_id_and_who_must_wait_for_how_long(schema):
    for path, method, told in operations(schema):
        for status, answer in told["responses"].items():
            assert "X-Request-ID" in answer["headers"], (method, path, status)
            assert ("Retry-After" in answer["headers"]) == (status in {"429", "503"}), (method, path, status)
