"""What is held of an entry is the same by its bytes as by the driver's raw documents, and so is the attempt that its state becomes."""

import json
from collections.abc import Collection, Sequence
from typing import Any

import bson
import pytest
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from hypothesis import given

from services.ingest.adapters.held_bytes import FIELDS, KeptState, attempt_of_kept, held_of
from services.ingest.adapters.mongo_log_store import RAW
from services.ingest.core.fold import Held, PastState, counted_facts, held_from_document, new_entry
from services.ingest.core.plan import by_entry, uncounted
from services.ingest.handlers.ingesting import decode_all
from shared.contracts.records import Record
from tests.support.builders import RECEIVED_AT, make_cloudevent, make_record
from tests.support.ingest_shop import deliveries

Document = dict[str, Any]


def entry(*events: Document) -> Document:
    records = [make_record(json.dumps(one).encode(), offset=number) for number, one in enumerate(events)]
    (document,) = entries(records)
    return document


def entries(records: Sequence[Record]) -> list[Document]:
    told = by_entry(decode_all(records, frozenset())[0])
    return [new_entry(uncounted(one, None, {}, RECEIVED_AT)) for one in told.values()]


def found(document: Document) -> RawBSONDocument:
    """Return what MongoDB answers of an entry."""
    asked = {name: value for name, value in document.items() if name == "_id" or name in FIELDS}
    return RawBSONDocument(bson.encode(asked), RAW)


def told(held: Held) -> Document:
    return {
        "attempts": held.attempts,
        "applied": dict(held.applied),
        "aliases": {name: list(pair) for name, pair in held.aliases.items()},
        "ids": list(held.ids),
        "first_seen_at": held.first_seen_at,
        "last_success_at": held.last_success_at,
        "in_order": held.in_order,
        "version": held.version,
        "counted": counted_facts(held),
    }


def assert_same(document: Document) -> Held:
    identity, held = held_of(found(document))
    expected = held_from_document(found(document))
    assert (identity, told(held)) == (document["_id"], told(expected))
    if isinstance(held.state, KeptState):
        for is_long in (False, True):
            past = PastState(identity, expected.state, is_long=is_long)
            assert attempt_of_kept(past.id, held.state, past.entry) == bson.encode(past.document())
    return held


USUAL: dict[str, Document] = {
    "an error": entry(make_cloudevent()),
    "a success": entry(make_cloudevent(status="success", causes=[])),
    "a cause without a code": entry(make_cloudevent(causes=[{"message": "Não há preço"}])),
    "several events": entry(make_cloudevent(id="1", sequence=1), make_cloudevent(id="2", sequence=2**40)),
    "a payload that looks like what comes behind it": entry(
        make_cloudevent(payload={"a": "\x04words\0\x05\0\0\0\0\0"})
    ),
    "a long history in order": {**entry(make_cloudevent()), "attempts": 2**31, "in_order": 2**31},
    "unknown fields": entry(make_cloudevent(log={"message": "m", "$where": 1})),
}


def with_state(change: Document, *, without: Collection[str] = ()) -> Document:
    document = entry(make_cloudevent())
    state = {name: value for name, value in document["state"].items() if name not in without}
    return {**document, "state": {**state, **change}}


FOUND_BY: Document = {"words": [], "groups": []}
USUAL["a payload of before, which the driver takes for a reference"] = with_state(
    {"payload": {"$ref": "a", "$id": 1}, **FOUND_BY}, without=FOUND_BY
)


@pytest.mark.parametrize("name", USUAL)
def test_the_usual_is_held_by_its_bytes(name: str) -> None:
    assert isinstance(assert_same(USUAL[name]).state, KeptState)


UNUSUAL: dict[str, Document] = {
    "an entry of before there were words": with_state({}, without=FOUND_BY),
    "a field behind the words": with_state({"newer": True}),
    "an instant that Python cannot hold": with_state(
        {"payload": {"at": DatetimeMS(2**60)}, **FOUND_BY}, without=FOUND_BY
    ),
    "an entry whose state is not its first field": {"_id": "a|order|b|c", "attempts": 1, **entry(make_cloudevent())},
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_unusual_is_left_to_raw_documents_and_nothing_of_it_is_lost(name: str) -> None:
    held = assert_same(UNUSUAL[name])

    assert not isinstance(held.state, KeptState)
    assert bson.encode(held.state) == bson.encode(UNUSUAL[name]["state"])


@given(deliveries())
def test_whatever_a_shop_does_is_held_alike(shop: Any) -> None:
    _, records, _ = shop
    for document in entries(records):
        assert_same(document)
