"""A small shop whose items are processed again and again: records for property tests, and the documents that must come of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
from hypothesis import strategies as st

from shared.contracts.entries import attempt_of_state
from shared.contracts.records import Record
from tests.support.builders import make_cloudevent, make_record

Document = dict[str, Any]
APPENDED_AT = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

STAMPS = [
    "2026-11-23T10:11:12Z",
    "2026-11-23T10:11:12.000Z",
    "2026-11-23T10:11:12.0000001Z",
    "2026-11-23T10:11:12.9Z",
    "2026-11-23T07:11:13-03:00",
    "2026-11-23T10:11:13.5Z",
]

happenings = st.builds(
    dict,
    code=st.sampled_from(["A", "B"]),
    status=st.sampled_from(["success", "error", "warning", "processing"]),
    processed_at=st.sampled_from(STAMPS),
    sequence=st.sampled_from([None, 0, 1, 2**31, 2**40]),
    source=st.sampled_from(["/a", "/é"]),
    payload=st.sampled_from([None, {"$x": 1}, [1, "dois"], "text"]),
    aliases=st.dictionaries(st.sampled_from(["order", "a.b"]), st.sampled_from(["1", "2", "Ção"]), max_size=2),
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[bytes], list[Record], list[int]]:
    """Return (distinct values; records of them, some values several times, in any order; sizes of batches)."""
    drawn = draw(st.lists(happenings, min_size=1, max_size=7))
    values = [json.dumps(make_cloudevent(id=f"e{number}", **facts)).encode() for number, facts in enumerate(drawn)]
    twice = draw(st.lists(st.sampled_from(values), max_size=5))
    order = draw(st.permutations([*values, *twice]))
    return values, published(order, draw), draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))


def published(values: Sequence[bytes], draw: st.DrawFn | None = None) -> list[Record]:
    """Return the records that a broker makes of `values`, spread over partitions."""
    offsets: dict[int, int] = {}
    records = []
    for number, value in enumerate(values):
        partition = draw(st.integers(0, 1)) if draw else 0
        offset = offsets[partition] = offsets.get(partition, -1) + 1
        stamp = APPENDED_AT + timedelta(milliseconds=number)
        records.append(make_record(value, partition=partition, offset=offset, timestamp=stamp))
    return records


def batches(records: Sequence[Record], sizes: Sequence[int]) -> list[list[Record]]:
    """Return `records` cut into batches of `sizes`, again and again."""
    cut, start = [], 0
    while start < len(records):
        size = sizes[len(cut) % len(sizes)]
        cut.append(list(records[start : start + size]))
        start += size
    return cut


def whole_history(attempts: Mapping[str, Document], entries: Mapping[str, Document]) -> dict[str, Document]:
    """Return all attempts by id: those that are history, and each entry's state, the newest."""
    newest = [attempt_of_state(identity, entry["state"]) for identity, entry in entries.items()]
    return {**{attempt["_id"]: attempt for attempt in newest}, **attempts}


def essence(attempts: Mapping[str, Document], entries: Mapping[str, Document]) -> dict[str, bytes]:
    """Return each document as bytes, without what depends on the delivery: received_at, addresses, the order of sets."""
    kept = {}
    for identity, attempt in whole_history(attempts, entries).items():
        kept[identity] = bson.encode({k: v for k, v in attempt.items() if k not in {"received_at", "address"}})
    for identity, entry in entries.items():
        kept[identity] = bson.encode(
            {
                "state": {name: value for name, value in entry["state"].items() if name != "received_at"},
                "aliases": dict(sorted(entry.get("aliases", {}).items())),
                "ids": sorted(entry["ids"]),
                "seen": [entry["first_seen_at"], entry.get("last_success_at"), entry["attempts"]],
                "identity": [entry[name] for name in ("account", "kind", "affiliate", "code")],
                "in_order": entry.get("in_order"),
            }
        )
    return kept
