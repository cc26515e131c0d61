"""Root causes of many items: told as they are, by a bounded number of keys."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from deploy.provision import provision_collections
from services.query.adapters.log import mongo_group_walk, mongo_groups
from services.query.adapters.log.mongo_entry_totals import LOOKED_AT
from services.query.adapters.log.mongo_group_walk import LOOKED_AHEAD, NEWEST
from services.query.adapters.log.mongo_groups import MongoGroups
from services.query.core.groups import trend_days
from services.query.handlers.grouping import Grouped
from services.query.handlers.reading import Total
from shared.contracts.filters import LogFilter
from shared.contracts.groups import group_of
from shared.contracts.matching import lets_pass
from shared.contracts.names import COLLECTIONS, LOG_ENTRIES
from shared.contracts.times import aware, format_instant
from shared.mongo.client import Document
from tests.support.builders import make_event
from tests.support.explained import Explained, Listener, explained
from tests.support.seed import entry_document

START = datetime(2026, 11, 10, tzinfo=UTC)
DAYS = trend_days(START + timedelta(days=9))
ITEMS = 7_000
SMALL = 121
LIMIT = 12
WORDS = [f"{a}{b}" for a in "bcdfghjklmnpqrst" for b in "aeiou"]
MESSAGES = [f"falha {WORDS[n % 80]} {WORDS[n // 80]}" for n in range(SMALL)]
LARGE = group_of("order", "ORD-SLA", "sem sla")
MIDDLE = group_of("order", "ORD-SLA", "sem preco")
PLAIN: list[dict[str, Any]] = [
    {},
    {"kind": ["order"]},
    {"kind": ["price", "order"], "affiliate": ["AMZ"]},
    {"kind": ["order"], "affiliate": ["MLC", "absent"], "to": "2026-11-15T07:00:00Z"},
    {"kind": ["order"], "from": "2026-11-14T00:00:00Z", "stale_since": "2026-11-17T12:30:00Z"},
    {"kind": ["order"], "group": [LARGE, group_of("order", "ORD-SLA", MESSAGES[5]), "0" * 16]},
]
OTHERS: list[dict[str, Any]] = [
    {"kind": ["order"], "status": ["error"]},
    {"kind": ["order"], "retry": ["fix"]},
    {"kind": ["order"], "error_code": ["ORD-SLA"]},
    {"kind": ["order"], "attempts_min": "1"},
    {"kind": ["order"], "affiliate": ["AMZ", "MLC", "B2W"], "attempts_min": "1"},
    {"error_code": ["ORD-SLA", *(f"C{n}" for n in range(30))]},
    {"from": "2026-11-01T00:00:00Z", "date_axis": "received_at"},
]
"""Filters of more rows than are read."""

FEW: list[dict[str, Any]] = [
    {"q": "sem"},
    {"kind": ["order"], "retry": ["fix"], "affiliate": ["AMZ"]},
    {"kind": ["price"]},
    {"group": [MIDDLE], "status": ["warning"]},
]


def messages_of(n: int) -> list[str]:
    """One in three says the large thing, one in six the middle one, one in eleven something small beside it."""
    first = "sem sla" if n % 3 == 0 else "sem preco" if n % 6 == 1 else MESSAGES[n % SMALL]
    return [first, MESSAGES[n % 7]] if n % 11 == 0 else [first]


def many_entries(account: str) -> list[Document]:
    return [
        entry_document(
            [
                make_event(
                    account=account,
                    kind="price" if n % 50 == 0 else "order",
                    code=f"{n:05}",
                    affiliate=("MLC", "AMZ", "B2W")[n % 5 % 3],
                    status="warning" if n % 20 == 0 else "error",
                    causes=[{"code": "ORD-SLA", "message": message} for message in messages_of(n)],
                    processed_at=format_instant(START + timedelta(seconds=n * 120 % 864_000, milliseconds=n)),
                )
            ]
        )
        for n in range(ITEMS)
    ]


@pytest.fixture(scope="module")
def entries() -> list[Document]:
    return [entry for account in ("loja", "vizinha") for entry in many_entries(account)]


@pytest.fixture(scope="module")
def filled(servers: Servers, entries: list[Document]) -> Iterator[str]:
    """The name of a database of this file's own, with the entries of two accounts."""
    name = f"test_{uuid4().hex[:12]}"
    with MongoClient[Document](servers.mongo.uri) as client:
        provision_collections(servers.mongo.uri, name, COLLECTIONS)
        client[name][LOG_ENTRIES].insert_many(entries, ordered=False)
        yield name
        client.drop_database(name)


def make_reader(_: Listener, database: Any) -> MongoGroups:
    return MongoGroups(database, time_limit_ms=5000)


@pytest.fixture
async def groups(servers: Servers, filled: str) -> AsyncIterator[Explained[MongoGroups]]:
    async with explained(servers.mongo.uri, filled, make_reader) as found:
        yield found


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongo_group_walk, "WALK_SECONDS", 60.0)


async def ask(groups: Explained[MongoGroups], asked: dict[str, Any], limit: int = LIMIT) -> Grouped:
    groups.forget()
    return await groups.reader.list_groups("loja", LogFilter.parse(asked), limit=limit, days=DAYS)


def members_of(entries: list[Document], asked: dict[str, Any]) -> dict[str, list[Document]]:
    """Return the entries of each group, by looking at all."""
    rows = LogFilter.parse(asked)
    members: dict[str, list[Document]] = {}
    for entry in entries:
        if lets_pass(rows, "loja", entry):
            for group in entry["state"]["groups"]:
                if not rows.group or group in rows.group:
                    members.setdefault(group, []).append(entry)
    return members


