"""The demo's goods, orders and history: believable, complete, invented, and the same every time."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import orjson
import pytest

from deploy.demo.bookmark import Bookmark
from deploy.demo.chance import dice
from deploy.demo.connectors import Happening, Item, cause_of, event_of
from deploy.demo.faults import ANYWHERE, FAULTS, OUTAGES, WARNINGS
from deploy.demo.history import happenings, item, items
from deploy.demo.orders import cpf, make_order
from deploy.demo.payloads import invoice_key
from deploy.demo.shop import AFFILIATES, catalogue
from deploy.demo.stream import Stream
from shared.contracts.catalogue import CATALOGUE, classify
from shared.contracts.cloudevents import read_message
from shared.contracts.events import KIND_BY_TYPE, STATUSES, entry_id, parse_event_data
from shared.contracts.names import KINDS
from shared.contracts.times import parse_instant

ANCHOR = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def history():
    return [(of, happenings(of, ANCHOR)) for of in items(4000)]


@pytest.fixture(scope="module")
def messages(history):
    return [event_of("loja", happening) for _, happened in history for happening in happened]


def read(message):
    return read_message(message.value, orjson.loads(message.value), list(message.headers))


def test_every_event_passes_the_contract_and_its_key_is_its_entry_id(messages):
    for message in messages:
        event = read(message)
        data = parse_event_data(event.data)
        assert KIND_BY_TYPE[event.type] == data.kind
        assert message.topic == f"integration.events.{data.kind}"
        assert message.key.decode() == entry_id(data.account, data.kind, data.affiliate, data.code)


def test_both_modes_of_cloudevents_are_spoken(messages):
    modes = Counter(dict(message.headers)["content-type"] for message in messages)
    assert set(modes) == {b"application/json", b"application/cloudevents+json"}


def test_the_same_anchor_gives_the_same_bytes(messages):
    again = [event_of("loja", happening) for of in items(300) for happening in happenings(of, ANCHOR)]
    assert again == messages[: len(again)]


def test_another_anchor_gives_the_same_items_under_the_same_event_ids():
    later = [event_of("loja", each) for of in items(100) for each in happenings(of, ANCHOR)[-1:]]
    assert [message.key for message in later] == [
        event_of("loja", each).key for of in items(100) for each in happenings(of, ANCHOR + timedelta(days=9))[-1:]
    ]


def test_no_entry_and_no_event_is_there_twice(messages):
    assert len({(of.kind, of.affiliate, of.code) for of in items(8_000)}) == 8_000
    assert len({read(message).id for message in messages}) == len(messages)


def test_more_history_than_there_are_offers_means_more_orders():
    beyond = [item(kind, 5_000) for kind in ("product", "price", "stock")]
    assert {of.kind for of in beyond} == {"order"}
    assert len({of.code for of in beyond}) == 3


def test_the_history_has_all_kinds_statuses_and_affiliates(history):
    assert {of.kind for of, _ in history} == set(KINDS)
    assert {happened[-1].status for _, happened in history} == set(STATUSES)
    assert {of.affiliate for of, _ in history} == {affiliate.id for affiliate in AFFILIATES}


def test_about_86_of_100_succeed_and_the_errors_are_of_many_codes(history):
    last = Counter(happened[-1].status for _, happened in history)
    codes = {fault.code for _, happened in history for fault in happened[-1].faults}
    assert 0.83 < last["success"] / 4000 < 0.89
    assert last["error"] > 300
    assert len(codes) >= 25


def test_an_expired_token_is_a_cluster(history):
    tokens = Counter(
        of.affiliate for of, happened in history for fault in happened[-1].faults if fault.code == "AUT-TOKEN"
    )
    assert tokens["SHP"] + tokens["NTS"] > 0.8 * tokens.total()
    assert tokens.total() > 25


def test_several_items_have_several_attempts_in_the_order_of_time(history):
    assert sum(len(happened) > 1 for _, happened in history) > 400
    for _, happened in history:
        assert all(one.at < other.at for one, other in pairwise(happened))


def test_the_times_lie_in_the_last_thirty_days_and_nights_are_quiet(history):
    instants = [happening.at for _, happened in history for happening in happened]
    assert max(instants) < ANCHOR
    assert min(instants) > ANCHOR - timedelta(days=31)
    hours = Counter((at.hour - 3) % 24 for at in instants)
    assert sum(hours[hour] for hour in range(6)) < sum(hours[hour] for hour in range(10, 16)) / 2


def test_a_mercado_livre_order_is_known_by_its_shipment():
    order = item("order", next(n for n in range(50) if item("order", n).affiliate == "MLC"))
    assert order.aliases["shipment_id"] == order.code != order.aliases["marketplace_order_id"]
    assert order.aliases["vtex_order_id"] == f"MLC-{order.code}"


def test_skus_are_about_four_hundred_and_carry_their_other_ids():
    assert 350 <= len(catalogue()) <= 450
    assert len({sku.name for sku in catalogue()}) == len({sku.ref_id for sku in catalogue()}) == len(catalogue())
    assert Item("price", "MLC", catalogue()[0]).aliases.keys() == {"ean", "ref_id"}


def test_money_is_cents_in_orders_and_decimals_in_prices():
    order = event_of("loja", Happening(item("order", 1), "success", ANCHOR, "x"))
    price = event_of("loja", Happening(item("price", 1), "success", ANCHOR, "x"))
    assert isinstance(read(order).data["payload"]["marketplacePaymentValue"], int)
    assert isinstance(read(price).data["payload"]["basePrice"], float)


def every_fault():
    for kind in KINDS:
        for fault in (*FAULTS[kind], *WARNINGS[kind], *ANYWHERE, *(outage.fault for outage in OUTAGES)):
            yield pytest.param(kind, fault, id=f"{kind} {fault.code} {fault.message[:20]}")


@pytest.mark.parametrize(("kind", "fault"), every_fault())
def test_a_fault_speaks_the_language_of_the_catalogue(kind, fault):
    affiliate = min(fault.affiliates, default="MLC")
    number = next(n for n in range(3000) if item(kind, n).affiliate == affiliate)

    cause = cause_of(fault, item(kind, number))

    assert kind in CATALOGUE[fault.code].kinds
    assert classify(cause["message"], kind=kind) == fault.code
    assert "{" not in cause["message"]


def test_nobodys_data_is_in_it(messages):
    text = b"\n".join(message.value for message in messages).decode()
    assert set(re.findall(r"[\w.+-]+@([\w.-]+)", text)) == {"example.com"}
    assert all(host.endswith(".example.com") for host in re.findall(r"https?://([^/\"]+)", text))
    assert all(document.startswith("000.000.0") for document in re.findall(r"\d{3}\.\d{3}\.\d{3}-\d\d", text))
    assert all(phone.startswith("+55 00 0000-00") for phone in re.findall(r"\+55[^\"]*", text))
    assert all(ean.startswith("20") for ean in re.findall(r'"Ean":"(\d+)"', text))
    assert set(re.findall(r"Bearer ([^\"]*)", text)) == {"****"}
    assert "lorem" not in text.lower()


def test_documents_are_well_formed():
    assert cpf(1) == "000.000.001-91"
    assert len(invoice_key("100123")) == 44


def test_the_stream_changes_known_rows_brings_orders_and_mends_errors():
    # given a shop with a history
    stream = Stream(Bookmark(ANCHOR, 2000))
    known = {(of.kind, of.affiliate, of.code): happenings(of, ANCHOR)[-1].status for of in items(2000)}

    # when it runs for 25 minutes
    seen = [stream.next(ANCHOR + timedelta(seconds=0.5 * tick)) for tick in range(3000)]

    # then
    changed = [each for each in seen if (each.item.kind, each.item.affiliate, each.item.code) in known]
    mended = [
        each
        for each in changed
        if each.status == "success" and known[each.item.kind, each.item.affiliate, each.item.code] == "error"
    ]
    assert len(changed) > 1000
    assert len(mended) > 50
    assert Counter(each.status for each in seen)["error"] > 100
    fresh = [each for each in seen if each.status == "processing"]
    settled = {each.item.code for each in seen if each.status != "processing"}
    assert len(fresh) > 500
    assert all(each.item.code in settled for each in fresh[:-20])
    for each in seen:
        data = parse_event_data(read(event_of("loja", each)).data)
        assert parse_instant(data.processed_at)[0] == each.at


def test_the_same_instant_brings_the_same_news():
    instants = [ANCHOR + timedelta(seconds=tick) for tick in range(200)]
    one, other = Stream(Bookmark(ANCHOR, 400)), Stream(Bookmark(ANCHOR, 400))
    assert [one.next(at) for at in instants] == [other.next(at) for at in instants]


def test_an_order_is_always_the_same_order():
    assert make_order(7, "SHP") == make_order(7, "SHP")
    assert dice("a").random() == dice("a").random() != dice("b").random()
