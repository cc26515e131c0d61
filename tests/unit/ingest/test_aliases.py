"""The newest value of an alias is that of its newest event, in whatever order and batches the events come."""

from collections.abc import Sequence
from hashlib import sha256

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.ingest.core.aliases import merged_aliases
from services.ingest.core.fold import Delivery, changed_fields, held_from_document, new_entry
from shared.contracts.entries import MAX_ALIASES, MAX_IDS, Document
from shared.contracts.events import IntegrationEvent, Version
from shared.contracts.names import EVENTS_TOPICS
from shared.contracts.records import Address
from tests.support.builders import make_event

tellings = st.lists(
    st.builds(
        dict,
        second=st.integers(0, 1),
        sequence=st.sampled_from([None, 0, 1, 2**40]),
        source=st.sampled_from(["/a", "/é"]),
        aliases=st.dictionaries(st.sampled_from(["a", "b", "a.b", "&"]), st.sampled_from(["1", "2"]), max_size=3),
    ),
    min_size=1,
    max_size=6,
)


def told(second: int = 0, **facts: object) -> IntegrationEvent:
    return make_event(processed_at=f"2026-11-23T10:11:1{second}Z", **facts)  # type: ignore[arg-type]  # by their names


def merged(events: Sequence[IntegrationEvent], sizes: Sequence[int]) -> Document:
    aliases: Document = {}
    state: Version | None = None
    start = 0
    while start < len(events):
        batch = events[start : start + sizes[start % len(sizes)]]
        aliases = merged_aliases(aliases, state, batch)
        state = max([event.version for event in events[: start + len(batch)]])
        start += len(batch)
    return aliases


@given(tellings, st.data())
def test_any_order_and_any_batches_end_in_the_same_aliases(drawn: list[dict[str, object]], data: st.DataObject) -> None:
    events = [told(**facts, id=f"e{number}") for number, facts in enumerate(drawn)]
    one = merged(data.draw(st.permutations(events)), data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))

    newest = {name: value for event in sorted(events, key=_version) for name, value in event.data.aliases.items()}
    by_name = {name.replace(".", "%2E"): value for name, value in sorted(newest.items())}
    assert list(one.items()) == list(merged(events, [len(events)]).items())
    assert [(name, pair[1]) for name, pair in one.items()] == list(by_name.items())


def test_of_one_instant_the_later_in_sequence_stands() -> None:
    first = told(sequence=1, aliases={"shipment": "Z9"})
    second = told(sequence=2, aliases={"shipment": "A1"})

    assert merged([first, second], [1]) == merged([second, first], [1]) == {"shipment": [first.version[0], "A1"]}


def test_a_value_that_the_state_does_not_tell_keeps_the_version_of_its_event() -> None:
    older = told(sequence=1, id="x", source="/s", aliases={"shipment": "Z9"})
    state = told(sequence=2, aliases={})

    assert merged([older, state], [1]) == {"shipment": [older.version[0], "Z9", 1, "/s", "x"]}


def test_a_pair_of_before_gives_way_to_any_event_of_its_instant_and_to_none_that_is_older() -> None:
    state = told(1, aliases={})
    same, older = told(aliases={"shipment": "NEW", "order": "O"}), told(aliases={"shipment": "OLD", "order": "O"})
    held = {"shipment": [same.version[0], "HELD"], "order": [state.version[0], "P"]}

    assert merged_aliases(held, state.version, [same])["shipment"][:2] == [same.version[0], "NEW"]
    later = {"shipment": ["2026-11-23T10:11:10.5", "HELD"]}
    assert merged_aliases(later, state.version, [older])["shipment"][1] == "HELD"
    assert merged_aliases(held, state.version, [older])["order"] == [state.version[0], "P"]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 200), st.integers(MAX_ALIASES // 2, MAX_ALIASES + 20)),
        min_size=2,
        max_size=10,
    ),
)
@example([(number, 0, MAX_ALIASES + 20) for number in range(9)])
@settings(max_examples=30)
def test_too_many_names_and_ids_leave_the_same_ones_in_whatever_order_they_come(
    drawn: list[tuple[int, int, int]],
) -> None:
    events = [
        told(second, id=f"e{number}", aliases={f"n{at:03}": f"{number}-{at:03}" for at in range(start, start + count)})
        for number, (second, start, count) in enumerate(drawn)
    ]
    deliveries = [Delivery(event, Address(EVENTS_TOPICS[0], 0, offset)) for offset, event in enumerate(events)]
    order = sorted(deliveries, key=lambda one: sha256(one.event.id.encode()).digest())

    newest = {
        name: (event.version, value)
        for event in sorted(events, key=_version)
        for name, value in event.data.aliases.items()
    }
    latest = sorted(sorted(newest), key=lambda name: newest[name][0], reverse=True)[:MAX_ALIASES]
    told_now = {name: newest[name][1] for name in sorted(latest)}
    every = sorted({"2000004567", *(value or "" for event in events for value in event.data.aliases.values())})
    for entry in (_folded(order, 1), _folded(order[::-1], 2), _folded(deliveries, 4)):
        assert {name: pair[1] for name, pair in entry["aliases"].items()} == told_now
        assert entry["ids"] == (
            every if len(every) <= MAX_IDS else sorted({*every[-MAX_IDS:], "2000004567", *told_now.values()})
        )


def _folded(deliveries: Sequence[Delivery], size: int) -> Document:
    entry = new_entry(deliveries[:size])
    for start in range(size, len(deliveries), size):
        for path, value in changed_fields(held_from_document(entry), deliveries[start : start + size]).items():
            if "." not in path:
                entry[path] = value
    return entry


def _version(event: IntegrationEvent) -> Version:
    return event.version
