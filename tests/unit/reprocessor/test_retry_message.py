import json
from datetime import UTC, datetime
from pathlib import Path

from cloudevents.core.bindings.kafka import KafkaMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat

from services.reprocessor.core.retry_message import build_retry
from shared.contracts.cloudevents import structured
from tests.support.reprocessing import make_command, make_entry

CLAIMED_AT = datetime(2026, 11, 23, 12, 0, 0, 456000, tzinfo=UTC)
GOLDEN = Path(__file__).parents[2] / "contract" / "reprocessor" / "retry_message.json"


def test_a_retry_message_is_the_golden_sample():
    message = build_retry(make_entry(), make_command(), claimed_at=CLAIMED_AT)

    value, headers = structured(message.event)

    assert json.loads(value) == json.loads(GOLDEN.read_text())
    assert headers == [("content-type", b"application/cloudevents+json")]
    assert message.key == "loja|order|MLC|2000004567"


def test_the_reference_sdk_reads_a_retry_message():
    message = build_retry(make_entry(), make_command(), claimed_at=CLAIMED_AT)
    value, headers = structured(message.event)

    event = from_structured_event(KafkaMessage(headers=dict(headers), key=message.key, value=value), JSONFormat())

    assert event.get_type() == "integration.order.retry_requested"
    assert event.get_id() == "job-1:loja|order|MLC|2000004567"
    assert event.get_data()["reprocess_id"] == "job-1"


def test_the_same_claim_makes_the_same_message_again():
    first = build_retry(make_entry(), make_command(), claimed_at=CLAIMED_AT)
    again = build_retry(make_entry(), make_command(), claimed_at=CLAIMED_AT)

    assert first == again


def test_a_payload_that_is_not_whole_is_never_republished():
    cut = make_entry(payload={"cut": "off"}, payload_truncated=True)

    data = build_retry(cut, make_command(), claimed_at=CLAIMED_AT).event.data

    assert (data["payload"], data["payload_truncated"]) == (None, True)
