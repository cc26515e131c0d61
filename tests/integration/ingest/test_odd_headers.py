"""Headers as no publisher should write them, on every events topic, through real Kafka, the real process and real MongoDB."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from kafka import KafkaProducer
from pymongo import MongoClient

from deploy.local.servers import Servers
from shared.contracts.names import KINDS, LOG_ENTRIES, Kind, events_topic
from tests.support.builders import make_cloudevent
from tests.support.ingest_process import IngestProcess
from tests.support.odd_headers import NotUtf8
from tests.support.stored import read_letters

Headers = Sequence[tuple[str, bytes | None]]

READABLE: dict[str, Headers] = {
    "null": [("trace", None), ("trace", b""), ("ce_id", None)],
    "value not UTF-8": [("trace", b"\xff\xfe")],
    "behind": [],
}
"""Code of the item → headers of its record. Those of a structured event say nothing that its value does not."""


def value_of(account: str, kind: Kind, code: str) -> bytes:
    return json.dumps(make_cloudevent(account=account, kind=kind, code=code)).encode()


def publish(bootstrap: str, account: str, kind: Kind) -> None:
    """Publish the record that cannot be read, and behind it, on the same partition, those that can."""
    place = {"topic": events_topic(kind), "key": f"{account}|{kind}".encode(), "partition": 0}
    unreadable = KafkaProducer(bootstrap_servers=bootstrap)
    unreadable.send(value=value_of(account, kind, "odd"), headers=[("a", b"1"), (NotUtf8("x"), b"2")], **place)
    unreadable.close()
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for code, headers in READABLE.items():
        producer.produce(value=value_of(account, kind, code), headers=list(headers), **place)
    assert producer.flush(30) == 0


def test_a_record_with_odd_headers_is_taken_or_put_aside_whole_and_those_behind_it_are_taken(
    servers: Servers, database_name: str, account: str, tmp_path: Path
) -> None:
    ingest = IngestProcess(servers.kafka.bootstrap, servers.mongo.uri, database_name, tmp_path)

    with ingest.running():
        ingest.shared_out()
        for kind in KINDS:
            publish(servers.kafka.bootstrap, account, kind)
        ingest.caught_up()

    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        entries = list(client[database_name][LOG_ENTRIES].find({"account": account}))
    assert {(entry["kind"], entry["code"]) for entry in entries} == {
        (kind, code) for kind in KINDS for code in READABLE
    }
    letters = read_letters(servers.kafka.bootstrap, account)
    assert {
        (letter.address.topic, letter.error_class, json.loads(letter.value or b"")["data"]["code"])
        for letter in letters
    } == {(events_topic(kind), "NotUtf8", "odd") for kind in KINDS}
    assert len(letters) == len(KINDS)
