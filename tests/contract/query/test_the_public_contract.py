"""What clients rely on does not vanish by chance: the page api_v1.txt holds it, and a test that fails says what to do."""

import copy

import pytest

from tests.support.api_contract import BREAKING, PAGE, facts, lost, schema_of_ours, written

SCHEMA = pytest.fixture(scope="module", name="schema")(schema_of_ours)
PLACE = "/v1/logs/{kind}"


def test_nothing_that_was_promised_has_vanished(schema) -> None:
    if gone := lost(PAGE.read_text(encoding="utf-8"), schema):
        pytest.fail("\n".join((*gone, "", BREAKING)), pytrace=False)


def test_the_page_tells_all_that_is_there(schema) -> None:
    added = set(facts(schema)) - set(PAGE.read_text(encoding="utf-8").splitlines())

    assert not added, "\n".join((*sorted(added), "", "New, and welcome: write it down with `make api-contract`"))
    assert PAGE.read_text(encoding="utf-8") == written(schema)


def test_each_way_to_break_a_client_is_noticed(schema) -> None:
    def less(*path, change=None):
        changed = copy.deepcopy(schema)
        place = changed
        for step in path[:-1]:
            place = place[step]
        if change is None:
            del place[path[-1]]
        else:
            place[path[-1]] = change
        return lost(written(schema), changed)

    route = ("paths", PLACE, "get")
    item = ("components", "schemas", "EntryItem")
    limit = next(n for n, one in enumerate(schema["paths"][PLACE]["get"]["parameters"]) if one["name"] == "limit")
    assert f"GET {PLACE} (list_logs)" in less(*route)
    assert f"GET {PLACE} (list_logs)" in less(*route, "operationId", change="list_entries")
    assert f"GET {PLACE} query limit: integer" in less(*route, "parameters", limit)
    assert f"GET {PLACE} answers 304" in less(*route, "responses", "304")
    assert less(*route, "parameters", limit, "required", change=True)
    assert "answer EntryItem.status: Status always" in less(*item, "properties", "status")
    assert "answer EntryItem.attempts: integer always" in less(*item, "properties", "attempts", "type", change="string")
    assert "answer EntryItem.code: string always" in less(*item, "required", change=["status"])
    assert "value Kind: stock" in less(
        "components", "schemas", "Kind", "enum", change=["order", "product", "tracking", "price"]
    )
    assert less("components", "schemas", "ExportBody", "required", change=["format"])


def test_additions_break_nobody(schema) -> None:
    changed = copy.deepcopy(schema)
    changed["paths"]["/v1/new"] = {"get": changed["paths"][PLACE]["get"]}
    changed["components"]["schemas"]["EntryItem"]["properties"]["more"] = {"type": "string"}
    changed["components"]["schemas"]["EntryItem"]["required"].append("more")
    changed["components"]["schemas"]["NewBody"] = {"properties": {"it": {"type": "string"}}, "required": ["it"]}

    assert lost(written(schema), changed) == []
