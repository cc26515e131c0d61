"""Kafka without a container: one broker that is its own controller, on the Java runtime from a wheel."""

import os
import shutil
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.local.cache import KafkaParts
from deploy.local.errors import LocalServerError
from deploy.local.kafka_wire import answers, warm_up
from deploy.local.ports import HOST
from deploy.local.process import UNHURRIED, ChildProcess

READY_SECONDS: Final = 60.0
# Relative: the value is a list in Latin-1, where a path with a comma or an accent would not survive.
LOG_FOLDER: Final = "log"
SCRATCH_FOLDER: Final = "tmp"
"""Where the JVM unpacks libraries. Who is killed leaves them behind: in the system's temporary folder they would pile up."""
# Of the embedded broker and of the container alike.
PROPERTIES: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    # A single broker: nothing can be copied anywhere.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # 50 partitions each by default: files to open, load and recover for nothing.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    # A worker that starts gets its partitions now, one that died leaves them soon.
    "group.initial.rebalance.delay.ms": "0",
    "group.consumer.assignment.interval.ms": "0",
    "group.consumer.min.heartbeat.interval.ms": "500",
    "group.consumer.heartbeat.interval.ms": "1000",
    "group.consumer.min.session.timeout.ms": "6000",
    "group.consumer.session.timeout.ms": "10000",
    # After a kill the controller refuses the broker until the session of the killed one is over: 9 s by default.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    # Topics are made by us, with their partitions and retention; a misspelt name is an error.
    "auto.create.topics.enable": "false",
    "log.retention.hours": "168",
    "log.segment.bytes": str(256 * 1024 * 1024),
    "log.index.size.max.bytes": str(2 * 1024 * 1024),
    # 128 MiB of heap by default, for a compaction of a few offsets.
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
    # Two cores are shared by everything.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "metadata.max.idle.interval.ms": "0",  # an idle broker writes nothing
}
_JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",  # starts 0.1 s sooner than G1, and takes no core from the others
    "-XX:-UsePerfData",  # no file in the temporary folder
    "-Djava.awt.headless=true",
    # Into Kafka's log goes what a person may act on, not the JVM's own remarks.
    *("-Xlog:disable", "-Xlog:all=error:stderr", "--sun-misc-unsafe-memory-access=allow"),
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


class Kafka:
    """One broker on 127.0.0.1:`port`, its data in `data` (an older one is taken up, on any ports).

    `jvm_options` and `properties` come after our own. The log's level is PONTE_KAFKA_LOG_LEVEL: `warn`, or `info`, `debug`.
    """

    def __init__(
        self,
        data: Path,
        port: int,
        controller_port: int,
        log_path: Path,
        *,
        parts: KafkaParts,
        jvm_options: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        keep_open: tuple[int, ...] = (),
    ) -> None:
        self.port = port
        self._data = data
        self._parts = parts
        self._properties = kafka_properties(port, controller_port, properties)
        options = [f"-Djava.io.tmpdir={SCRATCH_FOLDER}", *jvm_options]
        argv = java_arguments(parts, "kafka.Kafka", ["server.properties"], options)
        self.process = ChildProcess(
            "Kafka", argv, java_environment(), log_path, cwd=data, keep_open=keep_open, niceness=UNHURRIED
        )

    @property
    def bootstrap(self) -> str:
        """`host:port` for any client."""
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        """Run it and return at once. Raises LocalServerError when the jars are missing."""
        self._parts.require()
        self._data.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._data / SCRATCH_FOLDER, ignore_errors=True)
        (self._data / SCRATCH_FOLDER).mkdir()
        copy_formatted(self._parts.template, self._data / LOG_FOLDER)
        (self._data / "server.properties").write_text(self._properties)
        self.process.start()

    def wait_until_ready(self, timeout_seconds: float = READY_SECONDS) -> None:
        """Return when topics can be made and written. Raises LocalServerError: it ended, or no answer in time."""
        deadline = time.monotonic() + timeout_seconds
        while not self.is_ready():
            if not self.process.is_running():
                unknown = f"Kafka ended with code {self.process.exit_code()}: see {self.process.log_path}."
                raise LocalServerError(self.known_cause() or unknown)
            if time.monotonic() > deadline:
                raise LocalServerError(f"Kafka does not answer on port {self.port}: see {self.process.log_path}.")
            time.sleep(0.01)
        warm_up(HOST, self.port)

    def is_ready(self) -> bool:
        """True when it is ready for work, again or still; takes a second at most."""
        return answers(HOST, self.port)

    def known_cause(self) -> str:
        """One sentence on why it ended and what to do about it; empty where its log does not tell."""
        return _known_cause(self.process)


def kafka_properties(port: int, controller_port: int, more: Mapping[str, str] | None = None) -> str:
    """The text of `server.properties`: loopback only, both listeners; the data in `log` of the working folder. `more` wins."""
    addresses = {
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "log.dirs": LOG_FOLDER,
    }
    return "".join(f"{name}={value}\n" for name, value in (PROPERTIES | addresses | dict(more or {})).items())


def java_arguments(parts: KafkaParts, main: str, arguments: Sequence[str], options: Sequence[str] = ()) -> list[str]:
    """The command line of one of Kafka's programs; with the AOT cache when there is one."""
    level = os.environ.get("PONTE_KAFKA_LOG_LEVEL", "warn")
    aot = [f"-XX:AOTCache={parts.aot}"] if parts.aot.exists() else []
    return [
        *(str(parts.java), *_JVM, f"-Dorg.slf4j.simpleLogger.defaultLogLevel={level}", *aot, *options),
        *("-cp", parts.classpath, main, *arguments),
    ]


def java_environment() -> dict[str, str]:
    """Ours, without what would add options behind our back: with other options the JVM refuses its AOT cache."""
    unwanted = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return kept | {"LC_ALL": "C.UTF-8"}  # in the plain C locale the JVM cannot open a path with an accent


def copy_formatted(template: Path, log_folder: Path) -> None:
    """Make `log_folder` a formatted one with ids of its own, unless it is one already.

    The tool that Kafka brings for it starts a JVM for 1.5 s; the ids are two lines of text.
    Raises LocalServerError when the folder holds something else.
    """
    if (log_folder / "meta.properties").exists():
        return
    if log_folder.exists():  # a copy appears whole or not at all, so this is none of ours to remove
        raise LocalServerError(f"{log_folder} lacks its meta.properties: restore it or choose another data folder.")
    partial = log_folder.with_name(log_folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(template, partial)
    ids = {"version": "1", "node.id": "1", "cluster.id": _kafka_uuid(), "directory.id": _kafka_uuid()}
    (partial / "meta.properties").write_text("".join(f"{name}={value}\n" for name, value in ids.items()))
    partial.rename(log_folder)


def _kafka_uuid() -> str:
    """22 characters, as Kafka writes ids. One that starts with a dash looks like an option to its tools."""
    while (text := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _known_cause(process: ChildProcess) -> str:
    text = "\n".join(process.log_lines())
    if "Address already in use" in text:
        return "Kafka's port is taken by another program: stop that one or choose another port."
    if "No space left on device" in text or not process.has_room():
        return "The disk is full, so Kafka cannot start: free some space."
    if "Failed to acquire lock on file .lock" in text:
        return "Another Kafka already works on this data folder: stop it or choose another folder."
    if "Could not reserve enough space" in text or "insufficient memory" in text:
        return "There is not enough memory for Kafka (about 600 MB): close some programs."
    return ""
