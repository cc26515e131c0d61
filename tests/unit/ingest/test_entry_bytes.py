"""A new entry's bytes are those that `bson.encode` makes of its document, and the usual ones are put together here."""

from datetime import datetime
from functools import reduce
from typing import Any

import bson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.adapters.entry_bytes import entry_bytes
from services.ingest.core.fold import Delivery, new_entry
from shared.contracts.events import IntegrationEvent, parse_event_data
from shared.contracts.records import Address
from tests.support.builders import RECEIVED_AT, make_data

LONG = "x" * 2000


def delivery(
    *,
    source: str = "/mlc",
    id: str = "e1",
    received_at: datetime = RECEIVED_AT,
    marks: dict[str, Any] | None = None,
    topic: str = "integration.events.order",
    offset: int = 0,
    **changes: Any,
) -> Delivery:
    data = parse_event_data(make_data(**changes))
    event = IntegrationEvent(source=source, id=id, data=data, received_at=received_at, marks=marks)
    return Delivery(event, Address(topic, 3, offset))


USUAL: dict[str, dict[str, Any]] = {
    "an error": {},
    "a success": {"status": "success", "causes": []},
    "in processing, with causes that are none yet": {"status": "processing"},
    "every field": {"sequence": 7, "reprocess_id": "r1", "offset": 2**40, "topic": "integration.events.price"},
    "a sequence that needs 64 bits": {"sequence": 2**63 - 1},
    "a sequence of 2^31": {"sequence": 2**31},
    "the first in sequence": {"sequence": 0},
    "no alias": {"aliases": {}},
    "aliases out of order, null, empty, with points": {
        "aliases": {"z": "1", "a.b": "2", "n": None, "e": "", "$x": "3"}
    },
    "a hundred aliases": {"aliases": {f"n{number}": f"v{number}" for number in range(100)}},
    "ids that fold to one": {"code": "AB", "aliases": {"one": "ab", "two": " Ab "}},
    "accents": {"code": "Ç1", "aliases": {"número": "É"}, "causes": [{"code": "c", "message": "Não há preço"}]},
    "several causes": {"causes": [{"code": "a", "message": "m", "field": "f"}, {"message": "m"}]},
    "evidence": {"causes": [{"code": "a", "message": "m", "evidence": {"request": {"a": [1, 2.5]}, "response": "no"}}]},
    "many causes": {"causes": [{"code": f"c{number}", "message": "m"} for number in range(50)]},
    "a page of HTML": {"causes": [{"code": "a", "message": f"<p>{LONG} {LONG}"}]},
    "an unknown field of a cause": {"causes": [{"code": "a", "message": "m", "hint": {"of": [True]}}]},
    "no payload": {"payload": None},
    "a large payload": {"payload": {"text": LONG}},
    "an empty text as payload": {"payload": ""},
    "unknown fields": {"log": {"message": "m"}},
    "a payload that was cut": {"payload": None, "marks": {"payload_truncated": True, "payload_bytes": 7}},
    "before 1970": {"processed_at": "1969-12-31T23:59:59.9999Z"},
    "the year 1": {"processed_at": "0001-01-01T00:00:00Z"},
    "the last instant": {"processed_at": "9999-12-31T23:59:59.999999Z", "received_at": RECEIVED_AT},
}
UNUSUAL: dict[str, dict[str, Any]] = {
    "a long source": {"source": LONG},
    "a long id": {"id": LONG},
    "a long value of an alias": {"aliases": {"a": LONG}},
    "a long name of an alias": {"aliases": {LONG: "a"}},
    "an alias without name": {"aliases": {"": "a"}},
    "an alias that looks like a reference": {"aliases": {"$ref": "a", "$id": "b"}},
    "too many aliases": {"aliases": {f"n{number}": "v" for number in range(101)}},
    "a reference in evidence": {"causes": [{"message": "m", "evidence": {"request": {"$ref": "a", "$id": "b"}}}]},
    "a reference in an unknown field": {"log": {"$ref": "a", "$id": "b"}},
    "half of a character": {"id": "\ud800"},
    "a number that MongoDB cannot hold": {"log": 2**70},
    "more levels than an encoder takes": {"log": reduce(lambda inner, _: [inner], range(100_000), [])},
}


def encoded(one: Delivery) -> bytes:
    return bson.encode(new_entry([one]))


@pytest.mark.parametrize("name", USUAL)
def test_what_is_usual_is_put_together_as_it_would_be_encoded(name: str) -> None:
    one = delivery(**USUAL[name])

    assert entry_bytes(one) == encoded(one)


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_is_left_to_the_driver(name: str) -> None:
    assert entry_bytes(delivery(**UNUSUAL[name])) is None


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
CAUSES = st.fixed_dictionaries(
    {"message": TEXTS},
    optional={
        "code": TEXTS.filter(str.strip),
        "field": st.none() | TEXTS,
        "evidence": st.none() | st.just({"request": [1]}),
    },
)


@given(
    st.fixed_dictionaries(
        {
            "id": TEXTS,
            "source": TEXTS,
            "status": st.sampled_from(["success", "error", "warning", "processing"]),
            "aliases": st.dictionaries(TEXTS, st.none() | TEXTS, max_size=4),
            "causes": st.lists(CAUSES, max_size=3),
            "payload": st.none() | TEXTS | st.dictionaries(TEXTS, st.floats(allow_nan=False, allow_infinity=False)),
            "sequence": st.none() | st.integers(0, 2**63 - 1),
            "reprocess_id": st.none() | TEXTS,
            "offset": st.integers(0, 2**63 - 1),
            "processed_at": st.datetimes().map(lambda one: f"{one.isoformat()}Z"),
        }
    )
)
@example({"causes": [{"code": "c", "message": "m", "field": None}], "aliases": {"ﬁ": "İ", "b": "ﬁ"}})
def test_whatever_is_put_together_is_what_would_be_encoded(changes: dict[str, Any]) -> None:
    one = delivery(**changes)

    assert entry_bytes(one) in {None, encoded(one)}
