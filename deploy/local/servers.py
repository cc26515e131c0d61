"""The ladder to a real Kafka and a real MongoDB: an address that is given → Docker → embedded.

Each server takes the first rung that holds; a folder with data of embedded servers stays with these. Whoever calls does not need to know which one it was.
"""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from deploy.local.cache import KafkaParts
from deploy.local.diagnosis import Finding, diagnose
from deploy.local.errors import LocalServerError
from deploy.local.folder import DataFolder
from deploy.local.given import check_kafka, check_mongo
from deploy.local.kafka import Kafka
from deploy.local.mongod import CACHE_GB, Mongod
from deploy.local.ports import choose_ports
from deploy.local.process import ChildProcess, stop_together
from shared.kafka.address import shown_servers

__all__ = ["Finding", "KafkaAddress", "LocalServerError", "MongoAddress", "Servers", "diagnose", "start_servers"]

Origin = Literal["given", "docker", "embedded"]
# Kafka and mongod stop within half a second; a full disk or a debugger may hold one, and kill -9 is safe for both.
_STOP_SECONDS: Final = 2.5
_LAST_WORDS: Final = 3
KAFKA_FOLDER: Final = "kafka"
MONGO_FOLDER: Final = "mongo"
"""Of an embedded server, in the data folder. Containers keep theirs in volumes."""


@dataclass(frozen=True)
class KafkaAddress:
    """`bootstrap` is `host:port`, several separated by commas; `pid` only of an embedded server, as it was first started."""

    bootstrap: str
    pid: int | None
    origin: Origin


@dataclass(frozen=True)
class MongoAddress:
    """`uri` is complete for any driver: change streams, transactions and `w=majority` work; `pid` as for Kafka."""

    uri: str
    pid: int | None
    origin: Origin


@dataclass(frozen=True)
class MongodShape:
    """How an embedded mongod is to run: server parameters, and gibibytes of cache."""

    parameters: Mapping[str, str]
    cache_gb: float


