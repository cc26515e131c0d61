"""The load: valid events, the same bytes for every contender and every run, published before a clock starts.

Half a kilobyte or eight; keys all new, or drawn by Zipf's law with exponent 1.1. The last event of each partition is a marker with
a key of its own: once every marker stands in the database, every partition was read to its end.

`python -m tests.bench.loadgen --bootstrap HOST:PORT --rate 2000 --seconds 20` publishes at a steady rate instead (latency.py).
"""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import orjson
from confluent_kafka import Producer

from shared.contracts.names import events_topic

TOPIC = events_topic("order")
PARTITIONS = 6
ZIPF_EXPONENT = 1.1
SEED = 4
PUBLISH_SECONDS = 60
ROOM = {"queue.buffering.max.messages": 2_000_000, "queue.buffering.max.kbytes": 2_000_000}
"""What a producer may hold back while the broker waits for a processor."""

STARTED_AT = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
STATUSES = ("success", "error", "success", "warning", "success", "error", "success", "processing", "success", "error")
CAUSES = (
    ("ORD-SLA", "No available sla to deliver this order"),
    ("ORD-PRICE", "The price of the item differs from the marketplace"),
    ("ORD-STOCK", "There is no stock of the item in any warehouse"),
)
AFFILIATES = ("MLC", "AMZ", "MGZ")
WORDS = [
    "pedido",
    "item",
    "cliente",
    "entrega",
    "frete",
    "pagamento",
    "desconto",
    "loja",
    "estoque",
    "envio",
    "nota",
    "chave",
    "vendedor",
    "produto",
]


@dataclass(frozen=True, slots=True)
class Message:
    """One record to publish. `partition` -1 lets the key choose."""

    key: bytes
    value: bytes
    partition: int = -1


@dataclass(frozen=True, slots=True)
class Load:
    """Records, and what must stand in the database when all of them are in.

    `newest` maps a sample of entry ids to the status that they end with; `attempts` a few of them to how many events they had.
    """

    messages: Sequence[Message]
    entries: int
    markers: Sequence[str]
    newest: dict[str, str]
    attempts: dict[str, int]

    @property
    def mean_bytes(self) -> int:
        """Mean length of a value."""
        return sum(len(message.value) for message in self.messages) // len(self.messages)


def make_load(name: str, events: int, *, size: int, keys: str) -> Load:
    """Return `events` records of about `size` bytes. `keys` is `new` or `zipf`; loads of different names share no key."""
    chance = random.Random(f"{SEED}/{name}/{keys}")  # noqa: S311  # the same load each time, no secret
    codes = _codes(chance, events - PARTITIONS, keys)
    filler = _filler(size)
    messages: list[Message] = []
    newest: dict[str, str] = {}
    attempts: dict[str, int] = {}
    for number, code in enumerate([*codes, *(f"end{partition}" for partition in range(PARTITIONS))]):
        identity = f"loja|order|{AFFILIATES[int(code[-1]) % 3]}|{name}-{code}"
        status = STATUSES[number * 7 % len(STATUSES)]
        partition = int(code[3:]) if code.startswith("end") else -1
        messages.append(Message(identity.encode(), _value(name, number, identity, status, filler), partition))
        newest[identity] = status
        attempts[identity] = attempts.get(identity, 0) + 1
    markers = [message.key.decode() for message in messages[-PARTITIONS:]]
    sample = [*list(newest)[:: max(1, len(newest) // 500)], *markers]
    return Load(messages, len(newest), markers, {k: newest[k] for k in sample}, {k: attempts[k] for k in sample})


def publish(bootstrap: str, messages: Sequence[Message]) -> float:
    """Publish all in order and return the seconds it took. Raise RuntimeError when the broker did not take every one."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": "lz4",
            "enable.idempotence": True,
            "linger.ms": 20,
            "batch.num.messages": 10_000,
            **ROOM,
        }
    )
    refused: list[str] = []
    started = time.monotonic()
    for number, message in enumerate(messages):
        producer.produce(
            TOPIC,
            message.value,
            message.key,
            message.partition,
            on_delivery=lambda error, _: refused.append(error.str()) if error else None,
        )
        if number % 1000 == 0:
            producer.poll(0)
    if producer.flush(PUBLISH_SECONDS) or refused:
        raise RuntimeError(f"not every message was published: {refused[:1]}")
    return time.monotonic() - started


def _codes(chance: random.Random, events: int, keys: str) -> Iterator[str]:
    if keys == "new":
        return (f"2{number:09d}" for number in chance.sample(range(10**9), events))
    weights = list(accumulate((rank + 1) ** -ZIPF_EXPONENT for rank in range(events)))
    ranks = chance.choices(range(events), cum_weights=weights, k=events)
    return (f"2{rank * 7919 % 10**9:09d}" for rank in ranks)


def _filler(size: int) -> list[dict[str, object]]:
    """Return order lines that bring an event to about `size` bytes."""
    chance = random.Random(SEED)  # noqa: S311  # the same load each time, no secret
    lines: list[dict[str, object]] = []
    while len(orjson.dumps(lines)) < size - 440:
        text = " ".join(chance.choices(WORDS, k=9))
        lines.append(
            {"sku": f"{chance.randrange(10**7)}", "quantity": 1 + len(lines), "price": 1990, "description": text}
        )
    return lines


def _value(name: str, number: int, identity: str, status: str, filler: list[dict[str, object]]) -> bytes:
    account, kind, affiliate, code = identity.split("|")
    at = (STARTED_AT + timedelta(milliseconds=number)).isoformat(timespec="milliseconds")[:23] + "Z"
    cause, message = CAUSES[number % len(CAUSES)]
    failed = status in {"error", "warning"}
    written = orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"{name}-{number:012d}",
            "source": f"/connectors/{affiliate.lower()}",
            "type": f"integration.{kind}.processed",
            "time": at,
            "datacontenttype": "application/json",
            "data": {
                "account": account,
                "kind": kind,
                "affiliate": affiliate,
                "code": code,
                "status": status,
                "processed_at": at,
                "aliases": {"vtex_order_id": f"{affiliate}-{code}"},
                "causes": [{"code": cause, "message": message, "field": None}] if failed else [],
                "payload": {"total": 100 + number, **({"lines": filler} if filler else {})},
            },
        }
    )
    return bytes(memoryview(written))  # a copy: orjson's own takes 4 kB, however short


def main() -> None:
    """Publish at a steady rate, open loop: a slow broker does not slow the schedule."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--size", type=int, default=512)
    chosen = parser.parse_args()
    load = make_load(f"r{chosen.rate}", int(chosen.rate * chosen.seconds) + PARTITIONS, size=chosen.size, keys="new")
    producer = Producer({"bootstrap.servers": chosen.bootstrap, "compression.type": "lz4", **ROOM})
    print("ready", flush=True)
    started = time.monotonic()
    for number, message in enumerate(load.messages[:-PARTITIONS]):
        if (early := started + number / chosen.rate - time.monotonic()) > 0.002:
            time.sleep(early)
        producer.produce(TOPIC, message.value, message.key)
        producer.poll(0)
    producer.flush(PUBLISH_SECONDS)


if __name__ == "__main__":
    main()
