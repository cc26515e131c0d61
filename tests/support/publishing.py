"""A producer that tells of each record what the broker said."""

import contextlib
import itertools
from collections.abc import Callable, Iterator

from confluent_kafka import Message, Producer

from shared.contracts.names import EVENTS_MAX_MESSAGE_BYTES
from shared.contracts.records import Address
from tests.support.tellings import Telling

ACK_SECONDS = 120
"""A record is tried again for so long, whatever the broker does; after that nobody knows."""

Note = Callable[[Telling, Address | None], None]


@contextlib.contextmanager
def publishing(bootstrap: str, note: Note) -> Iterator[Callable[[Telling], None]]:
    """Give the function that publishes; when the block is left, `note` was called once for each telling: with its address, or None."""
    waiting: dict[int, Telling] = {}
    numbers = itertools.count()
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 5,
            "compression.type": "lz4",
            "message.max.bytes": EVENTS_MAX_MESSAGE_BYTES,
            "delivery.timeout.ms": ACK_SECONDS * 1000,
            "queue.buffering.max.messages": 2_000_000,
            "log_level": 0,
        }
    )

    def put(telling: Telling) -> None:
        number = next(numbers)
        waiting[number] = telling

        def answered(error: object, message: Message) -> None:
            waiting.pop(number, None)
            note(telling, _address(message) if error is None else None)

        while not _is_taken(producer, telling, answered):
            producer.poll(0.1)
        producer.poll(0)

    try:
        yield put
    finally:
        producer.flush(ACK_SECONDS + 10)
        for telling in list(waiting.values()):
            note(telling, None)


def _is_taken(producer: Producer, telling: Telling, answered: Callable[[object, Message], None]) -> bool:
    try:
        producer.produce(telling.topic, telling.value, telling.key.encode(), on_delivery=answered)
    except BufferError:  # its queue is full: the broker is slow, or away
        return False
    return True


def _address(message: Message) -> Address:
    return Address(message.topic() or "", message.partition() or 0, message.offset() or 0)
