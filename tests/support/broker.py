"""A Kafka of one's own, to be stopped, killed and frozen: it comes back on the same folder and the same ports."""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local.cache import KafkaParts
from deploy.local.kafka import Kafka
from deploy.local.ports import choose_port

STOP_SECONDS = 15
KAFKA_FOLDER = "kafka"


class Broker:
    """One broker. Whoever froze it thaws it again."""

    def __init__(self, folder: Path, *, ports: Sequence[int] = (), properties: Mapping[str, str] | None = None) -> None:
        port, controller_port = ports or choose_ports_apart(2)
        self._kafka = Kafka(
            folder / KAFKA_FOLDER,
            port,
            controller_port,
            folder / "kafka.log",
            parts=KafkaParts.in_cache(),
            properties=properties,
        )

    @property
    def bootstrap(self) -> str:
        return self._kafka.bootstrap

    def start(self) -> None:
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start it and return at once: one of several is not ready alone."""
        self._kafka.start()

    def wait_until_ready(self) -> None:
        self._kafka.wait_until_ready()

    def stop(self) -> None:
        """Ask it to stop, as a person would who restarts it."""
        self._kafka.process.stop(STOP_SECONDS)

    def kill(self) -> None:
        self._kafka.process.kill()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Connections stay open and nobody answers."""
        os.kill(self._kafka.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._kafka.process.pid, signal.SIGCONT)


def choose_ports_apart(count: int) -> list[int]:
    """Return free ports, no two the same."""
    ports: list[int] = []
    for _ in range(count):
        ports.append(choose_port(ports))
    return ports


@contextmanager
def own_broker(folder: Path) -> Iterator[Broker]:
    """Run a broker for the block; its data stays in `folder`."""
    broker = Broker(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
