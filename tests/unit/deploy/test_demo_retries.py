"""The demo's answers to retry requests: one each, with the reprocess id, mended or not."""

from datetime import UTC, datetime, timedelta

import orjson

from deploy.demo.retries import RetryDesk, answer
from shared.contracts.cloudevents import CloudEvent, read_message
from shared.contracts.events import parse_event_data

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
PLACE = ("integration.retry.order", 0)


def make_retry(id="job-1:loja|order|MLC|43000000001", *, error_code="ORD-SLA", **changes):
    data = {
        "account": "loja",
        "kind": "order",
        "affiliate": "MLC",
        "code": "43000000001",
        "payload": {"marketplaceOrderId": "2000"},
        "causes": [
            {"code": error_code, "message": "No available sla to deliver this order", "field": None, "evidence": None}
        ],
        "attempt": 2,
        "aliases": {"shipment_id": "43000000001"},
        "reprocess_id": "job-1",
        "requested_by": "ana",
        "reason": "frete corrigido",
        **changes,
    }
    return CloudEvent(id, "/ponte/reprocessor", f"integration.{data['kind']}.retry_requested", data)


def answered(retry, at=NOW):
    message = answer(retry, at)
    event = read_message(message.value, orjson.loads(message.value), list(message.headers))
    return message, event, parse_event_data(event.data)


def test_an_answer_carries_the_reprocess_id_and_the_key_of_the_request():
    message, event, data = answered(make_retry())
    assert data.reprocess_id == "job-1"
    assert message.key == b"loja|order|MLC|43000000001"
    assert message.topic == "integration.events.order"
    assert event.type == "integration.order.processed"
    assert data.processed_at == "2026-11-23T21:00:00.000Z"


def test_the_same_request_gets_the_same_answer_under_the_same_id():
    _, first, one = answered(make_retry())
    _, second, other = answered(make_retry(), NOW + timedelta(seconds=5))
    assert first.id == second.id
    assert one.status == other.status


def test_about_three_of_four_are_mended():
    statuses = [answered(make_retry(f"job-{number}"))[2].status for number in range(400)]
    assert 0.68 < statuses.count("success") / 400 < 0.82
    assert set(statuses) == {"success", "error"}


def test_what_no_retry_mends_fails_again_with_the_same_causes():
    for number in range(50):
        retry = make_retry(f"job-{number}", error_code="ORD-CANCELED")
        _, _, data = answered(retry)
        assert data.status == "error"
        assert data.causes == retry.data["causes"]


def test_a_cause_without_a_code_is_known_by_its_message():
    causes = [{"message": "Tempo de limite para retry alcançado"}]
    assert {answered(make_retry(f"job-{n}", causes=causes))[2].status for n in range(50)} == {"error"}


def test_a_connector_reads_its_source_again_when_the_payload_was_left_out():
    _, _, data = answered(make_retry(kind="price", affiliate="MGZ", code="31001", payload=None, causes=[]))
    assert data.status == "success"
    assert data.payload["itemId"] == "31001"


def test_a_redelivered_request_is_answered_once():
    # given the same request twice, the second time at another offset
    desk = RetryDesk("loja", answer_ms=0)
    desk.take(make_retry(), PLACE, 0, NOW)
    desk.take(make_retry(), PLACE, 1, NOW)

    # then
    assert [offset for _, _, offset in desk.due(NOW)] == [0]
    assert desk.due(NOW + timedelta(hours=1)) == []


def test_an_answer_takes_its_time():
    desk = RetryDesk("loja")
    desk.take(make_retry(), PLACE, 0, NOW)
    assert desk.due(NOW + timedelta(milliseconds=499)) == []
    assert len(desk.due(NOW + timedelta(seconds=3))) == 1


def test_an_offset_is_safe_when_everything_before_it_is_answered():
    # given three requests in hand, and one of another shop
    desk = RetryDesk("loja", answer_ms=0)
    for offset in range(3):
        desk.take(make_retry(f"job-{offset}"), PLACE, offset, NOW)
    desk.take(make_retry("job-9", account="outra"), PLACE, 3, NOW)
    assert desk.safe_offsets() == {PLACE: 0}

    # when the first and the last are answered
    desk.due(NOW)
    desk.settle(PLACE, 0)
    desk.settle(PLACE, 2)
    assert desk.safe_offsets() == {PLACE: 1}

    # then the rest
    desk.settle(PLACE, 1)
    assert desk.safe_offsets() == {PLACE: 4}


def test_what_is_no_request_of_ours_is_passed_over():
    desk = RetryDesk("loja", answer_ms=0)
    strange = [
        None,
        make_retry("a", account="outra"),
        make_retry("b", kind="nada"),
        CloudEvent("c", "s", "t", [1]),
        make_retry("d", code=7),
    ]
    for offset, retry in enumerate(strange):
        desk.take(retry, PLACE, offset, NOW)
    assert desk.due(NOW) == []
    assert desk.safe_offsets() == {PLACE: 5}
