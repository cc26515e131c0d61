"""Data folders, ports and findings: what is decided before any server runs."""

import os
import shutil
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.local import diagnosis, folder, kafka, mongod
from deploy.local.diagnosis import diagnose
from deploy.local.errors import LocalServerError
from deploy.local.folder import DataFolder
from deploy.local.given import check_kafka
from deploy.local.libraries import missing_libraries
from deploy.local.ports import choose_ports, is_free
from deploy.local.process import ChildProcess
from deploy.local.servers import start_servers


class Usage(NamedTuple):
    """What shutil.disk_usage answers, in bytes."""

    total: int
    used: int
    free: int


class Available(NamedTuple):
    """What psutil.virtual_memory answers, in bytes."""

    available: int


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """A temporary folder of the test's own, for ephemeral runs."""
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / f"ponte-{os.getuid()}"


def test_a_folder_in_use_is_refused_with_the_pid_of_its_holder(tmp_path):
    held = DataFolder.open(tmp_path)

    with pytest.raises(LocalServerError, match=rf"in use by process {os.getpid()}: stop that one"):
        DataFolder.open(tmp_path)
    held.close()


def test_a_folder_given_back_may_be_taken_again(tmp_path):
    DataFolder.open(tmp_path).close()

    DataFolder.open(tmp_path).close()


def test_a_folder_that_is_a_file_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "data").touch()

    with pytest.raises(LocalServerError, match=r"cannot be written .*: choose another"):
        DataFolder.open(tmp_path / "data")


def test_a_full_disk_is_told_before_a_server_dies_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda _: Usage(0, 0, 3 * 2**20))

    with pytest.raises(LocalServerError, match="Only 3 MiB are free"):
        start_servers(tmp_path, environ={}, prefer_docker=False)
    DataFolder.open(tmp_path).close()  # and the lock was let go


def test_an_ephemeral_folder_is_gone_after_the_run(temporary):
    run = DataFolder.ephemeral_one()
    assert run.path.parent == temporary

    run.close()

    assert not run.path.exists()


def test_the_folder_of_a_killed_run_is_swept_by_the_next_one(temporary):
    alive = DataFolder.ephemeral_one()
    killed = temporary / "run-killed"
    killed.mkdir()
    (killed / "big").touch()

    DataFolder.ephemeral_one().close()

    assert not killed.exists()
    assert alive.path.exists()
    alive.close()


def make_link(root: Path) -> None:
    (root.parent / "elsewhere").mkdir(mode=0o700)
    root.symlink_to(root.parent / "elsewhere")


def make_open_to_all(root: Path) -> None:
    root.mkdir()
    root.chmod(0o777)


@pytest.mark.parametrize("make", [make_link, make_open_to_all])
def test_a_temporary_folder_that_others_may_write_to_is_refused(temporary, make):
    make(temporary)

    with pytest.raises(LocalServerError, match="you alone may write to: remove it, or set TMPDIR"):
        DataFolder.ephemeral_one()


def test_a_temporary_folder_of_somebody_else_is_refused(temporary, monkeypatch):
    temporary.mkdir(mode=0o700)
    mine = os.getuid()
    monkeypatch.setattr(folder.Path, "lstat", lambda _: os.stat_result((0o40700, 1, 1, 1, mine + 1, 0, 0, 0, 0, 0)))

    with pytest.raises(LocalServerError, match="you alone may write to"):
        DataFolder.ephemeral_one()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ponte.lock").symlink_to(tmp_path / "precious")

    with pytest.raises(LocalServerError, match="cannot be written"):
        DataFolder.open(tmp_path / "data")
    assert (tmp_path / "precious").read_text() == "kept"


def test_ports_stay_the_same_while_nobody_takes_them(tmp_path):
    first = choose_ports(("kafka", "mongo"), tmp_path / "ports.json")

    assert choose_ports(("kafka", "mongo"), tmp_path / "ports.json") == first
    assert len(set(first.values())) == 2


