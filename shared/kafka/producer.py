"""Messages out. A message is sent, refused or unknown, and the caller is told which; "sent" means that the broker said so."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from confluent_kafka import KafkaError, KafkaException, Producer

from shared.contracts.errors import BrokerUnavailable, OutcomeUnknown
from shared.kafka.address import librdkafka
from shared.kafka.probe import Probe
from shared.kafka.reconnecting import RECONNECT

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""Of a message before it is compressed. Topics limit what it is afterwards: what came through one must go through another."""

GRACE_SECONDS = 5.0
"""Beyond the delivery timeout, for the callback to come in."""

UNKNOWN_TOPIC_SECONDS: Final = 2.0
"""So long a topic that no broker knows may have been made a moment ago. Then its messages are refused, and were never sent."""

CHECK_SECONDS: Final = 2.5
"""For a broker to say that it is there: less than a health check may take."""

TOO_LARGE: Final = "MSG_SIZE_TOO_LARGE"
"""`Sent.error` of what the topic takes no message of that size for."""

FAULTS_OF_A_RECORD: Final = frozenset(
    {TOO_LARGE, "INVALID_MSG", "INVALID_MSG_SIZE", "INVALID_RECORD", "INVALID_TIMESTAMP", "RECORD_LIST_TOO_LARGE"}
)
"""`Sent.error` of what no broker will ever take. Whatever else is refused may be taken once somebody has mended the cluster."""

TOO_LATE: Final = "TOO_LATE"
"""`Sent.error` of what its sender said may not be sent any more."""

Delivery = Literal["sent", "refused", "unknown"]
MaySend = Callable[[], bool]
"""Asked for each message right before the client gets it, in the thread that hands it over."""

log = logging.getLogger(__name__)
client_log = logging.getLogger("librdkafka")


@dataclass(frozen=True, slots=True)
class OutMessage:
    """What is to be sent. `value` None is a tombstone; a header may be null too, which is not the same as empty."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one message; `detail` says why it was refused or what is unknown about it.

    `error` is Kafka's own name of the reason, such as MSG_SIZE_TOO_LARGE.
    """

    delivery: Delivery
    detail: str = ""
    error: str = ""

    @property
    def verdict(self) -> Delivery:
        """What this says of the record: refused only for a fault of its own. A topic that is missing, a lost right may be mended."""
        return "unknown" if self.delivery == "refused" and self.error not in FAULTS_OF_A_RECORD else self.delivery


def always() -> bool:
    """Nothing runs out."""
    return True


class Publisher:
    """An idempotent producer: acks from all in-sync replicas, compressed, safe to share within one process.

    Where it hears nothing although Kafka answers another client, it is changed for another: see contact.py.
    """

    def __init__(self, bootstrap: str, *, service: str, timeout_seconds: float = 20.0) -> None:
        self._timeout = timeout_seconds
        self._is_closing = False
        self._probe = Probe(librdkafka(bootstrap))
        self._renewing = threading.Lock()
        self._settings: dict[str, object] = {
            **librdkafka(bootstrap),
            "client.id": f"ponte.{service}",
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 2,
            **RECONNECT,
            "compression.type": "lz4",
            "message.max.bytes": MAX_REQUEST_BYTES,
            "delivery.timeout.ms": int(timeout_seconds * 1000),
            "request.timeout.ms": 10_000,
            "topic.metadata.refresh.interval.ms": 30_000,
            "topic.metadata.propagation.max.ms": int(UNKNOWN_TOPIC_SECONDS * 1000),
            "log_level": 3,
        }
        self._producer = self._connect()

    async def publish(self, message: OutMessage) -> None:
        """Send one message and return when the broker has it. Raise BrokerUnavailable or OutcomeUnknown."""
        (result,) = await self.publish_all([message])
        if result.delivery == "refused":
            raise BrokerUnavailable(result.detail)
        if result.delivery == "unknown":
            raise OutcomeUnknown(result.detail)

    async def publish_all(self, messages: Sequence[OutMessage], *, may_send: MaySend = always) -> list[Sent]:
        """Send all and return, in order, what became of each. Never raises for a message's sake. What may not be sent any more is refused.

        The broker's limit holds for a batch on the wire: what is too large takes its neighbours along. They are tried alone.
        """
        results = await asyncio.to_thread(self._publish_all, messages, may_send) if messages else []
        if len(messages) > 1:
            for place in [place for place, result in enumerate(results) if result.error == TOO_LARGE]:
                results[place] = (await asyncio.to_thread(self._publish_all, [messages[place]], may_send))[0]
        return results

    async def check(self) -> None:
        """Raise BrokerUnavailable unless a broker answers within `CHECK_SECONDS`: a health check."""
        try:
            await asyncio.to_thread(self._producer.list_topics, timeout=CHECK_SECONDS)
        except KafkaException as error:
            raise BrokerUnavailable(f"Kafka does not answer: {error.args[0].str()}") from error

    async def close(self) -> None:
        """Send what is still waiting, for at most a few seconds; whoever waits for an answer is told that there is none."""
        self._is_closing = True
        with contextlib.suppress(KafkaException):
            await asyncio.to_thread(self._producer.flush, 5.0)

    def _publish_all(self, messages: Sequence[OutMessage], may_send: MaySend) -> list[Sent]:
        producer = self._producer
        results = [Sent("unknown", "no answer from the broker in time")] * len(messages)
        pending = set(range(len(messages)))

        def on_delivery(position: int, error: KafkaError | None) -> None:
            results[position] = Sent("sent") if error is None else _failed(error)
            pending.discard(position)

        for position, message in enumerate(messages):
            while True:
                if not may_send():
                    results[position] = Sent("refused", "it was too late to send it", TOO_LATE)
                    pending.discard(position)
                    break
                try:
                    producer.produce(
                        message.topic,
                        value=message.value,
                        key=message.key,
                        headers=list(message.headers),
                        on_delivery=lambda error, _message, position=position: on_delivery(position, error),
                    )
                except BufferError:
                    producer.poll(0.1)
                    continue
                except KafkaException as error:
                    on_delivery(position, error.args[0])
                break
        deadline = time.monotonic() + self._timeout + GRACE_SECONDS
        while pending and time.monotonic() < deadline and not self._is_closing:
            producer.poll(0.1)
        if all(result.delivery == "unknown" for result in results) and not self._is_closing:
            threading.Thread(target=self._renew, args=[producer], name="renew-producer", daemon=True).start()
        return results

    def _connect(self) -> Producer:
        return Producer(self._settings, logger=client_log)

    def _renew(self, silent: Producer) -> None:
        if not self._renewing.acquire(blocking=False):
            return
        try:
            if self._producer is not silent or not self._probe.answers():
                return
            self._producer = self._connect()
        finally:
            self._renewing.release()
        log.warning("client.renewed", extra={"facts": {"kind": "producer"}})
        # Others may wait for the old one's answers so long. Who holds it last waits for its end, which may never come.
        time.sleep(self._timeout + GRACE_SECONDS)


def _failed(error: KafkaError) -> Sent:
    timed_out = error.code() in {KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT}  # noqa: SLF001  # librdkafka's own names
    # After a fatal error this producer sends nothing any more: "unknown" has another take its place.
    is_lost = error.fatal() or error.code() in {KafkaError._FATAL, KafkaError._FENCED}  # noqa: SLF001
    return Sent("unknown" if timed_out or is_lost else "refused", error.str(), error.name())
