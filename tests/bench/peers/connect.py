"""Kafka Connect standalone with MongoDB's sink, as a careful operator would set it up for this topic.

Entries are replaced by `_id`, which is the record's key as for ours (the key is hoisted into a document, `ProvidedInKeyStrategy`);
a second connector inserts every event as an attempt. Bulks are unordered, polls bring 5,000 records, the JVM runs with the options
that Kafka's own start script gives it.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.local.cache import cache_folder, find_java
from deploy.local.install import _maven
from deploy.local.kafka import java_environment
from deploy.local.ports import HOST, choose_port
from deploy.local.process import UNHURRIED, ChildProcess
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from tests.bench.contender import Stage
from tests.bench.loadgen import TOPIC

KAFKA = "4.3.0"
SINK = "org.mongodb.kafka:mongo-kafka-connect:2.0.1:all"
ROOTS = (
    f"org.apache.kafka:connect-runtime:{KAFKA}",
    f"org.apache.kafka:connect-json:{KAFKA}",
    f"org.apache.kafka:connect-transforms:{KAFKA}",
    "org.slf4j:slf4j-simple:1.7.36",
)
DIGEST = "0bf25ab4912e89b4381320ddea508d18d2fbab91cccbd4dd65c2a85e14097d04"
"""Of all 57 jars, as `_digest` makes it."""

STRATEGY = "com.mongodb.kafka.connect.sink"
SCRIPT_OPTIONS = (
    *("-Xms256M", "-Xmx2G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
    *("-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"),
)
"""What connect-standalone.sh and kafka-run-class.sh of Kafka 4.3 set."""


class Connect:
    """The sink with so many tasks; `attempts` adds the second connector, in the same worker."""

    own_model = False

    def __init__(self, tasks: int, *, attempts: bool = False) -> None:
        self.name = f"Connect, {tasks} task{'s' if tasks > 1 else ''}, {'both writes' if attempts else 'state only'}"
        self.writes_attempts = attempts
        self.undone = (
            "no guard (the last to arrive wins), no count, no dead letters set up, no validation, raw event stored"
            + ("; a redelivered attempt fails the task" if attempts else "; no attempts")
        )
        self._tasks = tasks

    def prepare(self) -> None:
        """Fetch the jars once, into the user's cache. Raises RuntimeError without network."""
        if not _folder().exists():
            _fetch(_folder())

    def start(self, stage: Stage) -> Sequence[ChildProcess]:
        """Start one worker with its connectors."""
        worker = {
            "bootstrap.servers": stage.bootstrap,
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            "offset.storage.file.filename": str(stage.folder / "offsets"),
            "offset.flush.interval.ms": "10000",
            "listeners": f"http://{HOST}:{choose_port()}",
            "plugin.path": str(_folder() / "plugins"),
            "connector.client.config.override.policy": "All",
        }
        connectors = [self._entries(stage), *([self._attempts(stage)] if self.writes_attempts else [])]
        files = [_write(stage.folder / "worker.properties", worker)]
        files += [_write(stage.folder / f"{one['name']}.properties", one) for one in connectors]
        log = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",)
        argv = [str(find_java()), *SCRIPT_OPTIONS, *log, "-cp", f"{_folder() / 'libs'}/*"]
        argv += ["org.apache.kafka.connect.cli.ConnectStandalone", *files]
        log_path = stage.folder / "connect.log"
        process = ChildProcess("connect", argv, java_environment(), log_path, cwd=stage.folder, niceness=UNHURRIED)
        return [process.start()]

    def _entries(self, stage: Stage) -> dict[str, str]:
        return self._sink(stage, "state", LOG_ENTRIES) | {
            "transforms": "key",
            "transforms.key.type": "org.apache.kafka.connect.transforms.HoistField$Key",
            "transforms.key.field": "_id",
            "document.id.strategy": f"{STRATEGY}.processor.id.strategy.ProvidedInKeyStrategy",
            "writemodel.strategy": f"{STRATEGY}.writemodel.strategy.ReplaceOneDefaultStrategy",
        }

    def _attempts(self, stage: Stage) -> dict[str, str]:
        return self._sink(stage, "attempts", ATTEMPTS) | {
            "document.id.strategy": f"{STRATEGY}.processor.id.strategy.PartialValueStrategy",
            "document.id.strategy.partial.value.projection.type": "AllowList",
            "document.id.strategy.partial.value.projection.list": "data.account,data.kind,data.affiliate,data.code,source,id",
            "writemodel.strategy": f"{STRATEGY}.writemodel.strategy.InsertOneDefaultStrategy",
        }

    def _sink(self, stage: Stage, name: str, collection: str) -> dict[str, str]:
        return {
            "name": name,
            "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
            "tasks.max": str(self._tasks),
            "topics": TOPIC,
            "connection.uri": f"{stage.mongo_uri}&w=majority&journal=true",
            "database": stage.database,
            "collection": collection,
            "bulk.write.ordered": "false",
            "consumer.override.max.poll.records": "5000",
            "consumer.override.auto.offset.reset": "earliest",
        }


def _folder() -> Path:
    return cache_folder() / f"connect-{KAFKA}"


def _fetch(folder: Path) -> None:
    """Resolve and download everything beside the place, then move it there: a folder that exists is whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="partial-") as partial:
        context: Any = _maven(Path(partial) / "fetched")
        print(f"fetching Kafka Connect {KAFKA} and MongoDB's sink, once (40 MB)", flush=True)
        roots, others = context.resolver.resolve([context.create_dependency(root) for root in ROOTS])
        whole = Path(partial) / "whole"
        (whole / "libs").mkdir(parents=True)
        (whole / "plugins" / "mongo").mkdir(parents=True)
        for jar in (*roots, *others):
            shutil.move(jar.artifact.resolve(), whole / "libs")
        shutil.move(context.create_dependency(SINK).artifact.resolve(), whole / "plugins" / "mongo")
        if (digest := _digest(whole)) != DIGEST:
            raise RuntimeError(f"Connect's jars came damaged or altered (digest {digest}): try again")
        whole.rename(folder)


def _digest(folder: Path) -> str:
    """Return one hash over the names and the bytes of all jars."""
    total = hashlib.sha256()
    for jar in sorted(folder.rglob("*.jar")):
        total.update(f"{jar.name} {hashlib.sha256(jar.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _write(path: Path, properties: dict[str, str]) -> str:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    return str(path)