class Servers:
    """The two servers, running. Leave the `with` block or call `stop`, and what was started here is gone.

    `own_kafka` and `own_mongod` are those that run embedded, else None. One that has ended may be started again: it takes up its data
    on its port, and is stopped with the rest.
    """

    def __init__(
        self,
        kafka: KafkaAddress,
        mongo: MongoAddress,
        undo: ExitStack,
        own_kafka: Kafka | None = None,
        own_mongod: Mongod | None = None,
    ) -> None:
        self.kafka = kafka
        self.mongo = mongo
        self.own_kafka = own_kafka
        self.own_mongod = own_mongod
        self._undo = undo

    def stop(self) -> None:
        """Stop what was started, in reverse order, in 3 s at most; an ephemeral folder goes too. May be called twice."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def print_nothing(line: str) -> None:
    """The `report` of whoever wants to hear nothing."""


def start_servers(
    data: Path | None,
    *,
    environ: Mapping[str, str] | None = None,
    report: Callable[[str], None] = print_nothing,
    prefer_docker: bool = True,
    mongo_parameters: Mapping[str, str] | None = None,
    mongo_cache_gb: float = CACHE_GB,
) -> Servers:
    """Start what no address is given for, and return when both answer.

    data -- the folder that keeps the data from run to run, held until `stop`; None = a temporary one, removed then.
    environ -- PONTE_KAFKA_BOOTSTRAP and PONTE_MONGO_URI, if set and not empty, are used instead of starting a server;
        the process's own environment by default.
    report -- is told in one line each what is being done.
    mongo_parameters -- mongod's server parameters, e.g. `{"enableTestCommands": "1"}`; embedded only.
    mongo_cache_gb -- the size of its cache; embedded only.

    Raises LocalServerError, with nothing left running, when a server cannot be had. Any thread may call it.
    """
    environ = os.environ if environ is None else environ
    with ExitStack() as undo:
        # Before anything else, and with servers of others, too: our key and the services' logs stand there.
        folder = None if data is None else DataFolder.open(data)
        if folder is not None:
            undo.callback(folder.close)
        kafka = _given_kafka(environ, report)
        mongo = _given_mongo(environ, report)
        if prefer_docker and not (kafka and mongo):
            kafka, mongo = _in_docker(data, kafka, mongo, report, undo)
        if kafka and mongo:
            return Servers(kafka, mongo, undo.pop_all())
        try:
            shape = MongodShape(mongo_parameters or {}, mongo_cache_gb)
            return _embedded(folder, kafka, mongo, shape, report, undo)
        except OSError as error:
            raise LocalServerError(
                f"The servers cannot be started ({error}): free some space or choose another data folder."
            ) from error


def _given_kafka(environ: Mapping[str, str], report: Callable[[str], None]) -> KafkaAddress | None:
    bootstrap = environ.get("PONTE_KAFKA_BOOTSTRAP", "")
    if not bootstrap:
        return None
    check_kafka(bootstrap)
    report(f"Kafka: {shown_servers(bootstrap)}, as given")
    return KafkaAddress(bootstrap, None, "given")


def _given_mongo(environ: Mapping[str, str], report: Callable[[str], None]) -> MongoAddress | None:
    uri = environ.get("PONTE_MONGO_URI", "")
    if not uri:
        return None
    check_mongo(uri)
    report("MongoDB: as given")  # without the address: it may hold a password
    return MongoAddress(uri, None, "given")


def _in_docker(
    data: Path | None,
    kafka: KafkaAddress | None,
    mongo: MongoAddress | None,
    report: Callable[[str], None],
    undo: ExitStack,
) -> tuple[KafkaAddress | None, MongoAddress | None]:
    from deploy.local import containers

    if not containers.is_usable():
        return kafka, mongo
    if data is not None and _holds_embedded_data(data):
        report(f"no containers, though Docker is here: {data} holds the data of servers without it")
        return kafka, mongo
    try:
        if mongo is None:
            report("MongoDB: starting a container")
            mongo = MongoAddress(containers.start_mongo(data, undo), None, "docker")
        if kafka is None:
            report("Kafka: starting a container")
            kafka = KafkaAddress(containers.start_kafka(data, undo), None, "docker")
    except Exception as error:  # noqa: BLE001 - no network for an image, no rights, a full disk: the next rung decides
        report(f"Docker is of no help ({error}): starting the servers without it")
    return kafka, mongo


def _holds_embedded_data(data: Path) -> bool:
    return (data / KAFKA_FOLDER).exists() or (data / MONGO_FOLDER).exists()


def _embedded(
    folder: DataFolder | None,
    kafka: KafkaAddress | None,
    mongo: MongoAddress | None,
    shape: MongodShape,
    report: Callable[[str], None],
    undo: ExitStack,
) -> Servers:
    if folder is None:
        folder = DataFolder.ephemeral_one()
        undo.callback(folder.close)
    folder.check_space()
    ports = choose_ports(("kafka", "controller", "mongo"), folder.path / "ports.json")
    own_kafka = None if kafka else _make_kafka(folder, ports)
    own_mongo = None if mongo else _make_mongod(folder, ports["mongo"], shape)
    processes = [server.process for server in (own_kafka, own_mongo) if server]
    # What is thrown away anyway needs no orderly stop.
    undo.callback(lambda: stop_together(processes, 0 if folder.ephemeral else _STOP_SECONDS))
    undo.callback(lambda: _tell_of_the_dead(processes, report))
    # Both run before either is waited for. Kafka first: it takes longer, and mongod is made a set meanwhile.
    if own_kafka:
        report(f"Kafka: starting on port {own_kafka.port}")
        own_kafka.start()
    if own_mongo:
        report(f"MongoDB: starting on port {own_mongo.port}")
        own_mongo.start()
        own_mongo.wait_until_ready()
        mongo = MongoAddress(own_mongo.uri, own_mongo.process.pid, "embedded")
    if own_kafka:
        own_kafka.wait_until_ready()
        kafka = KafkaAddress(own_kafka.bootstrap, own_kafka.process.pid, "embedded")
    assert kafka  # noqa: S101 - each is given or own; mypy cannot see it
    assert mongo  # noqa: S101
    return Servers(kafka, mongo, undo.pop_all(), own_kafka, own_mongo)


def _tell_of_the_dead(processes: Sequence[ChildProcess], report: Callable[[str], None]) -> None:
    for process in processes:
        if process.has_ended():
            if process.exit_code() == -signal.SIGKILL:  # of which nobody can say anything
                report(f"{process.name} had been killed (SIGKILL), as the system does where memory is short")
                continue
            lines = process.log_lines()
            fatal = [line for line in lines if '"s":"F"' in line or "FATAL" in line] or lines
            words = "\n".join(line[:500] for line in fatal[-_LAST_WORDS:])
            report(f"{process.name} had ended by itself with code {process.exit_code()}; its last words:\n{words}")


def _make_kafka(folder: DataFolder, ports: Mapping[str, int]) -> Kafka:
    return Kafka(
        folder.path / KAFKA_FOLDER,
        ports["kafka"],
        ports["controller"],
        folder.path / "kafka.log",
        parts=KafkaParts.in_cache(),
        keep_open=(folder.lock_fd,),
    )


def _make_mongod(folder: DataFolder, port: int, shape: MongodShape) -> Mongod:
    return Mongod(
        folder.path / MONGO_FOLDER,
        port,
        folder.path / "mongod.log",
        parameters=shape.parameters,
        cache_gb=shape.cache_gb,
        keep_open=(folder.lock_fd,),
    )
