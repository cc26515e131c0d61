"""The same two servers in Docker, through testcontainers, where a local engine answers.

Written by the documentation of the images and never run by its authors, whose machines have no engine: the tests
marked `docker` are there for whoever has one. When anything fails here, the ladder goes on to the embedded servers.
"""

import hashlib
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from deploy.local.errors import LocalServerError
from deploy.local.jars import KAFKA_VERSION
from deploy.local.kafka import PROPERTIES
from deploy.local.kafka_wire import answers, warm_up
from deploy.local.mongod import REPLICA_SET, STORAGE, join_replica_set
from deploy.local.ports import HOST, choose_port
from deploy.local.process import UNHURRIED_SHARES

_KAFKA_IMAGE: Final = f"apache/kafka:{KAFKA_VERSION}"
_MONGO_IMAGE: Final = "mongo:8"
_READY_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 1
_CLUSTER_ID: Final = "cG9udGUtbG9jYWwtZG9jaw"  # fixed: a volume that was formatted with it is taken up again


def is_usable() -> bool:
    """True when a Docker engine on this machine takes our requests and has both images: starting fetches nothing."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://") or not Path(host.removeprefix("unix://")).exists():
        return False  # elsewhere, our loopback addresses would not lead to it
    try:
        import docker

        client = docker.from_env(timeout=2)
        try:
            client.images.get(_KAFKA_IMAGE)
            client.images.get(_MONGO_IMAGE)
            return bool(client.ping())
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - no engine, no right to use it, no client library, no image: all the same here
        return False


def start_kafka(data: Path | None, undo: ExitStack) -> str:
    """Run a broker and wait for it. Answers `host:port`; `undo` removes the container. Raises LocalServerError."""
    port = choose_port()
    container = _container(_KAFKA_IMAGE, 9092, port).with_kwargs(cpu_shares=UNHURRIED_SHARES)
    for name, value in kafka_environment(port).items():
        container.with_env(name, value)
    _run(container, data, "kafka", "/var/lib/kafka/data", undo)
    deadline = time.monotonic() + _READY_SECONDS
    while not answers(HOST, port):
        _give_up_after(deadline, "Kafka")
    warm_up(HOST, port)
    return f"{HOST}:{port}"


def start_mongo(data: Path | None, undo: ExitStack) -> str:
    """Run a replica set of one and wait for it. Answers a URI; `undo` removes the container. Raises LocalServerError."""
    from pymongo import MongoClient
    from pymongo.errors import ConnectionFailure

    port = choose_port()
    container = _container(_MONGO_IMAGE, 27017, port)
    container.with_command(
        f"--replSet {REPLICA_SET} --bind_ip_all --wiredTigerCacheSizeGB 1 --noscripting --quiet "
        + " ".join(f"{option} {value}" for option, value in STORAGE.items())
    )
    _run(container, data, "mongo", "/data/db", undo)
    deadline = time.monotonic() + _READY_SECONDS
    # The member's host is the address inside the container: a driver must not go looking for it.
    uri = f"mongodb://{HOST}:{port}/?directConnection=true"
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=500) as client:
        while True:
            try:
                join_replica_set(client, "localhost:27017")
                if client.admin.command("hello").get("isWritablePrimary"):
                    return uri
            except ConnectionFailure:
                pass  # not there yet
            _give_up_after(deadline, "MongoDB")


def kafka_environment(port: int) -> dict[str, str]:
    """The image's variables: KAFKA_ + a property's name in capitals, dots as underscores.

    The broker reaches itself by a listener of its own, since the advertised port is one of the host.
    """
    addresses = {
        "listeners": "PLAINTEXT://:9092,BROKER://:19092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port},BROKER://localhost:19092",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.quorum.voters": "1@localhost:9093",
        "log.dirs": "/var/lib/kafka/data",
    }
    properties = PROPERTIES | addresses
    named = {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in properties.items()}
    return {"CLUSTER_ID": _CLUSTER_ID, "KAFKA_HEAP_OPTS": "-Xmx512m"} | named


def volume_name(data: Path, server: str) -> str:
    """The named volume that belongs to a data folder; the folder itself stays empty, its owner would not fit."""
    return f"ponte-{hashlib.sha256(str(data.absolute()).encode()).hexdigest()[:12]}-{server}"


def _container(image: str, inner_port: int, port: int) -> Any:
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(image)
    container.ports[str(inner_port)] = (HOST, port)  # with_bind_ports would bind every address
    return container


def _run(container: Any, data: Path | None, server: str, inner_folder: str, undo: ExitStack) -> None:
    if data is not None:
        container.with_volume_mapping(volume_name(data, server), inner_folder, "rw")
    undo.callback(container.stop)
    container.start()
    if data is not None:  # runs before the line above: removal alone would be a kill
        undo.callback(lambda: container.get_wrapped_container().stop(timeout=_STOP_SECONDS))


def _give_up_after(deadline: float, server: str) -> None:
    if time.monotonic() > deadline:
        raise LocalServerError(f"{server}'s container does not answer: look at `docker logs`, or stop the engine.")
    time.sleep(0.1)
