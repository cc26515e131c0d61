from typing import Any

import pytest

from services.query.adapters.mongo_log_reader import MongoLogReader, beyond, index_of, indexed_query
from services.query.core.cursor import Position
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES
from shared.mongo.client import Database
from shared.runtime.clock import now
from tests.support.seed import seed_entries

LIMIT = 20
CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "by_time"),
    ({"status": "error"}, "by_status"),
    ({"status": ["error", "warning"]}, "by_status"),
    ({"affiliate": "MLC"}, "by_affiliate"),
    ({"affiliate": "MLC", "status": "error"}, "by_affiliate"),
    ({"affiliate": ["MLC", "AMZ"], "status": ["error", "success"]}, "by_affiliate"),
    ({"from": "2026-11-23T00:00:00Z", "status": "error"}, "by_status"),
]


def stages_of(plan: Any) -> list[dict[str, Any]]:
    if isinstance(plan, list):
        return [stage for inner in plan for stage in stages_of(inner)]
    if not isinstance(plan, dict):
        return []
    return ([plan] if "stage" in plan else []) + [stage for inner in plan.values() for stage in stages_of(inner)]


@pytest.mark.parametrize("ascending", [False, True], ids=["newest first", "oldest first"])
async def test_a_page_examines_as_many_keys_as_it_shows(database: Database, *, ascending: bool) -> None:
    await seed_entries(
        database,
        (
            {
                "account": account,
                "code": str(n),
                "affiliate": ("MLC", "AMZ", "B2W")[n % 3],
                "status": ("success", "error", "warning", "processing")[n % 4],
                "causes": [],
                "processed_at": f"2026-11-23T10:{n // 100:02}:00Z",
            }
            for account in ("loja", "vizinha")
            for n in range(600)
        ),
    )
    reader, direction = MongoLogReader(database, time_limit_ms=5000, now=now), 1 if ascending else -1
    for asked, index in CASES:
        rows = LogFilter.parse({**asked, "kind": "order"})
        page = await reader.list_entries("loja", rows, after=None, ascending=ascending, limit=LIMIT)
        middle = Position(page[-1].processed_at, page[-1].id)
        for query in (indexed_query("loja", rows), beyond(indexed_query("loja", rows), middle, ascending=ascending)):
            plan = await database.command(
                "explain",
                {
                    "find": LOG_ENTRIES,
                    "filter": query,
                    "sort": {"state.processed_at": direction, "_id": direction},
                    "limit": LIMIT + 1,
                    "hint": index_of(rows),
                },
                verbosity="executionStats",
            )
            stages, stats = stages_of(plan["executionStats"]["executionStages"]), plan["executionStats"]
            branches = [stage for stage in stages if stage["stage"] == "IXSCAN"]
            assert {stage["indexName"] for stage in branches} == {index}, asked
            assert not {"SORT", "COLLSCAN"} & {stage["stage"] for stage in stages}, asked
            assert stats["totalDocsExamined"] <= LIMIT + 1, asked
            # A merge looks one key ahead in each of its branches.
            assert stats["totalKeysExamined"] <= LIMIT + 1 + len(branches), asked
