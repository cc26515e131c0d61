from datetime import UTC

import bson

from shared.contracts.event_data import STATUSES
from shared.contracts.names import KINDS
from tests.bench.machine import Machine
from tests.bench.query_shop import HISTORY, NEWEST_AT, PERIOD, WITH_HISTORY_EVERY, item, items
from tests.bench.query_table import Measured, Times, render

QUIET = Machine(2, 0.5, 2**30, "Linux")


def times(p50: float, p99: float = 20.0, failed: int = 0) -> Times:
    return Times(p50, p50, p99, failed, "", 1.0, 0.5)


def tab(p50: float, *, name: str = "tab", entries: int = 1_000_000, kind: str = "list", keys: int = 51) -> Measured:
    return Measured(name, kind, entries, times(p50), times(2.0), keys, 90_000_000)


def test_a_shop_follows_from_its_size_alone() -> None:
    assert item(7, 1_000) == item(7, 1_000)
    assert item(7, 1_000) != item(7, 1_001)


def test_a_shop_is_believable() -> None:
    entries = [one.entry for one in items(0, 3_000, 3_000)]
    shares = {status: sum(one["state"]["status"] == status for one in entries) / 3_000 for status in STATUSES}
    busiest = max(sum(one["affiliate"] == name for one in entries) for name in {one["affiliate"] for one in entries})

    assert {one["kind"] for one in entries} == set(KINDS)
    assert len({one["_id"] for one in entries}) == len(entries)
    assert shares["success"] > 0.8
    assert 0.06 < shares["error"] < 0.1
    assert busiest > 3_000 / 20 * 3
    assert sum(map(len, map(bson.encode, entries))) / 3_000 < 1_000
    assert all(NEWEST_AT - PERIOD * 1.1 < one["state"]["processed_at"].astimezone(UTC) <= NEWEST_AT for one in entries)


def test_some_items_have_a_history() -> None:
    assert len(item(WITH_HISTORY_EVERY, 1_000).attempts) == HISTORY - 1
    assert item(WITH_HISTORY_EVERY + 1, 1_000).attempts == []


def test_a_view_that_keeps_to_its_targets_has_met_them() -> None:
    page = render([tab(4.5), tab(5.0, entries=10_000_000), tab(4.6, name="page 10,000", kind="deep")], QUIET, 50)

    assert page.count("| met |") == 7
    assert "missed**" not in page


def test_what_misses_a_target_is_named() -> None:
    page = render(
        [tab(4.0), tab(5.5, entries=10_000_000), tab(9.0, name="page 10,000", kind="deep", keys=9_000)], QUIET, 50
    )

    assert "| p50 ≤ the driver's + 3 ms (lists) | tab of 10,000,000; page 10,000 of 1,000,000 | **missed** |" in page
    assert "| the largest shop ≤ 1.2 x the smallest | tab of 10,000,000 | **missed** |" in page
    assert "| keys ≤ 50 for each row | page 10,000 of 1,000,000 | **missed** |" in page


def test_a_deep_page_is_held_against_new_pages_and_against_the_remembered_first() -> None:
    views = [tab(3.0), tab(4.5, name="pages in turn"), tab(4.8, name="page 10,000", kind="deep")]

    page = render(views, QUIET, 50)

    assert "| a deep page ≤ 1.2 x one near the beginning that nobody looked at either |  | met |" in page
    assert (
        "| a deep page ≤ 1.2 x the first, whose rows are remembered | page 10,000 of 1,000,000 | **missed** |" in page
    )


def test_a_busy_machine_gets_no_verdict() -> None:
    assert "no verdict (busy)" in render([tab(4.5)], Machine(2, 5.0, 2**30, "Linux"), 50)
