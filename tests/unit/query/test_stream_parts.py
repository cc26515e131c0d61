from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.core.stream.backlog import Backlog, Window
from services.query.core.stream.budget import Budget
from services.query.core.stream.changes import Change, History, is_bookkeeping
from services.query.core.stream.channel import Channel, Wish
from services.query.core.stream.position import (
    Position,
    event_id,
    parse_event_id,
    position_of,
    time_of,
)
from shared.contracts.errors import InvalidCursor
from shared.contracts.filters import LogFilter
from shared.contracts.matching import lets_pass
from tests.support.builders import make_event
from tests.support.seed import entry_document

PART = st.integers(0, 2**32 - 1)
POSITIONS = st.builds(position_of, PART, PART, PART)
WORDS = st.text(max_size=8)


@given(POSITIONS, WORDS)
def test_an_id_gives_its_position_back(position: Position, account: str) -> None:
    assert parse_event_id(event_id(position, account), account) == position


@given(st.tuples(PART, PART, PART), st.tuples(PART, PART, PART))
def test_positions_sort_as_their_times(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    assert (position_of(*one) < position_of(*other)) == (one < other)
    assert time_of(position_of(*one)) == one[:2]


@given(POSITIONS, WORDS, WORDS, st.integers(0, 27), st.sampled_from("AZaz09-_"))
def test_no_other_account_and_no_alteration_gives_a_position(
    position: Position, account: str, other: str, at: int, letter: str
) -> None:
    text = event_id(position, account)
    altered = text[:at] + letter + text[at + 1 :]
    for given_text, who in ((text, other), (altered, account)):
        if (given_text, who) == (text, account):
            continue
        with pytest.raises(InvalidCursor):
            parse_event_id(given_text, who)


@given(st.text(max_size=40))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        parse_event_id(text, "loja")


@pytest.mark.parametrize(
    ("paths", "answer"),
    [
        (["applied.3"], True),
        (["ids", "ids.7"], True),
        (["state.payload.buyer.name"], True),
        (["state.payload_json"], True),
        (["reprocess.sent_at"], True),
        (["reprocess.sent_at", "reprocess.state"], False),
        (["reprocess"], False),
        (["state"], False),
        (["state.payloads"], False),
        (["attempts"], False),
        ([], True),
    ],
)
def test_only_what_no_row_shows_is_bookkeeping(paths: list[str], *, answer: bool) -> None:
    assert is_bookkeeping(paths) == answer


def changes(told: Iterable[tuple[int, str]]) -> list[Change]:
    return [Change(Position(at), f"loja|order|MLC|{code}", "changed") for at, code in told]


def test_the_history_tells_each_entry_once_where_it_changed_last() -> None:
    history = History(most=10)
    history.begin(Position(1))
    for change in [*changes([(2, "a"), (3, "b"), (4, "a"), (5, "c")]), Change(Position(6), "x|order|MLC|a", "made")]:
        history.add(change)

    owed = history.between(Position(2), Position(4), "loja")

    assert [(change.position, change.entry_id[-1]) for change in owed] == [(3, "b"), (4, "a")]


def test_the_history_knows_what_it_has_forgotten() -> None:
    history = History(most=2)
    assert not history.reaches(Position(5))
    history.begin(Position(1))
    for change in changes([(2, "a"), (3, "b"), (4, "c")]):
        history.add(change)

    assert [history.reaches(Position(at)) for at in (1, 2, 3)] == [False, True, True]


WINDOWS = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.just(b""), min_size=1), max_size=12)


@given(WINDOWS, st.lists(st.booleans(), min_size=12, max_size=12))
def test_whoever_is_behind_gets_each_entry_as_it_stands_last_and_ids_never_go_back(
    windows: list[dict[str, bytes]], reads: list[bool]
) -> None:
    backlog, number = Backlog(), 0
    last: dict[str, int] = {}
    seen: list[int] = []
    for window, reads_now in zip(windows, reads, strict=False):
        frames = {}
        for name in window:
            number += 1
            last[name] = number
            frames[name] = f"{number} ".encode()
        assert backlog.put(Window(frames))
        if reads_now:
            seen += [int(word) for chunk in backlog.take() for word in chunk.split()]
    if backlog:
        seen += [int(word) for chunk in backlog.take() for word in chunk.split()]

    assert seen == sorted(seen)
    assert set(last.values()) <= set(seen)


def test_a_stream_too_far_behind_is_given_up_and_holds_nothing() -> None:
    backlog = Backlog()
    frames = [{f"{window}-{number}": b"x" for number in range(300)} for window in range(5)]

    taken = [backlog.put(Window(window)) for window in frames]

    assert taken == [True, True, True, False, True]


def test_what_changes_again_and_again_never_makes_a_stream_too_slow() -> None:
    backlog = Backlog()
    assert all(backlog.put(Window({"a": b"x" * 1000, "b": b"y" * 1000})) for _ in range(5_000))


def test_large_windows_go_out_in_pieces_of_whole_events() -> None:
    backlog = Backlog()
    backlog.put(Window({str(number): b"x" * 30_000 for number in range(7)}))

    assert [len(chunk) for chunk in backlog.take()] == [60_000, 60_000, 60_000, 30_000]


def test_a_budget_is_refilled_by_the_second_and_never_saved_up() -> None:
    budget = Budget(10)
    assert budget.take(10, 0.0)
    assert not budget.take(1, 0.05)
    assert budget.take(5, 0.55)
    assert not budget.take(11, 100.0)


STATES = st.lists(st.sampled_from(["error", "success", "warning"]), min_size=1, max_size=12)


@given(STATES, st.integers(0, 11), st.sampled_from([("error",), ("success", "warning"), ()]))
def test_a_list_kept_up_by_the_stream_ends_as_the_filter_says(
    states: list[str], opened_at: int, wished: tuple[str, ...]
) -> None:
    """Given a list read when the stream opened; when each event is applied to it; then it shows what the filter lets pass."""
    rows = LogFilter(status=wished)
    channel = Channel(Wish("loja", rows, "pt"), Budget(500))
    documents = [
        entry_document([make_event(status=status, causes=[] if status == "success" else [{"message": "x"}])])
        for status in states
    ]
    shown = opened_at > 0 and lets_pass(rows, "loja", documents[min(opened_at, len(documents)) - 1])
    for number, document in enumerate(documents):
        if number < opened_at:
            continue
        change = Change(Position(number), document["_id"], "changed" if number else "made")
        verdict = channel.judge(change, document)
        shown = {"matches": True, "left": False, None: shown}[verdict]  # type: ignore[index]

    assert shown == lets_pass(rows, "loja", documents[-1])


def test_an_entry_that_goes_on_not_matching_is_told_once() -> None:
    channel = Channel(Wish("loja", LogFilter(status=("error",)), "pt"), Budget(500))
    fine = entry_document([make_event(status="success", causes=[])])
    change = Change(Position(1), fine["_id"], "changed")

    assert [channel.judge(change, fine) for _ in range(3)] == ["left", None, None]


def test_a_silent_channel_says_once_that_it_missed_something() -> None:
    channel = Channel(Wish("loja", LogFilter(), "pt"), Budget(1))
    channel.fall_silent(10.0)
    channel.missed = True

    assert [channel.is_silent(11.9), channel.is_back(11.9)] == [True, False]
    assert [channel.is_back(12.0), channel.is_back(12.1), channel.is_silent(12.1)] == [True, False, False]
