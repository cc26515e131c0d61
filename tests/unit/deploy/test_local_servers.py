"""Which rung of the ladder is taken, with no server run."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local import containers, servers
from deploy.local.errors import LocalServerError
from deploy.local.servers import KafkaAddress, MongoAddress, Servers, start_servers

EMBEDDED = Servers(KafkaAddress("k:1", 1, "embedded"), MongoAddress("mongodb://m", 2, "embedded"), ExitStack())


@pytest.fixture(autouse=True)
def docker(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine with both images, and a machine that can run the servers without it."""
    monkeypatch.setattr(containers, "is_usable", lambda: True)
    monkeypatch.setattr(containers, "start_kafka", lambda *_: "docker:1")
    monkeypatch.setattr(containers, "start_mongo", lambda *_: "mongodb://docker")
    monkeypatch.setattr(servers, "_embedded", lambda *_: EMBEDDED)


@pytest.mark.parametrize("folder", [None, "new"])
def test_docker_is_taken_where_it_is_and_nothing_is_kept_elsewhere(tmp_path: Path, folder: str | None) -> None:
    with start_servers(tmp_path / folder if folder else None, environ={}) as running:
        assert running.kafka.origin == "docker"


@pytest.mark.parametrize("server", ["kafka", "mongo"])
def test_a_folder_with_data_of_embedded_servers_stays_with_them_and_it_is_said(tmp_path: Path, server: str) -> None:
    (tmp_path / server).mkdir()
    told: list[str] = []

    assert start_servers(tmp_path, environ={}, report=told.append).kafka.origin == "embedded"
    (line,) = told
    assert "though Docker is here" in line
    assert str(tmp_path) in line


def test_a_folder_is_held_with_servers_of_others_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(servers, "check_kafka", lambda _: None)
    monkeypatch.setattr(servers, "check_mongo", lambda _: None)
    given = {"PONTE_KAFKA_BOOTSTRAP": "k:1", "PONTE_MONGO_URI": "mongodb://m"}

    with start_servers(tmp_path, environ=given), pytest.raises(LocalServerError, match="in use by process"):
        start_servers(tmp_path, environ=given)
    start_servers(tmp_path, environ=given).stop()
