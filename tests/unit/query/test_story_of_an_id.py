from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.core.permissions import SCOPES, Caller
from services.query.core.story import Moment, deal, merge, state_of
from services.query.handlers import telling
from services.query.handlers.telling import tell_story
from shared.contracts.entries import LogEntry, attempt_document, entry_from_document
from shared.contracts.errors import InvalidCursor, NotFound, NotPermitted
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Address
from tests.support.builders import make_event
from tests.support.fakes.query import FakeLog
from tests.support.seed import entry_document

CALLER = Caller("loja", "k1", "first", frozenset(SCOPES))
ADDRESS = Address("integration.events.order", 0, 0)

events = st.builds(
    lambda kind, affiliate, code, second, sequence, source, event_id: make_event(
        kind=kind,
        affiliate=affiliate,
        code=code,
        processed_at=f"2026-11-23T10:00:0{second}Z",
        sequence=sequence,
        source=source,
        id=event_id,
        aliases={"sku": "S"},
    ),
    st.sampled_from(["order", "stock"]),
    st.sampled_from(["MLC", "AMZ"]),
    st.sampled_from(["a", "a|b", "a!"]),
    st.integers(0, 2),
    st.none() | st.integers(0, 10),
    st.sampled_from(["/a", "/é", "/\U0001f600"]),
    st.text("ab", min_size=1, max_size=3),
)
histories = st.lists(events, min_size=1, max_size=25, unique_by=lambda event: event.attempt_id)


def log_of(told: list[IntegrationEvent]) -> FakeLog:
    """Return the log that the events come to."""
    by_entry: dict[str, list[IntegrationEvent]] = {}
    for event in told:
        by_entry.setdefault(event.entry_id, []).append(event)
    documents = [entry_document(of_entry) for of_entry in by_entry.values()]
    return FakeLog(documents, [attempt_document(event, ADDRESS) for event in told])


def entry(**changes: Any) -> LogEntry:
    attempts = changes.pop("attempts", 1)
    return replace(entry_from_document(entry_document([make_event(**changes)])), attempts=attempts)


async def pages_of(log: FakeLog, follow: str = "next_cursor", **asked: Any) -> list[list[Moment]]:
    pages = []
    while True:
        line = (await tell_story(log, CALLER, "s", **asked)).line
        pages.append(line.items)
        if getattr(line, follow) is None:
            return pages
        asked["cursor"] = getattr(line, follow)


@given(told=histories, limit=st.integers(1, 6))
async def test_a_line_is_all_attempts_sorted_whatever_the_pages(told: list[IntegrationEvent], limit: int) -> None:
    log = log_of(told)

    forward = await pages_of(log, limit=limit)
    last: dict[str, Any] = {"limit": limit}
    while (line := (await tell_story(log, CALLER, "s", **last)).line).next_cursor:
        last["cursor"] = line.next_cursor
    back = await pages_of(log, "previous_cursor", **last)

    wanted = sorted(told, key=lambda event: (*event.version, event.attempt_id), reverse=True)
    assert [one.attempt.id for page in forward for one in page] == [event.attempt_id for event in wanted]
    assert back[::-1] == forward


@given(told=histories, limit=st.integers(1, 30), ascending=st.booleans(), at=st.integers(0, 24))
def test_merging_is_sorting_them_all(told: list[IntegrationEvent], limit: int, *, ascending: bool, at: int) -> None:
    log = log_of(told)
    states = [state_of(entry_from_document(document)) for document in log.entries.values()]
    known = {state.attempt.id for state in states}
    others = [
        Moment((*event.version, event.attempt_id), replace(states[0].attempt, id=event.attempt_id))
        for event in told
        if event.attempt_id not in known
    ]
    line = sorted([*states, *others], key=lambda one: one.place, reverse=not ascending)
    after = line[min(at, len(line) - 1)].place
    beyond = line[min(at, len(line) - 1) + 1 :]

    older = [one for one in beyond if one in others][:limit]

    assert merge(states, older, after, ascending=ascending, limit=limit) == beyond[:limit]


async def test_each_entry_tells_its_history_in_the_order_of_its_own_page_and_one_state() -> None:
    told = [make_event(sequence=n, aliases={"sku": "S"}) for n in (3, 10, 9)]

    story = await tell_story(log_of([*told, make_event(kind="price", aliases={"sku": "S"})]), CALLER, "s")

    orders = [one for one in story.line.items if story.entry_of(one).kind == "order"]
    assert [one.attempt.sequence for one in orders] == [10, 9, 3]
    assert [story.is_current(one) for one in orders] == [True, False, False]
    assert sum(story.is_current(one) for one in story.line.items) == len(story.entries) == 2


def test_where_there_are_too_many_entries_each_kind_has_its_share() -> None:
    orders = [entry(code=str(n)) for n in range(9)]
    prices = [entry(kind="price", code=str(n)) for n in range(2)]
    stocks = [entry(kind="stock", code=str(n)) for n in range(9)]

    dealt = [one.kind for one in deal([orders, prices, stocks], 8)]

    assert dealt == ["order"] * 3 + ["price"] * 2 + ["stock"] * 3
    assert deal([orders, prices], 20) == [*orders, *prices]


@pytest.mark.parametrize(("most", "whole"), [(9, ["1", "2", "3"]), (3, ["1", "2", "3"]), (2, ["1", "2"]), (0, ["1"])])
async def test_the_longest_histories_are_left_out_first(
    monkeypatch: pytest.MonkeyPatch, most: int, whole: list[str]
) -> None:
    monkeypatch.setattr(telling, "MOST_OLDER", most)
    log = log_of([make_event(code=str(code), aliases={"sku": "S"}) for code in (1, 3, 2) for _ in range(code)])

    story = await tell_story(log, CALLER, "s")

    assert [entry.code for entry in story.entries if entry.id in story.whole] == whole
    told = [story.entry_of(moment).code for moment in story.line.items]
    assert sorted(told) == sorted(code for code in "123" for _ in range(int(code) if code in whole else 1))


async def test_attempts_that_expired_leave_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST_OLDER", 2)
    log = log_of([make_event() for _ in range(3)])
    for document in log.entries.values():
        document["attempts"] = 90_000

    story = await tell_story(log, CALLER, "2000004567")

    assert len(story.whole) == 1
    assert len(story.line.items) == 3


async def test_nobody_without_the_scope_and_no_other_account_is_told() -> None:
    log = log_of([make_event(aliases={"sku": "S"})])

    with pytest.raises(NotPermitted):
        await tell_story(log, replace(CALLER, scopes=frozenset({"export", "reprocess", "admin"})), "s")
    with pytest.raises(NotFound, match="'s'"):
        await tell_story(log, replace(CALLER, account="vizinha"), "s")


async def test_a_cursor_belongs_to_its_id_its_kinds_and_its_account() -> None:
    log = log_of([make_event(kind=kind, aliases={"sku": "S", "ean": "E"}) for kind in ("order", "price")])
    cursor = (await tell_story(log, CALLER, "S", limit=1)).line.next_cursor

    assert len((await tell_story(log, CALLER, "s", cursor=cursor, limit=1)).line.items) == 1
    for identity, kinds in (("E", ()), ("S", ("order",))):
        with pytest.raises(InvalidCursor):
            await tell_story(log, CALLER, identity, kinds=kinds, cursor=cursor)
