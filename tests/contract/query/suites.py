"""What every adapter behind the query service promises. Subclass with the fixtures that each suite names."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from services.query.core.cursor import Position
from services.query.core.groups import trend_days
from services.query.core.permissions import Caller
from services.query.core.sorting import SortField, place_of, value_of
from services.query.handlers.commanding import JobStore
from services.query.handlers.dead_letters import ClassCount, Fate, LetterReader
from services.query.handlers.grouping import Grouped, GroupReader
from services.query.handlers.insights import BUCKETS, Bucket, Counts, LogCounts, RolledCounts, summarize
from services.query.handlers.outcomes import Outcome, OutcomeCounter
from services.query.handlers.previewing import EntryFinder
from services.query.handlers.reading import LogReader, Total
from services.query.handlers.telling import StoryReader
from shared.contracts.dead_letters import LetterFilter
from shared.contracts.eligibility import refusal
from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.events import IntegrationEvent
from shared.contracts.filters import LogFilter
from shared.contracts.groups import group_of
from shared.contracts.names import KINDS
from shared.contracts.text import fold_id
from tests.support.builders import RECEIVED_AT, make_event
from tests.support.letters import LetterSeed, make_letter
from tests.support.long_histories import long_from

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NO_SLA = group_of("order", "ORD-SLA", "No available sla to deliver this order")
ORDERS = LogFilter(kind=("order",))
SORT_FIELDS: tuple[SortField, ...] = get_args(SortField)
EVERY_LETTER = LetterFilter()
CALLER = Caller(account="loja", key_id="key", name="", scopes=frozenset({"read"}))
Roll = Callable[[], Awaitable[None]]
Seed = Callable[..., Awaitable[None]]
"""Stores the entry that the events given come to."""


def codes(entries: list[LogEntry]) -> list[str]:
    return [entry.code for entry in entries]


async def seed_variety(seed: Seed) -> None:
    """Five orders and a price of `loja`, an order of `vizinha`."""
    at = "2026-11-23T10:00:0{}Z".format
    await seed(make_event(code="1", processed_at=at(1), affiliate="AMZ"))
    await seed(make_event(code="2", processed_at=at(1), status="success", causes=[]))
    await seed(make_event(code="3", processed_at=at(2), causes=[{"code": "X", "message": "Não há estoque"}]))
    await seed(make_event(code="4", processed_at=at(3), status="processing", causes=[], aliases={"vtex": "PED.4"}))
    await seed(
        make_event(code="5", processed_at=at(0), causes=[{"code": "X", "message": "a"}, {"code": "X", "message": "b"}])
    )
    await seed(make_event(code="1", kind="price", processed_at="2026-11-24T00:00:00Z"))
    await seed(make_event(account="vizinha", code="9"))


SAME_INSTANT = ("a0", "b0", "c", "d1", "É")


class LogReaderSuite:
    @pytest.fixture(params=["sorted", "in order"])
    def remember(self, request: pytest.FixtureRequest, seed: Seed) -> Iterator[Seed]:
        """Store an entry and its history, which is short, or long and in order."""

        async def in_order(*events: IntegrationEvent, **changes: Any) -> None:
            await seed(*events, in_order=len(events), **changes)

        if request.param == "sorted":
            yield seed
            return
        with long_from(2):
            yield in_order

    async def page(self, log: LogReader, rows: LogFilter = ORDERS, **asked: Any) -> list[str]:
        found = await log.list_entries("loja", rows, **{"after": None, "ascending": False, "limit": 50, **asked})
        assert found.reached is None
        return codes(found.entries)

    async def test_rows_come_by_instant_then_id_both_ways(self, log: LogReader, seed: Seed) -> None:
        await seed_variety(seed)

        assert sorted(await self.page(log)) == ["1", "2", "3", "4", "5"]
        newest = await self.page(log)
        assert (newest[:2], newest[-1]) == (["4", "3"], "5")
        assert await self.page(log, ascending=True) == newest[::-1]
        assert await self.page(log, limit=2) == newest[:2]

    async def test_the_rows_after_a_position_are_the_rest(self, log: LogReader, seed: Seed) -> None:
        await seed_variety(seed)
        for rows in (
            ORDERS,
            LogFilter(kind=("order",), affiliate=("MLC", "AMZ")),
            LogFilter(kind=("order",), status=("error", "success")),
        ):
            everything = (await log.list_entries("loja", rows, after=None, ascending=False, limit=50)).entries
            for at, entry in enumerate(everything):
                place = Position(entry.processed_at, entry.id)
                assert await self.page(log, rows, after=place) == codes(everything[at + 1 :])
                assert await self.page(log, rows, after=place, ascending=True) == codes(everything[:at][::-1])

    async def test_a_list_of_successes_shows_a_marketplace_that_came_since_the_list_before(
        self, log: LogReader, seed: Seed
    ) -> None:
        rows = LogFilter(kind=("order",), status=("success",))
        for affiliates in (["AMZ"], ["AMZ", "MGZ"], ["AMZ", "MGZ", "MLC"]):
            await seed(make_event(affiliate=affiliates[-1], code=affiliates[-1], status="success", causes=[]))
            assert sorted(await self.page(log, rows)) == affiliates

    async def test_every_field_of_a_filter_narrows(self, log: LogReader, seed: Seed) -> None:
        await seed_variety(seed)
        for written, expected in [
            ({"affiliate": "AMZ"}, {"1"}),
            ({"status": ["success", "processing"]}, {"2", "4"}),
            ({"error_code": "X"}, {"3", "5"}),
            ({"q": "nao ESTOQUE"}, {"3"}),
            ({"q": "ped."}, {"4"}),
            ({"q": "p.d"}, set()),
            ({"from": "2026-11-23T10:00:02Z"}, {"3", "4"}),
            ({"to": "2026-11-23T10:00:01Z"}, {"5"}),
        ]:
            rows = LogFilter.parse({**written, "kind": "order"})
            assert set(await self.page(log, rows)) == expected, written
            assert await log.count_entries("loja", rows, at_most=50) == Total(len(expected), "exact")

    async def test_the_fields_beside_the_newest_ones_narrow_as_well(self, log: LogReader, seed: Seed) -> None:
        await seed_variety(seed)
        late = datetime(2026, 11, 25, tzinfo=UTC)
        await seed(make_event(code="6", received_at=late, causes=[{"code": "CTLG-005-001", "message": "x"}]))
        await seed(make_event(code="7", causes=[{"code": "MKT-CLOSED", "message": "y"}]), attempts=5)
        await seed(make_event(code="8", status="warning"), reprocess={"id": "job", "state": "sent"}, attempts=2)
        everything = {"1", "2", "3", "4", "5", "6", "7", "8"}
        for written, expected in [
            ({"retry": "never"}, {"7"}),
            ({"retry": ["auto", "fix", "never"]}, everything - {"2", "4"}),
            ({"retry": "fix", "status": "warning"}, {"8"}),
            ({"reprocess_id": "job"}, {"8"}),
            ({"reprocess_id": "job", "q": "200"}, set()),
            ({"attempts_min": "1"}, everything),
            ({"attempts_min": "2"}, {"7", "8"}),
            ({"attempts_min": "2", "affiliate": "MLC", "error_code": "MKT-CLOSED"}, {"7"}),
            ({"from": "2026-11-24T00:00:00Z", "date_axis": "received_at"}, {"6"}),
            ({"to": "2026-11-24T00:00:00Z", "date_axis": "received_at"}, everything - {"6"}),
            ({"stale_since": "2026-11-23T10:00:01Z"}, {"5"}),
            ({"stale_since": "2026-11-23T10:00:03Z", "to": "2026-11-23T10:00:02Z"}, {"1", "2", "5"}),
        ]:
            rows = LogFilter.parse({**written, "kind": "order"})
            for by in SORT_FIELDS:
                assert set(await self.page(log, rows, by=by)) == expected, (written, by)
            assert await log.count_entries("loja", rows, at_most=50) == Total(len(expected), "exact"), written

    async def test_rows_come_in_every_order_and_go_on_from_any_of_them(self, log: LogReader, seed: Seed) -> None:
        for number, code in enumerate(["b", "B", "a", "ç", "10", "9", "\uffff", "\U0001f600"]):
            received = datetime(2026, 11, 23, 10, 0, number % 3, tzinfo=UTC)
            event = make_event(code=code, affiliate=("MLC", "AMZ")[number % 2], received_at=received)
            await seed(event, attempts=number % 4 + 1)
        await seed(make_event(code="a", affiliate="AMZ"), attempts=3)
        for rows in (
            ORDERS,
            LogFilter(kind=("order",), attempts_min=2),
            LogFilter(kind=("order",), affiliate=("AMZ",)),
        ):
            for by in SORT_FIELDS:
                listed = (await log.list_entries("loja", rows, after=None, ascending=True, limit=50, by=by)).entries
                assert [place_of(entry, by) for entry in listed] == sorted(place_of(entry, by) for entry in listed)
                assert await log.count_entries("loja", rows, at_most=50) == Total(len(listed), "exact")
                for at, entry in enumerate(listed):
                    asked: dict[str, Any] = {"after": Position(value_of(entry, by), entry.id), "by": by}
                    assert await self.page(log, rows, ascending=True, **asked) == codes(listed[at + 1 :])
                    assert await self.page(log, rows, ascending=False, **asked) == codes(listed[:at][::-1])
                    assert await self.page(log, rows, ascending=True, **asked, limit=2) == codes(
                        listed[at + 1 : at + 3]
                    )

    async def test_the_last_success_is_that_before_the_state(self, log: LogReader, remember: Seed) -> None:
        at = "2026-11-23T10:00:0{}Z".format
        statuses = ["success", "error", "success", "warning", "error"]
        events = [
            make_event(id=f"e{n}", processed_at=at(n), status=status, causes=[], payload={"n": n})
            for n, status in enumerate(statuses)
        ]
        await remember(*events)
        await remember(make_event(code="never"), make_event(code="never"))

        found = await self.last_success(log, events[0].entry_id)

        assert found is not None
        assert (found.event_id, found.payload) == ("e2", {"n": 2})
        assert await self.last_success(log, "loja|order|MLC|never") is None

    @pytest.mark.parametrize("whole", ["10:00:00.123", "10:00:00.120", "10:00:00.000", "10:59:59.999"])
    async def test_of_one_millisecond_the_last_success_is_told_by_all_decimals(
        self, log: LogReader, remember: Seed, whole: str
    ) -> None:
        later = {"0": "success", "0001": "success", "9999": "success", "99991": "error", "99999": "processing"}
        at = {
            "before": ("09:59:59.9999999", "success"),
            "after": ("11:00:00", "warning"),
            "state": ("11:00:01", "error"),
        }
        at |= {f"in{more}": (whole + more, status) for more, status in later.items()}
        events = [
            make_event(id=name, processed_at=f"2026-11-23T{clock}Z", status=status, received_at=NOW)
            for name, (clock, status) in at.items()
        ]
        await remember(*events)

        found = await self.last_success(log, events[0].entry_id)

        assert found is not None
        assert found.event_id == "in9999"

    async def test_a_success_of_a_clock_that_runs_ahead_is_found_where_the_broker_took_it_in(
        self, log: LogReader, remember: Seed
    ) -> None:
        ahead = make_event(id="ahead", processed_at="2027-11-23T00:00:00Z", status="success", causes=[])
        state = make_event(processed_at="2026-11-23T10:11:14Z", received_at=RECEIVED_AT + timedelta(seconds=1))
        await remember(make_event(status="success", causes=[]), ahead, state)

        found = await self.last_success(log, ahead.entry_id)

        assert found is not None
        assert found.event_id == "ahead"

    async def test_a_last_success_that_is_not_kept_any_more_is_none_that_was_before_it(
        self, log: LogReader, remember: Seed
    ) -> None:
        kept = make_event(processed_at="2026-11-23T10:00:00Z", status="success", causes=[])
        state = make_event(processed_at="2026-11-23T10:00:09Z")
        gone = kept.order_at + timedelta(milliseconds=1)
        await remember(kept, state, last_success_at=gone)

        assert await self.last_success(log, kept.entry_id) is None

    async def last_success(self, log: LogReader, identity: str) -> Attempt | None:
        entry = await log.find_entry(identity)
        assert entry is not None
        return await log.find_last_success(entry)

    async def test_counting_stops_where_it_is_told_to(self, log: LogReader, seed: Seed) -> None:
        await seed_variety(seed)
        assert await log.count_entries("loja", ORDERS, at_most=3) == Total(3, "at_least")
        assert await log.count_entries("ninguem", ORDERS, at_most=3) == Total(0, "exact")

    async def test_an_entry_is_found_whole_and_listed_without_its_payload(self, log: LogReader, seed: Seed) -> None:
        await seed(make_event(payload={"$set": 1, "a.b": [2]}))

        found = await log.find_entry("loja|order|MLC|2000004567")
        (listed,) = (await log.list_entries("loja", ORDERS, after=None, ascending=False, limit=1)).entries

        assert found is not None
        assert found.payload == {"$set": 1, "a.b": [2]}
        assert listed.payload is None
        assert listed.aliases == {"vtex_order_id": "MLC-2000004567"}
        assert await log.find_entry("loja|order|MLC|absent") is None

    async def test_attempts_come_by_their_total_order(self, log: LogReader, remember: Seed, seed: Seed) -> None:
        at = "2026-11-23T10:00:00.123{}Z".format
        events = [
            make_event(id="a", processed_at=at("1")),
            make_event(id="b", processed_at=at("")),
            make_event(id="c", processed_at=at(""), sequence=2),
            make_event(id="d", processed_at=at(""), sequence=10),
            *[make_event(id=one, processed_at=at(""), sequence=3, source="/\U0001f600") for one in SAME_INSTANT],
            *[make_event(id=one, processed_at=at(""), sequence=3, source="/\uffff") for one in SAME_INSTANT],
        ]
        await remember(*events)
        await seed(make_event(code="2000004567 ", id="other"))
        same = sorted(SAME_INSTANT, reverse=True)
        identity = events[0].entry_id

        history = await log.list_attempts(identity, after=None, limit=20)

        assert [attempt.event_id for attempt in history] == ["a", "d", *same, *same, "c", "b"]
        assert {attempt.source for attempt in history[2 : 2 + len(same)]} == {"/\U0001f600"}
        for at_most, attempt in enumerate(history):
            rest = await log.list_attempts(identity, after=Position(attempt.processed_at, attempt.id), limit=20)
            assert rest == history[at_most + 1 :]
            place = Position(attempt.processed_at, attempt.id)
            newer = await log.list_attempts(identity, after=place, limit=20, ascending=True)
            assert newer == history[:at_most][::-1]
            assert await log.list_attempts(identity, after=place, limit=2, ascending=True) == newer[:2]
        gone = Position(NOW, "gone")
        assert await log.list_attempts(identity, after=gone, limit=10) == []
        assert await log.list_attempts(identity, after=gone, limit=20, ascending=True) == history[::-1]

    async def test_of_one_instant_the_last_event_by_id_decides_how_often_it_failed_since(
        self, log: LogReader, remember: Seed
    ) -> None:
        statuses = {"a0": "error", "b0": "success", "c": "error"}
        events = [make_event(id=one, source="/c", status=status) for one, status in statuses.items()]
        await remember(*events)

        entry = await log.find_entry(events[0].entry_id)
        success = await self.last_success(log, events[0].entry_id)

        assert entry is not None
        outcomes = await log.list_outcomes(entry, limit=10, most=10)
        assert [status for status, _ in outcomes or ()] == ["error", "success", "error"]
        assert success is not None
        assert success.event_id == "b0"

    async def test_outcomes_come_in_the_order_of_attempts(self, log: LogReader, remember: Seed, seed: Seed) -> None:
        at = "2026-11-23T10:00:0{}Z".format
        events = [
            make_event(processed_at=at(n), status=status)
            for n, status in enumerate(["success", "error", "warning", "error"])
        ]
        await remember(*[events[n] for n in (2, 0, 3, 1)])
        await seed(make_event(code="2000004567 ", processed_at=at(9)))

        entry = await log.find_entry(events[0].entry_id)
        assert entry is not None
        outcomes = await log.list_outcomes(entry, limit=10, most=3)

        assert outcomes == [(event.data.status, event.processed_at) for event in reversed(events)]
        assert outcomes is not None
        assert await log.list_outcomes(entry, limit=2, most=3) == outcomes[:2]

    async def test_more_outcomes_than_may_be_sorted_are_told_only_where_they_are_in_order(
        self, log: LogReader, seed: Seed
    ) -> None:
        for code, said in (("sorted", {}), ("ordered", {"in_order": 3})):
            await seed(*(make_event(code=code, id=str(n)) for n in range(3)), **said)
        entry, ordered = await log.find_entry("loja|order|MLC|sorted"), await log.find_entry("loja|order|MLC|ordered")
        assert entry is not None
        assert ordered is not None

        assert await log.list_outcomes(entry, limit=2, most=1) is None
        with long_from(3):
            assert await log.list_outcomes(ordered, limit=2, most=1) == [("error", ordered.processed_at)] * 2


class StoryReaderSuite:
    async def test_entries_are_found_by_any_id_that_they_ever_had(self, stories: StoryReader, seed: Seed) -> None:
        sku = {"aliases": {"sku": "SKU-Ação"}}
        await seed(make_event(kind="price", code="sku-acao", aliases={}))
        await seed(make_event(kind="price", affiliate="AMZ", code="9", **sku))
        await seed(make_event(kind="stock", code="8", **sku))
        await seed(make_event(kind="price", code="SKU-Ação-2"))
        await seed(make_event(kind="price", account="vizinha", code="SKU-Ação"))
        before = make_event(kind="price", code="7", processed_at="2026-11-23T09:00:00Z", **sku)
        await seed(before, make_event(kind="price", code="7", aliases={"sku": "other"}))

        found = await stories.list_by_id("loja", "price", fold_id("SKU-Ação"), limit=10)

        assert sorted(codes(found)) == ["7", "9", "sku-acao"]
        assert all(entry.payload is None and entry.version for entry in found)
        assert len(await stories.list_by_id("loja", "price", fold_id("SKU-Ação"), limit=2)) == 2
        assert await stories.list_by_id("loja", "order", fold_id("SKU-Ação"), limit=10) == []
        assert await stories.list_by_id("loja", "price", "", limit=10) == []

    async def test_the_attempts_of_several_entries_are_one_line_from_any_place_both_ways(
        self, stories: StoryReader, seed: Seed
    ) -> None:
        at = "2026-11-23T10:00:0{}Z".format
        for kind, affiliate in (("stock", "AMZ"), ("stock", "MLC"), ("price", "MLC")):
            shared = {"kind": kind, "affiliate": affiliate, "code": "31042"}
            same = [make_event(id=one, processed_at=at(2), **shared) for one in ("é", "z", "\U0001f600")]
            later = [make_event(id=f"s{n}", processed_at=at(2), sequence=n, **shared) for n in (9, 10)]
            log = {"message": "Exportado", "evidence": {"request": "long"}}
            first = make_event(id="first", processed_at=at(1), status="success", causes=[], log=log, **shared)
            await seed(*same, *later, first, make_event(id="state", processed_at=at(3), **shared))
        await seed(make_event(kind="stock", code="310420"), make_event(kind="stock", code="310420"))
        entries = [entry for kind in KINDS for entry in await stories.list_by_id("loja", kind, "31042", limit=10)]

        line = await stories.list_older(entries, after=None, limit=50)

        assert len(line) == 3 * 6
        assert [moment.place for moment in line] == sorted((moment.place for moment in line), reverse=True)
        assert [moment.attempt.event_id for moment in line[:6]] == ["s10"] * 3 + ["s9"] * 3
        assert {moment.entry_id for moment in line[:3]} == {entry.id for entry in entries}
        last = line[-1].attempt
        assert (last.status, last.payload, last.log and last.log["message"]) == ("success", None, "Exportado")
        for before, moment in enumerate(line):
            assert await stories.find_place(moment.attempt.id) == moment.place
            assert await stories.list_older(entries, after=moment.place, limit=50) == line[before + 1 :]
            newer = await stories.list_older(entries, after=moment.place, limit=50, ascending=True)
            assert newer == line[:before][::-1]
        assert (
            await stories.list_older(entries[:1], after=None, limit=2, ascending=True)
            == [moment for moment in line[::-1] if moment.entry_id == entries[0].id][:2]
        )
        assert await stories.find_place("gone") is None
        assert [await stories.count_older(entry, at_most=50) for entry in entries] == [6, 6, 6]
        assert await stories.count_older(entries[0], at_most=4) == 4


class LogCountsSuite:
    async def test_counts_are_those_of_the_filter(self, counts: LogCounts, seed: Seed) -> None:
        await seed_variety(seed)
        everything = LogFilter()

        assert await counts.count_by_kind("loja", everything) == {
            "order": {"error": 3, "success": 1, "processing": 1},
            "price": {"error": 1},
        }
        assert await counts.count_by_affiliate("loja", ORDERS) == {
            "AMZ": {"error": 1},
            "MLC": {"error": 2, "success": 1, "processing": 1},
        }
        assert await counts.count_by_kind("loja", LogFilter(q="ped")) == {"order": {"processing": 1}}
        causes = await counts.count_by_cause("loja", everything)
        assert {(cause.code, cause.count) for cause in causes} == {("X", 2), ("ORD-SLA", 2)}

    async def test_the_series_is_told_oldest_first(self, counts: LogCounts, seed: Seed) -> None:
        await seed_variety(seed)
        days = await counts.count_by_time("loja", LogFilter(), bucket="day")
        hours = await counts.count_by_time("loja", ORDERS, bucket="hour")

        assert [(point.at.day, dict(point.by_status)) for point in days] == [
            (23, {"error": 3, "success": 1, "processing": 1}),
            (24, {"error": 1}),
        ]
        assert [point.at for point in hours] == [datetime(2026, 11, 23, 10, tzinfo=UTC)]


LONG = ("2026-10-02T00:00:00Z", "2026-11-30T00:00:00Z")
"""Longer than is told by hours; of both of its months all but a day."""

PERIODS = [
    (None, None),
    ("2026-11-23T10:00:00Z", None),
    (None, "2026-11-23T10:00:01.500Z"),
    ("2026-11-23T10:00:01Z", "2026-11-23T10:00:02Z"),
    ("2026-11-22T23:30:00Z", "2026-11-24T00:00:00Z"),
    ("2026-10-31T12:00:00Z", "2026-11-24T00:30:00Z"),
    ("2026-11-23T09:59:59Z", "2026-11-23T10:00:01Z"),
    ("2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z"),
    ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
    ("2026-11-02T00:00:00Z", "2026-12-01T00:00:00Z"),
    LONG,
]
ASKED: list[dict[str, Any]] = [
    {},
    {"kind": ["order"]},
    {"kind": ["order", "price"], "status": ["error"]},
    {"affiliate": ["AMZ"]},
    {"affiliate": ["AMZ", "MLC", "absent"], "status": ["success", "processing"]},
    {"error_code": ["X", "absent"]},
    {"error_code": ["ORD-SLA"], "affiliate": ["MLC"]},
    {"retry": ["fix"]},
    {"retry": ["auto", "never"], "kind": ["order"]},
]


GROUPED: list[dict[str, Any]] = [
    {},
    {"kind": ["order"]},
    {"affiliate": ["AMZ"]},
    {"affiliate": ["MLC", "absent"], "status": ["error"]},
    {"error_code": ["X"]},
    {"retry": ["fix"], "kind": ["order"]},
    {"q": "estoque"},
    {"from": "2026-11-23T10:00:01Z", "to": "2026-11-24T00:00:00Z"},
    {"stale_since": "2026-11-23T10:00:01Z"},
    {"attempts_min": "1"},
    {"group": [group_of("order", "X", "a"), group_of("order", "X", "absent")]},
]
WEEK = trend_days(NOW + timedelta(days=1))


class GroupReaderSuite:
    async def test_items_count_in_every_group_that_they_are_in_now(self, groups: GroupReader, seed: Seed) -> None:
        await seed_variety(seed)
        await seed(make_event(code="6", processed_at="2026-11-23T09:00:00Z", affiliate="AMZ"))
        await seed(
            make_event(code="7", processed_at="2026-11-23T08:00:00Z"),
            make_event(code="7", processed_at="2026-11-23T11:00:00Z", status="success", causes=[]),
        )
        found = await groups.list_groups("loja", LogFilter(), limit=20, days=WEEK)

        assert found.is_complete
        assert found.total == Total(5, "exact")
        first = found.items[0]
        assert (first.id, first.kind, first.count) == (NO_SLA, "order", Total(2, "exact"))
        assert (first.cause["code"], first.cause["message"]) == ("ORD-SLA", "No available sla to deliver this order")
        assert (dict(first.affiliates), first.are_affiliates_whole) == ({"AMZ": 2}, True)
        assert (first.first_at, first.last_at) == (NOW.replace(hour=9), NOW.replace(hour=10, second=1))
        assert [day.items.value for day in first.trend] == [0, 0, 0, 0, 0, 2, 0]
        assert [day.at for day in first.trend] == WEEK
        assert [(one.kind, one.cause["message"]) for one in found.items[1:]] == [
            ("price", "No available sla to deliver this order"),
            ("order", "Não há estoque"),
            *(("order", message) for message in sorted("ab", key=lambda text: group_of("order", "X", text))),
        ]

    @pytest.mark.parametrize("asked", GROUPED, ids=str)
    async def test_a_group_has_the_items_that_the_list_has_under_its_id(
        self, groups: GroupReader, log: LogReader, seed: Seed, asked: dict[str, Any]
    ) -> None:
        await seed_variety(seed)
        rows = LogFilter.parse(asked)
        found = await groups.list_groups("loja", rows, limit=20, days=WEEK)

        assert found.is_complete
        assert found.items
        for one in found.items:
            its_own = replace(rows, kind=(one.kind,), group=(one.id,))
            assert one.count == await log.count_entries("loja", its_own, at_most=10)
            assert sum(one.affiliates.values()) == one.count.value
            listed = (await log.list_entries("loja", its_own, after=None, ascending=False, limit=10)).entries
            assert (one.last_at, one.first_at) == (listed[0].processed_at, listed[-1].processed_at)

    async def test_no_more_are_told_than_asked_for_and_how_many_there_are(
        self, groups: GroupReader, seed: Seed
    ) -> None:
        await seed_variety(seed)
        found = await groups.list_groups("loja", ORDERS, limit=2, days=WEEK)

        assert (len(found.items), found.total) == (2, Total(4, "exact"))
        assert await groups.list_groups("nobody", ORDERS, limit=2, days=WEEK) == Grouped([], Total(0, "exact"), True)


class RolledCountsSuite:
    """Fixtures `counts`, `seed`, `rolled`, and `roll`, which brings the rollups up to date."""

    async def test_before_they_are_built_they_answer_nothing(self, rolled: RolledCounts, seed: Seed) -> None:
        await seed_variety(seed)

        assert await rolled.find_by_kind("loja", LogFilter()) is None
        assert await rolled.find_all("loja", LogFilter(), bucket="day") is None

    @pytest.mark.parametrize("asked", ASKED, ids=str)
    async def test_they_say_what_counting_says(
        self, asked: dict[str, Any], rolled: RolledCounts, counts: LogCounts, seed: Seed, roll: Roll
    ) -> None:
        await seed_variety(seed)
        both = [{"code": "X", "message": "a"}, {"code": "ORD-SLA", "message": "b"}]
        await seed(make_event(code="two causes", affiliate="AMZ", causes=both, processed_at="2026-10-31T23:59:59.999Z"))
        await roll()
        for start, end in PERIODS:
            rows = LogFilter.parse({**asked, "from": start or "", "to": end or ""})
            for bucket in BUCKETS if start and end and (start, end) != LONG else BUCKETS[1:]:
                plainly = await summarize(Counts(counts, NeverRolled(), lambda: NOW), CALLER, rows, bucket=bucket)

                told = await summarize(Counts(counts, rolled, lambda: NOW), CALLER, rows, bucket=bucket)

                assert replace(told, as_of=NOW) == plainly, (rows, bucket)
                by_kind = await rolled.find_by_kind("loja", rows)
                assert by_kind is not None
                assert by_kind.by_kind() == plainly.by_kind

    async def test_asked_again_they_tell_what_was_counted_meanwhile(
        self, rolled: RolledCounts, seed: Seed, roll: Roll
    ) -> None:
        await seed(make_event(code="1"))
        await roll()
        first = await rolled.find_all("loja", LogFilter(), bucket="day")
        await seed(make_event(code="2", status="success", causes=[]))
        await roll()
        second = await rolled.find_all("loja", LogFilter(), bucket="day")
        assert first is not None
        assert first.by_kind() == {"order": {"error": 1}}
        assert second is not None
        assert second.by_kind() == {"order": {"error": 1, "success": 1}}
        assert await rolled.find_all("vizinha", LogFilter(), bucket="day") != second


class NeverRolled:
    """RolledCounts that were never built."""

    async def find_by_kind(self, account: str, rows: LogFilter) -> None:
        return None

    async def find_all(self, account: str, rows: LogFilter, *, bucket: Bucket) -> None:
        return None


class EntryFinderSuite:
    async def test_named_entries_are_found_by_id(self, finder: EntryFinder, seed: Seed) -> None:
        await seed_variety(seed)
        found = await finder.find_entries(
            ["loja|order|AMZ|1", "loja|order|MLC|absent", *(f"loja|order|MLC|x{n}" for n in range(2000))]
        )
        assert list(found) == ["loja|order|AMZ|1"]
        assert refusal(found["loja|order|AMZ|1"], explicit=False) is None

    async def test_rows_alike_are_refused_alike(self, finder: EntryFinder, seed: Seed) -> None:
        await seed_variety(seed)
        alike = await finder.list_alike("loja", ORDERS)
        refused = sum(group.count for group in alike if refusal(group.specimen, explicit=False) == "not_failed")
        assert (sum(group.count for group in alike), refused) == (5, 2)

    async def test_refused_rows_come_by_id_and_no_more_than_asked(self, finder: EntryFinder, seed: Seed) -> None:
        await seed_variety(seed)
        closed = {"code": "MKT-CLOSED", "message": "closed"}
        await seed(make_event(code="0", causes=[closed]))
        await seed(make_event(code="7", causes=[closed, {"code": "X", "message": "a"}]))
        await seed(make_event(code="6", affiliate="AMZ"), reprocess={"id": "j", "state": "sent"})

        async def refused(rows: LogFilter, limit: int) -> list[str]:
            return codes(await finder.list_refused("loja", rows, hopeless={"MKT-CLOSED"}, limit=limit))

        assert await refused(ORDERS, 100) == ["6", "0", "2", "4"]
        assert await refused(ORDERS, 2) == ["6", "0"]
        assert await refused(LogFilter(kind=("order",), affiliate=("MLC",), status=("success", "error")), 9) == [
            "0",
            "2",
        ]


class OutcomeCounterSuite:
    async def test_the_entries_that_carry_the_mark_are_counted(self, outcomes: OutcomeCounter, seed: Seed) -> None:
        def mark(state: str, job_id: str = "j") -> dict[str, str]:
            return {"id": job_id, "state": state}

        await seed(make_event(code="1"), reprocess=mark("claimed"))
        await seed(make_event(code="2"), reprocess=mark("sent"))
        await seed(make_event(code="3"), reprocess=mark("answered"))
        await seed(make_event(code="4", status="success", causes=[]), reprocess=mark("answered"))
        await seed(make_event(code="5", status="success", causes=[]), reprocess=mark("answered"))
        await seed(make_event(code="6"), reprocess=mark("unknown"))
        await seed(make_event(code="7"), reprocess=mark("sent", "later"))
        await seed(make_event(code="8"))
        await seed(make_event(code="9"), reprocess={**mark("unknown"), "cancelled": True})
        await seed(make_event(code="1", kind="price"), reprocess=mark("sent"))
        await seed(make_event(code="1", account="vizinha"), reprocess=mark("sent"))

        answered = {"success": 2, "error": 1, "warning": 0, "processing": 0}
        assert await outcomes.count_outcome("loja", "order", "j") == Outcome(waiting=2, answered=answered, unknown=1)
        nothing = Outcome(waiting=0, answered=dict.fromkeys(answered, 0), unknown=0)
        assert await outcomes.count_outcome("loja", "order", "absent") == nothing


async def seed_letters(seed_letter: LetterSeed) -> None:
    """Four letters of `loja`, two of them at one instant and one replayed, one of `vizinha`."""
    await seed_letter(make_letter(offset=1, value=b"a", seconds=0))
    await seed_letter(make_letter(offset=2, value=b"b", seconds=1, error_class="NotUtf8"))
    await seed_letter(make_letter(offset=3, value=b"c", seconds=1, state="replayed"))
    await seed_letter(make_letter(offset=4, value=b"d", seconds=2, topic="integration.events.price"))
    await seed_letter(make_letter(offset=5, value=b"e", seconds=0, account="vizinha"))


class LetterReaderSuite:
    async def offsets(self, letters: LetterReader, rows: LetterFilter = EVERY_LETTER, **asked: Any) -> list[int]:
        asked = {"after": None, "ascending": False, "limit": 50, **asked}
        return [letter.original.offset for letter in await letters.list_letters("loja", rows, **asked)]

    async def test_letters_come_newest_first_and_go_on_where_a_page_ended(
        self, letters: LetterReader, seed_letter: LetterSeed
    ) -> None:
        await seed_letters(seed_letter)
        for rows in (LetterFilter(), LetterFilter(error_class=("InvalidJson", "NotUtf8"))):
            whole = await letters.list_letters("loja", rows, after=None, ascending=False, limit=50)
            newest = [letter.original.offset for letter in whole]
            assert (newest[0], set(newest[1:3]), newest[3]) == (4, {2, 3}, 1)
            for at, letter in enumerate(whole):
                place = Position(letter.received_at, letter.id)
                assert await self.offsets(letters, rows, after=place) == newest[at + 1 :]
                assert await self.offsets(letters, rows, after=place, ascending=True) == newest[:at][::-1]

    async def test_every_field_of_the_filter_narrows(self, letters: LetterReader, seed_letter: LetterSeed) -> None:
        await seed_letters(seed_letter)
        for written, expected in [
            ({"error_class": "NotUtf8"}, {2}),
            ({"topic": "integration.events.price"}, {4}),
            ({"state": "replayed"}, {3}),
            ({"from": "2026-11-23T10:11:14Z"}, {2, 3, 4}),
            ({"to": "2026-11-23T10:11:14Z"}, {1}),
        ]:
            rows = LetterFilter.parse(written)
            assert set(await self.offsets(letters, rows)) == expected, written
            assert await letters.count_letters("loja", rows, at_most=50) == len(expected)
        assert await letters.count_letters("loja", LetterFilter(), at_most=2) == 2

    async def test_one_letter_is_found_whole_by_its_own_account_only(
        self, letters: LetterReader, seed_letter: LetterSeed
    ) -> None:
        letter = make_letter(offset=9, value=b"\xff$where", headers=(("a", b"\xfe"), ("a", None)))
        await seed_letter(letter)

        found = await letters.find_letter("loja", letter["_id"])
        (listed,) = await letters.list_letters("loja", LetterFilter(), after=None, ascending=False, limit=5)

        assert found is not None
        assert (found.value, list(found.headers)) == (b"\xff$where", [("a", b"\xfe"), ("a", None)])
        assert (listed.value, listed.id) == (None, letter["_id"])
        assert await letters.find_letter("vizinha", letter["_id"]) is None
        assert await letters.count_fates("vizinha", None, [letter["_id"]]) == []

    async def test_counts_are_by_class_and_by_what_may_become_of_the_letters(
        self, letters: LetterReader, seed_letter: LetterSeed
    ) -> None:
        await seed_letters(seed_letter)

        assert await letters.count_by_class("loja", LetterFilter()) == [
            ClassCount("InvalidJson", 2, 1),
            ClassCount("NotUtf8", 1, 0),
        ]
        order, price = "integration.events.order", "integration.events.price"
        fates = await letters.count_fates("loja", LetterFilter(), [])
        assert {(fate.topic, fate.state, fate.count) for fate in fates} == {
            (order, "open", 2), (order, "replayed", 1), (price, "open", 1),
        }  # fmt: skip
        named = make_letter(offset=1, value=b"a", seconds=0)["_id"]
        assert await letters.count_fates("loja", None, [named, "absent"]) == [Fate(order, "open", 1)]


class JobStoreSuite:
    async def test_the_first_command_under_an_id_wins(self, jobs: JobStore) -> None:
        first = await jobs.insert({"account": "loja", "id": "1", "x": 1}, now=NOW)
        again = await jobs.insert({"account": "loja", "id": "1", "x": 2}, now=NOW)
        other = await jobs.insert({"account": "vizinha", "id": "1", "x": 3}, now=NOW)

        assert (first["state"], again["command"]["x"], other["command"]["x"]) == ("queued", 1, 3)
        found = await jobs.find("loja", "1")
        assert found is not None
        assert found["command"]["x"] == 1
        assert await jobs.find("loja", "2") is None

    async def test_the_newest_jobs_of_an_account_come_first(self, jobs: JobStore) -> None:
        for n in range(3):
            await jobs.insert({"account": "loja", "id": str(n)}, now=NOW + timedelta(seconds=n))
        await jobs.insert({"account": "vizinha", "id": "9"}, now=NOW)
        assert [job["id"] for job in await jobs.list_jobs("loja", limit=2)] == ["2", "1"]

    async def test_what_somebody_asked_for_and_what_was_automatic_are_two_lists(self, jobs: JobStore) -> None:
        for n in range(4):
            keep_for = timedelta(days=7) if n % 2 else None
            await jobs.insert({"account": "loja", "id": str(n)}, now=NOW + timedelta(seconds=n), keep_for=keep_for)

        asked = [job["id"] for job in await jobs.list_jobs("loja", limit=10)]
        automatic = [job["id"] for job in await jobs.list_jobs("loja", automatic=True, limit=10)]

        assert (asked, automatic) == (["2", "0"], ["3", "1"])

    async def test_the_jobs_of_one_instant_come_by_their_ids_from_any_place_both_ways(self, jobs: JobStore) -> None:
        moments = {"a": 0, "B": 1, "c": 1, "b:1": 1, "b.1": 1, "0": 2}
        for name, seconds in moments.items():
            await jobs.insert({"account": "loja", "id": name}, now=NOW + timedelta(seconds=seconds))
        await jobs.insert({"account": "vizinha", "id": "b"}, now=NOW + timedelta(seconds=1))

        newest_first = [job["id"] for job in await jobs.list_jobs("loja", limit=10)]

        assert newest_first == ["0", "c", "b:1", "b.1", "B", "a"]
        for at, name in enumerate(newest_first):
            place = (NOW + timedelta(seconds=moments[name]), name)
            older = await jobs.list_jobs("loja", after=place, limit=10)
            newer = await jobs.list_jobs("loja", after=place, ascending=True, limit=10)
            assert [job["id"] for job in older] == newest_first[at + 1 :]
            assert [job["id"] for job in newer] == newest_first[:at][::-1]

    async def test_cancelling_ends_what_nobody_began(self, jobs: JobStore) -> None:
        await jobs.insert({"account": "loja", "id": "1"}, now=NOW)
        cancelled = await jobs.request_cancel("loja", "1", now=NOW)
        assert cancelled is not None
        assert (cancelled["state"], cancelled["cancel_requested"]) == ("cancelled", True)
        assert await jobs.request_cancel("loja", "absent", now=NOW) is None
