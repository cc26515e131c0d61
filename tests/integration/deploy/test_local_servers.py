"""The embedded servers, for real: they keep their data, die with us, and say what is wrong."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from pymongo import MongoClient

from deploy.local.cache import KafkaParts
from deploy.local.errors import LocalServerError
from deploy.local.install import install
from deploy.local.kafka import Kafka
from deploy.local.mongod import Mongod
from deploy.local.ports import choose_port
from deploy.local.servers import Servers, start_servers
from deploy.local.upkeep import NICENESS
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[3]
PARENT = """
import sys, time
from pathlib import Path
from deploy.local.servers import start_servers
servers = start_servers(Path(sys.argv[1]) if sys.argv[1] else None, environ={}, prefer_docker=False)
print(servers.kafka.pid, servers.mongo.pid, flush=True)
time.sleep(600)
"""


def start(data: Path | None, **given: str) -> Servers:
    return start_servers(data, environ=given, prefer_docker=False)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def put(servers: Servers, value: bytes) -> None:
    """Write `value` to both, durably."""
    admin = KafkaAdminClient(bootstrap_servers=servers.kafka.bootstrap)
    if "kept" not in admin.list_topics():
        admin.create_topics([NewTopic("kept", 1, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=servers.kafka.bootstrap)
    producer.send("kept", value).get(30)
    producer.close()
    with MongoClient(servers.mongo.uri, w="majority", journal=True) as client:
        client.test.kept.insert_one({"_id": value})


def read(servers: Servers) -> tuple[list[bytes], list[bytes]]:
    """All values in Kafka, all values in MongoDB."""
    consumer = KafkaConsumer(
        "kept", bootstrap_servers=servers.kafka.bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=2_000
    )
    values = [record.value for record in consumer]
    consumer.close()
    with MongoClient(servers.mongo.uri) as client:
        return values, [document["_id"] for document in client.test.kept.find().sort("_id")]


def cluster_id(servers: Servers) -> str:
    admin = KafkaAdminClient(bootstrap_servers=servers.kafka.bootstrap)
    try:
        return admin.describe_cluster()["cluster_id"]
    finally:
        admin.close()


def start_in_a_process(data: Path | None) -> tuple[subprocess.Popen[str], int, int]:
    """A parent of its own with both servers: the parent, Kafka's pid, mongod's pid."""
    argv = [sys.executable, "-c", PARENT, str(data or "")]
    parent = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout
    with parent.stdout:
        kafka_pid, mongo_pid = map(int, parent.stdout.readline().split())
    return parent, kafka_pid, mongo_pid


def test_an_ephemeral_run_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    with start(None) as servers:
        pids = [servers.kafka.pid, servers.mongo.pid]
        assert not any(is_gone(pid) for pid in pids if pid)

    assert all(is_gone(pid) for pid in pids if pid)
    assert not list(tmp_path.glob("ponte-*/run-*"))


def test_a_server_that_ended_by_itself_is_told_of_with_its_last_words():
    told = []
    with start_servers(None, environ={}, prefer_docker=False, report=told.append) as servers:
        os.kill(servers.mongo.pid, signal.SIGABRT)
        os.waitid(os.P_PID, servers.mongo.pid, os.WEXITED | os.WNOWAIT)
    line = told[-1]
    assert line.startswith(f"mongod had ended by itself with code {-signal.SIGABRT}")
    assert "Got signal: 6 (Aborted)" in line
    assert not any(line.startswith("kafka had ended") for line in told)


def test_change_streams_transactions_and_majority_work():
    with start(None) as servers, MongoClient(servers.mongo.uri) as client:
        client.test.create_collection("things")
        with client.test.things.watch() as changes, client.start_session() as session:
            session.with_transaction(lambda own: client.test.things.insert_one({"_id": 1}, session=own))
            assert changes.next()["documentKey"] == {"_id": 1}


def niceness_of_threads(pid: int) -> dict[str, set[int]]:
    """Return by the name of a thread how much longer than the process it waits, the first thread left out."""
    own, found = psutil.Process(pid).nice(), defaultdict(set)
    for thread in Path(f"/proc/{pid}/task").iterdir():
        if thread.name == str(pid):
            continue
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            found[(thread / "comm").read_text().strip()].add(os.getpriority(os.PRIO_PROCESS, int(thread.name)) - own)
    return found


def test_what_tidies_up_in_mongodb_lets_all_others_go_first_again_after_a_restart(tmp_path):
    mongod = Mongod(tmp_path / "mongo", choose_port(), tmp_path / "mongod.log", cache_gb=0.25)
    try:
        for wait in (mongod.wait_until_ready, lambda: eventually(mongod.is_ready)):
            mongod.start()
            wait()
            found = niceness_of_threads(mongod.process.pid)
            yielding = {"Checkpointer", "mongod"}
            assert {name: found.pop(name) for name in yielding} == {name: {NICENESS} for name in yielding}
            assert set().union(*found.values()) == {0}
            mongod.process.stop(15)
    finally:
        mongod.process.kill()


def test_kept_data_survives_a_restart_on_other_ports(tmp_path):
    data = tmp_path / "loja do João, nova"  # nor does a space, an accent or a comma in its path harm it
    with start(data) as first:
        put(first, b"1")
        cluster = cluster_id(first)
    (data / "ports.json").unlink()

    with start(data) as second:
        assert second.kafka.bootstrap != first.kafka.bootstrap
        assert second.mongo.uri != first.mongo.uri
        assert cluster_id(second) == cluster
        put(second, b"2")
        assert read(second) == ([b"1", b"2"], [b"1", b"2"])


def test_kept_data_survives_a_kill_of_both_servers(tmp_path):
    with start(tmp_path) as first:
        put(first, b"1")
        for pid in (first.kafka.pid, first.mongo.pid):
            psutil.Process(pid).kill()

    with start(tmp_path) as second:
        assert read(second) == ([b"1"], [b"1"])


def test_what_a_killed_kafka_has_unpacked_is_swept_away_by_the_next_one(tmp_path):
    scratch = tmp_path / "kafka" / "tmp"
    with start(tmp_path) as first:
        put(first, b"1")
        producer = Producer({"bootstrap.servers": first.kafka.bootstrap, "compression.type": "lz4"})
        producer.produce("kept", b"x" * 500)
        producer.flush(30)
        left = set(scratch.iterdir())
        psutil.Process(first.kafka.pid).kill()
    assert any("lz4" in path.name for path in left)

    with start(tmp_path):
        assert not left & set(scratch.iterdir())


def test_a_server_that_was_killed_is_told_of_without_words_that_it_did_not_say():
    told = []
    with start_servers(None, environ={}, prefer_docker=False, report=told.append) as servers:
        os.kill(servers.mongo.pid, signal.SIGKILL)
        os.waitid(os.P_PID, servers.mongo.pid, os.WEXITED | os.WNOWAIT)
    assert told[-1].startswith("mongod had been killed")


def test_an_orderly_stop_takes_three_seconds_at_most(tmp_path):
    servers = start(tmp_path)
    put(servers, b"1")
    began = time.monotonic()

    servers.stop()

    assert time.monotonic() - began < 3
    assert (
        "Shutting down" in (tmp_path / "mongod.log").read_text()
        or (tmp_path / "mongo" / "mongod.lock").stat().st_size == 0
    )
    assert (tmp_path / "kafka" / "log" / ".kafka_cleanshutdown").exists()


@pytest.mark.parametrize("keeps_data", [True, False])
def test_a_killed_parent_leaves_no_server_behind(tmp_path, keeps_data):
    parent, *servers = start_in_a_process(tmp_path if keeps_data else None)

    parent.kill()
    parent.wait()

    for pid in servers:
        eventually(lambda pid=pid: is_gone(pid))


def test_a_run_right_after_a_killed_one_waits_for_its_dying_servers(tmp_path):
    parent, *_ = start_in_a_process(tmp_path)
    parent.kill()
    parent.wait()

    with start(tmp_path) as servers:
        put(servers, b"1")


def test_two_runs_on_one_data_folder_are_refused_with_the_pid_of_the_first(tmp_path):
    parent, *_ = start_in_a_process(tmp_path)
    try:
        with pytest.raises(LocalServerError, match=rf"in use by process {parent.pid}\b"):
            start(tmp_path)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()


def test_given_addresses_are_used_and_left_alone():
    with start(None) as ours:
        with start(None, PONTE_KAFKA_BOOTSTRAP=ours.kafka.bootstrap, PONTE_MONGO_URI=ours.mongo.uri) as given:
            assert (given.kafka.bootstrap, given.mongo.uri) == (ours.kafka.bootstrap, ours.mongo.uri)
            assert given.kafka.origin == given.mongo.origin == "given"
            assert given.kafka.pid is given.mongo.pid is None
        assert ours.kafka.pid
        assert not is_gone(ours.kafka.pid)


def test_one_given_address_starts_the_other_server_only(tmp_path):
    with start(None) as ours, start(tmp_path, PONTE_KAFKA_BOOTSTRAP=ours.kafka.bootstrap) as mixed:
        assert (mixed.kafka.origin, mixed.mongo.origin) == ("given", "embedded")
        assert not (tmp_path / "kafka").exists()


def test_a_given_address_where_nobody_answers_is_named():
    nobody = f"127.0.0.1:{choose_port()}"

    with pytest.raises(LocalServerError, match=rf"PONTE_KAFKA_BOOTSTRAP \({nobody}\): start it"):
        start(None, PONTE_KAFKA_BOOTSTRAP=nobody)


def test_a_password_in_a_given_address_is_not_repeated(monkeypatch):
    monkeypatch.setattr("deploy.local.given._PATIENCE_SECONDS", 0.1)

    with pytest.raises(LocalServerError) as told:
        start(None, PONTE_MONGO_URI=f"mongodb://user:secret@127.0.0.1:{choose_port()}/?replicaSet=x")
    assert "secret" not in str(told.value)
    assert "PONTE_MONGO_URI" in str(told.value)


def test_a_taken_port_is_told_in_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", choose_port())) as taken:
        port = taken.getsockname()[1]
        mongod = Mongod(tmp_path / "mongo", port, tmp_path / "mongod.log")
        kafka = Kafka(tmp_path / "kafka", port, choose_port(), tmp_path / "kafka.log", parts=KafkaParts.in_cache())
        mongod.start()
        kafka.start()
        eventually(lambda: not mongod.process.is_running() and not kafka.process.is_running())

    for server in (mongod, kafka):
        with pytest.raises(LocalServerError, match="port is taken by another program"):
            server.wait_until_ready()


def test_a_connection_that_closes_while_the_set_is_made_is_opened_again(tmp_path):
    refusal = json.dumps({"mode": {"times": 1}, "data": {"failCommands": ["replSetInitiate"], "closeConnection": True}})
    parameters = {"enableTestCommands": "1", "failpoint.failCommand": refusal}
    mongod = Mongod(tmp_path / "mongo", choose_port(), tmp_path / "mongod.log", parameters=parameters)
    mongod.start()
    try:
        mongod.wait_until_ready()
        with MongoClient(mongod.uri) as client:
            client.test.kept.insert_one({})
            fired = client.admin.command("configureFailPoint", "failCommand", mode="off")["count"]
        assert fired == 1
    finally:
        mongod.process.stop(grace_seconds=10)


def test_a_start_that_fails_leaves_no_server_and_no_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("PONTE_CACHE_DIR", str(tmp_path / "empty"))
    with pytest.raises(LocalServerError, match="run `make setup` once with network"):
        start(tmp_path / "data")
    monkeypatch.undo()

    start(tmp_path / "data").stop()


def test_fail_points_are_there_for_tests_that_ask():
    with (
        start_servers(None, environ={}, prefer_docker=False, mongo_parameters={"enableTestCommands": "1"}) as servers,
        MongoClient(servers.mongo.uri) as client,
    ):
        answer = client.admin.command("configureFailPoint", "failCommand", mode="off")
    assert answer["ok"] == 1


def test_an_install_that_is_done_does_nothing():
    install(lambda _: None)
    said: list[str] = []
    began = time.monotonic()

    install(said.append)

    assert not said
    assert time.monotonic() - began < 0.3


def test_an_install_without_network_says_so_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PONTE_CACHE_DIR", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{choose_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    with pytest.raises(
        LocalServerError, match=r"There is no network and Kafka's jars are not in .*: run `make setup` once"
    ):
        install(lambda _: None)
    assert not list(tmp_path.rglob("*.jar"))
