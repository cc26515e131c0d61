"""A training run of Kafka: the JVM records what it loads and compiles, and writes it down as an AOT cache."""

from pathlib import Path

from deploy.local.cache import KafkaParts
from deploy.local.errors import LocalServerError
from deploy.local.kafka import Kafka
from deploy.local.ports import choose_ports

_TOPIC = "training"
_MESSAGES = 2_000


def train(parts: KafkaParts, folder: Path, timeout_seconds: float) -> Path:
    """Start a broker in `folder`, use it a little, stop it. Answers the path of the cache that the JVM left there."""
    aot = folder / "kafka.aot"
    ports = choose_ports(("kafka", "controller"), folder / "ports.json")
    kafka = Kafka(
        folder / "data",
        ports["kafka"],
        ports["controller"],
        folder / "kafka.log",
        parts=parts,
        jvm_options=[f"-XX:AOTCacheOutput={aot}"],
    )
    try:
        kafka.start()
        kafka.wait_until_ready(timeout_seconds)
        _use(kafka.bootstrap)
    finally:
        # The JVM assembles the cache on its way out, in a child of its own: so much patience.
        kafka.process.stop(timeout_seconds)
    if not aot.exists():
        raise LocalServerError("the JVM left no AOT cache")
    return aot


def _use(bootstrap: str) -> None:
    """What the first seconds of every run are made of: topics, batches, a group, commits."""
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient, NewTopic

    server = {"bootstrap.servers": bootstrap, "log_level": 0}
    admin = AdminClient(server)  # a name of its own: unreferenced, it gives up its requests
    for made in admin.create_topics([NewTopic(_TOPIC, 4, 1)]).values():
        made.result(30)
    producer = Producer(server | {"enable.idempotence": True, "compression.type": "lz4"})
    for number in range(_MESSAGES):
        producer.produce(_TOPIC, key=str(number), value=b"x" * 500)
    producer.flush(30)
    for protocol in ("classic", "consumer"):
        group = {"group.id": protocol, "group.protocol": protocol, "auto.offset.reset": "earliest"}
        consumer = Consumer(server | group)
        consumer.subscribe([_TOPIC])
        seen = 0
        for _ in range(100):
            seen += len(consumer.consume(_MESSAGES, timeout=0.3))
            if seen >= _MESSAGES:
                consumer.commit(asynchronous=False)
                break
        consumer.close()