def test_a_port_that_somebody_took_is_replaced(tmp_path):
    first = choose_ports(("kafka", "mongo"), tmp_path / "ports.json")
    with socket.create_server(("127.0.0.1", first["mongo"])):
        second = choose_ports(("kafka", "mongo"), tmp_path / "ports.json")

    assert second["kafka"] == first["kafka"]
    assert second["mongo"] != first["mongo"]


def test_a_damaged_list_of_ports_is_written_anew(tmp_path):
    (tmp_path / "ports.json").write_text("{")

    assert all(is_free(port) for port in choose_ports(("kafka",), tmp_path / "ports.json").values())


@pytest.mark.parametrize("bootstrap", ["nowhere", "host:", ":9092", "host:port", " , "])
def test_a_bootstrap_address_that_is_none_is_named(bootstrap):
    with pytest.raises(LocalServerError, match="PONTE_KAFKA_BOOTSTRAP"):
        check_kafka(bootstrap)


def test_every_bad_finding_comes_with_a_remedy_and_a_missing_cache_is_a_hint(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(mongod.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(diagnosis.shutil, "disk_usage", lambda _: Usage(0, 0, 0))
    findings = {finding.name: finding for finding in diagnose(environ={"PONTE_CACHE_DIR": str(tmp_path)})}

    assert {name for name, finding in findings.items() if not finding.ok} == {
        "Kafka's jars",
        "mongod",
        "Disk",
    }
    hint = findings.pop("AOT cache")
    assert "Kafka starts slower" in hint.detail
    assert "`make setup`" in hint.remedy
    assert all(bool(finding.remedy) != finding.ok for finding in findings.values())


def test_given_servers_are_looked_at_instead_of_our_own(monkeypatch):
    monkeypatch.setattr(diagnosis, "check_kafka", lambda _: None)
    monkeypatch.setattr(diagnosis, "check_mongo", lambda _: None)
    names = [finding.name for finding in diagnose(environ={"PONTE_KAFKA_BOOTSTRAP": "k:1", "PONTE_MONGO_URI": "m"})]

    assert names == ["Kafka", "MongoDB", "Disk", "Memory", "Docker"]


@pytest.mark.parametrize("server", [kafka, mongod])
def test_a_full_disk_is_told_though_the_log_on_it_could_not_be_written(server, tmp_path, monkeypatch):
    ended = ChildProcess("a server", ["false"], None, tmp_path / "log").start()
    ended.wait(10)
    assert server._known_cause(ended) == ""

    monkeypatch.setattr("deploy.local.process.shutil.disk_usage", lambda _: Usage(2**30, 2**30, 0))
    assert "The disk is full" in server._known_cause(ended)


@pytest.mark.parametrize("is_running", [False, True])
def test_memory_is_asked_for_only_before_the_servers_have_taken_theirs(monkeypatch, is_running):
    monkeypatch.setattr(diagnosis.psutil, "virtual_memory", lambda: Available(2**20))
    (memory,) = [finding for finding in diagnose(environ={}, is_running=is_running) if finding.name == "Memory"]

    assert memory.ok == is_running
    assert ("beside the Ponte that runs" in memory.detail) == is_running


def test_shared_libraries_that_a_program_lacks_are_named(tmp_path, monkeypatch):
    tool = tmp_path / "ldd"
    tool.write_text(
        "#!/bin/sh\n"
        'echo "/x/mongod: /lib/libc.so.6: version \\`GLIBC_2.38\' not found (required by /x/mongod)"\n'
        'echo "	libcurl.so.4 => not found"\n'
        'echo "	libm.so.6 => /lib/libm.so.6 (0x1)"\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(shutil.which('sh') or '/bin/sh').parent}")

    assert missing_libraries(Path("/x/mongod")) == ["glibc 2.38", "libcurl.so.4"]
