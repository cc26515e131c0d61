"""Whatever is wrong with a request, it is told in words of ours: what would be taken, and nothing of the library that checks."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from services.query.entrypoints.http import create_app
from tests.support.operations import Operation, operations_of
from tests.support.panel_over_fakes import program, services

WORDS_OF_PYDANTIC = re.compile(
    r"\bshould\b|\brequired\b|\bInput\b|Value error|unable to parse|pattern|\^|after validation"
)
WRONG: tuple[Any, ...] = (None, True, 17, -1, 10**9, 10**18, 1.5, "", "x", "x" * 2000, "a\x01b", [], {})
WRITTEN = ("", "x", "-1", "1.5", "9" * 20, "9" * 5000, "x" * 2000, "a\x01b")
SURE_TO_BE_REFUSED = ("surprise", "1")
"""So that no stream begins."""

OPERATIONS = operations_of(create_app(services()))


def spoiled(value: Any) -> Iterator[Any]:
    """Every value that differs from `value` in one place, at any depth."""
    yield from WRONG
    if isinstance(value, dict):
        yield {**value, "surprise": 1}
        for name, inner in value.items():
            yield {other: kept for other, kept in value.items() if other != name}
            yield from ({**value, name: wrong} for wrong in spoiled(inner))
    if isinstance(value, list):
        yield value * 10_001
        yield from ([wrong, *value[1:]] for inner in value[:1] for wrong in spoiled(inner))


def bodies(operation: Operation) -> Iterator[Any]:
    if (good := operation.body({})) is None:
        return
    yield from spoiled(good)
    for name in operation.fields() - set(good):
        yield from ({**good, name: wrong} for wrong in WRONG)
        yield from ({**good, name: [wrong]} for wrong in WRONG)
        yield from ({**good, name: {"order": wrong}} for wrong in WRONG)


def queries(operation: Operation) -> Iterator[list[tuple[str, str]]]:
    asked = list(operation.params({}).items())
    for one in operation.spec.get("parameters", ()):
        if one["in"] == "query":
            yield from ([*asked, SURE_TO_BE_REFUSED, (one["name"], wrong)] for wrong in WRITTEN)
    yield [SURE_TO_BE_REFUSED]


def addresses(operation: Operation) -> Iterator[str]:
    for one in operation.spec.get("parameters", ()):
        if one["in"] == "path":
            yield from (operation.address({one["name"]: wrong}) for wrong in ("x" * 2000, "a%01b", "%20"))


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_no_refusal_speaks_the_words_of_the_library_that_checks(operation: Operation) -> None:
    told: set[str] = set()
    async with await program(services(), "read", "export", "reprocess", "admin") as client:

        async def ask(address: str, **request: Any) -> None:
            answer = await client.request(operation.method, address, headers={"If-Match": '"1-x"'}, **request)
            if answer.status_code >= 400:
                told.update(json.dumps([one["field"], one["reason"]]) for one in answer.json().get("errors") or ())
                told.add(answer.json()["detail"])

        here = operation.address({})
        for body in bodies(operation):
            await ask(here, json=body)
        for asked in queries(operation):
            await ask(here, params=asked)
        for address in addresses(operation):
            await ask(address, params=[SURE_TO_BE_REFUSED])

    assert told
    assert sorted(words for words in told if WORDS_OF_PYDANTIC.search(words)) == []
