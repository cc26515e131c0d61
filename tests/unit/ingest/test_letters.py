import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.ingest.core.letters import KEPT_BYTES, letter_document
from services.ingest.core.limit import DeadLetterLimit
from services.ingest.handlers.ingesting import Ingest
from services.ingest.handlers.shelving import shelve
from shared.contracts.errors import DeadLetterLimitReached
from tests.support.builders import RECEIVED_AT, make_cloudevent, make_data, make_record
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryLetterBook, MemoryLogStore
from tests.support.letters import KEPT_AT, make_letter, make_letter_record

NOW = RECEIVED_AT + timedelta(hours=1)


def kept_of(value: bytes | None, key: bytes | None) -> dict[str, Any]:
    record = make_letter_record(value, key=b"" if key is None else key)
    return letter_document(record, operator="operadora", now=NOW)


@pytest.mark.parametrize(
    ("key", "value", "owner"),
    [
        (b"loja|order|MLC|1", b"{", "loja"),
        (None, json.dumps(make_cloudevent(account="loja")).encode(), "loja"),
        (None, json.dumps(make_data(account="loja")).encode(), "loja"),
        (b"loja|order|MLC|1", json.dumps(make_data(account="vizinha")).encode(), "operadora"),
        (None, b'{"idSKU": "1", "an": "loja"}', "loja"),
        (None, b'{"type": "integration.order.result", "data": {"AccountName": "loja", "code": 7}}', "loja"),
        (b"loja|order|MLC|1", b'{"An": "vizinha"}', "operadora"),
        (None, b'{"subject": "loja|order|MLC|1", "data": {"Status": "?"}}', "loja"),
        (None, b'{"subject": "loja|order", "data": {"Status": "?"}}', "operadora"),
        (None, b'{"subject": "loja|order|MLC|1", "data": {"An": "vizinha"}}', "operadora"),
        (None, b'{"data_base64": "eyJhY2NvdW50IjogImxvamEifQ=="}', "loja"),
        (None, b'{"data_base64": 7}', "operadora"),
        (None, b'{"account": "a b", "An": "loja"}', "operadora"),
        (None, b'{"An": ["loja"]}', "operadora"),
        (b"loja", b"{}", "operadora"),
        (b"lo ja|order|MLC|1", b"{}", "operadora"),
        (b"\xff|order", b"[1]", "operadora"),
        (None, b'{"account": {"$ne": 1}}', "operadora"),
        (None, b'{"account": "a b"}', "operadora"),
        (None, None, "operadora"),
    ],
)
def test_a_letter_belongs_to_the_one_account_that_it_names_else_to_the_operator(
    key: bytes | None, value: bytes | None, owner: str
) -> None:
    assert kept_of(value, key)["account"] == owner


def test_in_binary_mode_the_subject_stands_in_a_header() -> None:
    headers = (("ce_subject", b"loja|price|MLC|1"), ("ce_id", None))

    letter = letter_document(make_letter_record(b"{", key=b"", headers=headers), operator="operadora", now=NOW)

    assert (letter["account"], letter["kind"]) == ("loja", "price")


def test_a_letter_keeps_what_came_and_leaves_our_own_headers_out() -> None:
    headers = (("ce_id", b"7"), ("trace", b"\xfe"), ("original-topic", b"theirs"), ("error-class", None))

    letter = make_letter(value=b"\xff", offset=41, headers=headers, seconds=1)

    assert letter["original"] == {"topic": "integration.events.order", "partition": 0, "offset": 41}
    assert (letter["value"], letter["size"], letter["kind"]) == (b"\xff", 1, "order")
    assert letter["headers"] == [
        ["ce_id", b"7"],
        ["trace", b"\xfe"],
        ["original-topic", b"theirs"],
        ["error-class", None],
    ]
    assert (letter["error_class"], letter["error_message"]) == ("InvalidJson", "why it is so")
    assert letter["received_at"] == RECEIVED_AT + timedelta(seconds=1)
    assert letter["expires_at"] == KEPT_AT + timedelta(days=30)


def test_a_letter_is_told_from_another_at_its_address_by_all_of_its_content() -> None:
    twins = [
        make_letter(),
        make_letter(key=b"k"),
        make_letter(value=b"["),
        make_letter(headers=(("ce_id", b"7"),)),
        make_letter(headers=(("ce_id", None),)),
    ]

    assert len({letter["_id"] for letter in twins}) == len(twins)


def test_a_letter_was_received_at_the_latest_now_and_without_a_time_just_now() -> None:
    ahead = make_letter_record(seconds=7200)
    untold = ahead._replace(timestamp=datetime(1970, 1, 1, tzinfo=UTC))

    for record in (ahead, untold):
        assert letter_document(record, operator="o", now=NOW)["received_at"] == NOW


def test_of_a_letter_too_long_for_its_document_the_beginning_is_kept_and_the_size_told() -> None:
    letter = make_letter(value=b"x" * (KEPT_BYTES + 1))

    assert (len(letter["value"]), letter["size"]) == (KEPT_BYTES, KEPT_BYTES + 1)


def test_a_record_that_somebody_else_put_there_is_a_letter_at_its_own_address() -> None:
    bare = make_record(b"x", topic="integration.deadletter", partition=2, offset=7)
    assert letter_document(bare, operator="o", now=NOW)["_id"].startswith("integration.deadletter:2:7:")


def test_a_class_that_we_do_not_know_is_told_in_the_message() -> None:
    anew = make_letter(error_class="Anew")
    assert (anew["error_class"], anew["error_message"]) == ("Unknown", "Anew: why it is so")
    bare = letter_document(make_record(b"x", topic="integration.deadletter"), operator="o", now=NOW)
    assert (bare["error_class"], bare["error_message"]) == ("Unknown", "")


def test_the_mark_of_a_replay_is_told_from_a_publishers_header_of_that_name() -> None:
    theirs, mark = ("replayed-letter", b"theirs"), ("replayed-letter", b"integration.events.order:0:1:x")

    own_only, both = make_letter(headers=(theirs, ("ce_id", b"7"))), make_letter(headers=(theirs, mark))

    assert (own_only["headers"], own_only.get("previous")) == ([[*theirs], ["ce_id", b"7"]], None)
    assert (both["headers"], both["previous"]) == ([[*theirs]], mark[1].decode())


async def test_letters_delivered_again_change_nothing() -> None:
    book = MemoryLetterBook()
    records = [
        make_letter_record(offset=1, at=4),
        make_letter_record(offset=1, at=5),
        make_letter_record(offset=2, at=6),
    ]

    first = await shelve(records, book, operator="operadora", clock=lambda: NOW)
    before = dict(book.letters)
    again = await shelve(records, book, operator="operadora", clock=lambda: NOW + timedelta(days=1))

    assert (first.dead_lettered, first.duplicates, again.dead_lettered) == (2, 1, 0)
    assert first.commit == {("integration.deadletter", 0): 7}
    assert book.letters == before


async def test_letters_sent_back_too_early_do_not_stop_the_worker() -> None:
    def ingest() -> Ingest:
        return Ingest(MemoryLogStore(), MemoryDeadLetters(), limit=DeadLetterLimit(3, 1.0, 1000))

    mark = (("replayed-letter", b"integration.events.order:0:1:x"),)
    outcome = await ingest().handle([make_record(b"{", offset=n, headers=mark) for n in range(20)])

    assert outcome.dead_lettered == 20
    with pytest.raises(DeadLetterLimitReached):
        await ingest().handle([make_record(b"{", offset=n) for n in range(20)])
