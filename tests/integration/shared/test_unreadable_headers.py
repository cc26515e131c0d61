from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer
from kafka import KafkaProducer

from shared.kafka.unreadable_headers import bear_unreadable_headers
from tests.support.ingest_topics import own_topic
from tests.support.odd_headers import NotUtf8

SENT = [
    (b"before", [("a", b"1"), ("a", b"")]),
    (b"odd", [("a", b"1"), (NotUtf8("x"), b"2")]),
    (None, [(NotUtf8("x"), b"")]),
    (b"odd value", [("a", b"\xff")]),
    (b"behind", []),
]


@pytest.mark.parametrize("compression", [None, "gzip"])
async def test_a_record_with_an_unreadable_header_comes_without_headers_and_those_behind_it_come_too(
    servers, compression
):
    bear_unreadable_headers()
    with own_topic(servers.kafka.bootstrap) as topic:
        producer = KafkaProducer(bootstrap_servers=servers.kafka.bootstrap, compression_type=compression, linger_ms=500)
        for value, headers in SENT:
            producer.send(topic, value, key=b"k", headers=headers, partition=0, timestamp_ms=1_700_000_000_000)
        producer.close()
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=servers.kafka.bootstrap, group_id=uuid4().hex, auto_offset_reset="earliest"
        )
        async with consumer:
            came = [await consumer.getone() for _ in SENT]

    assert [(one.offset, one.key, one.value) for one in came] == [
        (offset, b"k", value) for offset, (value, _) in enumerate(SENT)
    ]
    assert [one.headers for one in came] == [(("a", b"1"), ("a", b"")), (), (), (("a", b"\xff"),), ()]
    assert len({one.timestamp for one in came}) == 1