@pytest.mark.parametrize("asked", [*PLAIN, *FEW], ids=str)
async def test_many_items_are_told_as_looking_at_all_of_them_tells(
    groups: Explained[MongoGroups], entries: list[Document], asked: dict[str, Any]
) -> None:
    members = members_of(entries, asked)
    found = await ask(groups, asked)

    assert found.is_complete
    assert found.total == Total(len(members), "exact")
    counts = sorted((len(of_it) for of_it in members.values()), reverse=True)
    assert [one.count for one in found.items] == [Total(count, "exact") for count in counts[:LIMIT]]
    for one in found.items:
        of_it = members[one.id]
        times = sorted(aware(entry["state"]["processed_at"]) for entry in of_it)
        assert len(of_it) == one.count.value
        assert (one.first_at, one.last_at) == (times[0], times[-1]), one.id
        by_day = Counter(at.date() for at in times)
        assert [day.items for day in one.trend] == [Total(by_day[day.at.date()], "exact") for day in one.trend]
        affiliates = Counter(entry["affiliate"] for entry in of_it)
        assert dict(one.affiliates).keys() == affiliates.keys()
        assert not one.are_affiliates_whole or dict(one.affiliates) == affiliates
        assert group_of(one.kind, "ORD-SLA", one.cause["message"]) == one.id


async def test_the_whole_walk_reads_no_documents_but_those_of_its_steps_and_of_its_examples(
    groups: Explained[MongoGroups], entries: list[Document]
) -> None:
    walked = len(members_of(entries, {"kind": ["order"]}))
    for asked in ({"kind": ["order"]}, {"kind": ["order"], "affiliate": ["AMZ"]}):
        await ask(groups, asked)
        steps = groups.told("find")
        counts = groups.told("count", "aggregate")

        assert steps.indexes | counts.indexes == {"by_group"}
        assert not {"SORT", "COLLSCAN"} & (steps.stages | counts.stages)
        assert steps.documents <= LOOKED_AHEAD * (walked + 1) + LIMIT
        assert counts.documents == 0
        # Each item once for the count, the first ones once more to see that they are many; of what is shown the newest and the trend.
        assert steps.keys + counts.keys <= ITEMS * 1.1 * 3 + LOOKED_AT + LIMIT * NEWEST + walked * 20


async def test_counts_end_where_their_share_of_keys_does(
    groups: Explained[MongoGroups], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_group_walk, "MOST_KEYS", 3_000)
    monkeypatch.setattr(mongo_group_walk, "LEAST_COUNTED", 100)
    found = await ask(groups, {"kind": ["order"]})

    assert found.is_complete  # all groups were looked for: only their counts are cut
    assert {one.id for one in found.items[:2]} == {LARGE, MIDDLE}
    assert [one.count for one in found.items[:2]] == [Total(1_000, "at_least")] * 2
    assert groups.told("count").keys <= LOOKED_AT + 1 + len(MESSAGES) * 101 + 3 * 1_001 + 2 * len(DAYS) * 101


async def test_counts_of_an_affiliate_that_end_early_do_not_pretend_to_be_in_order(
    groups: Explained[MongoGroups], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_group_walk, "MOST_KEYS", 3_000)
    monkeypatch.setattr(mongo_group_walk, "LEAST_COUNTED", 40)
    found = await ask(groups, {"kind": ["order"], "affiliate": ["B2W"]})

    assert not found.is_complete
    assert "at_least" in {one.count.relation for one in found.items}
    for one in found.items:
        assert one.last_at is not None
        assert sum(one.affiliates.values()) <= one.count.value


async def test_of_too_many_groups_those_of_the_newest_items_are_told_and_that_there_are_others(
    groups: Explained[MongoGroups], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_group_walk, "MOST_GROUPS", 20)
    monkeypatch.setattr(mongo_groups, "MOST_GROUPS", 20)
    found = await ask(groups, {"kind": ["order"]}, limit=3)

    assert not found.is_complete
    assert found.total == Total(20, "at_least")
    assert [one.id for one in found.items[:2]] == [LARGE, MIDDLE]


async def test_a_walk_that_takes_long_is_given_up(
    groups: Explained[MongoGroups], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_group_walk, "WALK_SECONDS", 0.0)
    found = await ask(groups, {"kind": ["order"]}, limit=3)

    assert not found.is_complete
    assert found.total.relation == "at_least"
    assert [one.id for one in found.items[:2]] == [LARGE, MIDDLE]  # most of the newest items have them


@pytest.mark.parametrize("asked", OTHERS, ids=str)
async def test_what_no_key_of_the_index_tells_is_told_of_the_first_rows(
    groups: Explained[MongoGroups], entries: list[Document], asked: dict[str, Any]
) -> None:
    members = members_of(entries, asked)
    found = await ask(groups, asked)
    told = groups.told()

    assert not {"SORT", "COLLSCAN"} & told.stages
    assert told.keys <= 4 * LOOKED_AT + LIMIT * 2
    assert not found.is_complete
    assert found.total.relation == "at_least"
    for one in found.items:
        assert one.count.relation == "at_least"
        assert one.count.value <= len(members[one.id])
        assert one.first_at is None


async def test_a_neighbours_many_items_count_for_nobody_else(groups: Explained[MongoGroups]) -> None:
    assert await groups.reader.list_groups("outra", LogFilter(), limit=LIMIT, days=DAYS) == Grouped(
        [], Total(0, "exact"), is_complete=True
    )
