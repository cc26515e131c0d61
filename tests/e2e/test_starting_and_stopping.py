import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from deploy.local.folder import DataFolder
from deploy.local.process import UNHURRIED
from shared.contracts.names import KINDS
from tests.support.builders import make_data
from tests.support.eventually import eventually
from tests.support.ponte import RunningPonte, is_alive

STOP_SECONDS = 5.0


def try_to_listen(address: tuple[str, int]) -> socket.socket | None:
    with contextlib.suppress(OSError):
        return socket.create_server(address)
    return None


def publish(ponte: RunningPonte, code: str) -> None:
    published = ponte.run("publish", "-", text=json.dumps(make_data(code=code)))
    assert published.returncode == 0, published.stderr


def test_ctrl_c_stops_everything_within_five_seconds(tmp_path):
    with RunningPonte("--data", str(tmp_path)) as ponte:
        pids = ponte.pids()
        asked_at = time.monotonic()
        code = ponte.stop()
        took = time.monotonic() - asked_at
    assert took < STOP_SECONDS, f"{took:.1f} s"
    assert code == 0
    assert [name for name, pid in pids.items() if is_alive(pid)] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_the_servers_start_is_a_stop(tmp_path, number):
    ponte = RunningPonte("--data", str(tmp_path))
    eventually(lambda: "MongoDB: starting" in ponte.said())
    own = psutil.Process(ponte.process.pid)
    # Between its fork and its program a child is still a copy of us: suspended there, nobody could end it.
    copy = own.cmdline()
    started = eventually(
        own.children, lambda found: len(found) == 2 and copy not in [child.cmdline() for child in found]
    )
    for child in started:
        child.suspend()  # else it might be ready too soon
    ponte.process.send_signal(number)
    assert ponte.process.wait(STOP_SECONDS) == 0
    assert ponte.said().splitlines()[-1] == "stopped before everything ran"
    # What was being started in that very moment the kernel ends: a moment later.
    eventually(lambda: [child for child in started if is_alive(child.pid)], lambda left: left == [], within=5)
    DataFolder.open(tmp_path).close()


def test_a_killed_ponte_leaves_nothing_behind_and_starts_again_on_its_data(tmp_path):
    with RunningPonte("--data", str(tmp_path)) as ponte:
        key = ponte.key
        pids = ponte.pids()
        ponte.process.kill()
        ponte.process.wait()
        eventually(lambda: [name for name, pid in pids.items() if is_alive(pid)], lambda left: left == [], within=5)
    with RunningPonte("--data", str(tmp_path)) as again:
        assert again.key == key
        assert again.ask("GET", "/v1/logs/order")[0] == 200


def test_a_worker_that_died_is_started_again(tmp_path):
    with RunningPonte("--data", str(tmp_path)) as ponte:
        victim = ponte.pids()["reprocessor"]
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: ponte.pids()["reprocessor"], lambda pid: pid != victim and is_alive(pid))
        assert "reprocessor ended with -9: again in 0.5 s; it was killed (log: " in ponte.said()


def test_status_tells_of_each_service_whether_it_is_ready_and_where_its_log_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with RunningPonte("--data", "kept") as ponte:
        monkeypatch.chdir("/")
        # Those whom nobody waits for at the start may need a moment longer.
        told = eventually(lambda: ponte.run("status"), lambda told: told.returncode == 0, within=60).stdout
        rows = {line.split()[0]: line for line in told.splitlines()}
        for service in ("ingest", "query", "reprocessor", "exporter"):
            assert rows[service].split()[1] == "ready"
            assert Path(rows[service].split()[-1]).is_file()
        assert "/sign-in?code=" in rows["sign"]

        frozen = ponte.pids()["ingest"]
        os.kill(frozen, signal.SIGSTOP)
        try:
            told = ponte.run("status")
        finally:
            os.kill(frozen, signal.SIGCONT)
        assert told.returncode == 1
        (row,) = [line for line in told.stdout.splitlines() if line.startswith("ingest ")]
        assert "does not answer" in row
        assert "ponte doctor" in told.stdout


def test_servers_that_were_killed_come_back_with_their_data_and_no_service_has_to_be_started_again():
    with RunningPonte("--ephemeral") as ponte:
        eventually(lambda: ponte.run("status").returncode == 0, within=120)
        before = ponte.pids()

        publish(ponte, "before")
        os.kill(before["mongo"], signal.SIGKILL)
        publish(ponte, "without-mongo")
        eventually(lambda: "MongoDB answers again after" in ponte.said())

        os.kill(before["kafka"], signal.SIGKILL)
        eventually(lambda: "Kafka answers again after" in ponte.said(), within=120)
        publish(ponte, "after-kafka")

        for code in ("before", "without-mongo", "after-kafka"):
            eventually(lambda code=code: ponte.entry("order", "MLC", code), within=60)
        eventually(lambda: ponte.run("status").returncode == 0, within=60)
        after = ponte.pids()
        assert {name for name in before if after[name] != before[name]} == {"kafka", "mongo"}
        assert all(is_alive(pid) for pid in after.values())


def test_the_demo_opens_though_its_database_dies_while_the_history_is_told():
    with contextlib.ExitStack() as stack:
        ponte = RunningPonte("--ephemeral", "--demo", PONTE_DEMO_HISTORY="3000")
        stack.callback(ponte.stop)
        eventually(lambda: "the demo shop opens" in ponte.said(), within=90)
        os.kill(ponte.pids()["mongo"], signal.SIGKILL)
        stack.enter_context(ponte)

        assert "MongoDB answers again after" in ponte.said()
        assert all(ponte.ask("GET", f"/v1/logs/{kind}")[1]["items"] for kind in KINDS)


def test_ctrl_c_while_a_server_is_away_stops_everything(tmp_path):
    with RunningPonte("--data", str(tmp_path)) as ponte:
        pids = ponte.pids()
        for server in ("mongo", "kafka"):
            os.kill(pids[server], signal.SIGKILL)
        eventually(lambda: ponte.pids()["kafka"] != pids["kafka"])  # it starts, and answers nobody yet
        pids |= ponte.pids()
        asked_at = time.monotonic()
        assert ponte.stop() == 0
        assert time.monotonic() - asked_at < STOP_SECONDS
        assert [name for name, pid in pids.items() if is_alive(pid)] == []
        DataFolder.open(tmp_path).close()  # which each server holds for as long as it lives


def test_a_database_that_cannot_come_back_ends_everything_and_says_what_to_do(tmp_path):
    with RunningPonte("--data", str(tmp_path)) as ponte:
        pids = ponte.pids()
        ponte.process.send_signal(signal.SIGSTOP)  # it shall not be faster than whoever takes the port
        os.kill(pids["mongo"], signal.SIGKILL)
        address = ("127.0.0.1", urlsplit(ponte.status["mongo"]["uri"]).port)
        with eventually(lambda: try_to_listen(address)):
            ponte.process.send_signal(signal.SIGCONT)
            assert ponte.process.wait(60) == 1
        assert "and nothing works without it: mongod's port is taken by another program" in ponte.said()
        assert f"its log is in {tmp_path}; start again with `ponte up`" in ponte.said()
        assert "Traceback" not in ponte.said()
        pids = {name: pid for name, pid in pids.items() if name != "mongo"}
        eventually(lambda: [name for name, pid in pids.items() if is_alive(pid)], lambda left: left == [], within=5)


def test_whom_people_wait_for_goes_first():
    with RunningPonte("--ephemeral") as ponte:
        own = psutil.Process(ponte.process.pid).nice()
        niceness = {name: psutil.Process(pid).nice() - own for name, pid in ponte.pids().items()}
    workers = dict.fromkeys(("kafka", "ingest", "reprocessor", "exporter"), UNHURRIED)
    assert niceness == {"mongo": 0, "query": 0, **workers}


def test_a_taken_port_is_a_clear_sentence(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ponte = RunningPonte("--ephemeral", PONTE_HTTP_PORT=str(other.getsockname()[1]))
        assert ponte.process.wait(20) == 1
    assert "Address already in use; set PONTE_HTTP_PORT to a free port" in ponte.said()
    assert "Traceback" not in ponte.said()


def test_the_demo_shop_fills_the_five_tabs_and_answers_a_reprocess(tmp_path):
    with RunningPonte("--ephemeral", "--demo", PONTE_DEMO_HISTORY="400", PONTE_DEMO_ANSWER_MS="50") as ponte:
        for kind in KINDS:
            assert ponte.ask("GET", f"/v1/logs/{kind}")[1]["items"], kind
        eventually(
            lambda: ponte.ask("GET", "/v1/summary")[1]["by_kind"].get("stock", {}).get("error", 0), lambda n: n >= 5
        )
        failed = ponte.ask("GET", "/v1/logs/stock?status=error&limit=30")[1]["items"]
        items = [{"affiliate": item["affiliate"], "code": item["code"]} for item in failed]
        status, job = ponte.ask("POST", "/v1/reprocess", {"kind": "stock", "items": items})
        assert status == 202

        told = eventually(
            lambda: ponte.ask("GET", f"/v1/reprocess/{job['id']}")[1],
            lambda told: told["state"] == "done" and not told["outcome"]["waiting"],
            within=60,
        )
        assert set(told["skipped"]) <= {"not_failed"}  # what the shop mended by itself since it was listed
        assert told["sent"] + sum(told["skipped"].values()) == len(items)
        answered = told["outcome"]["answered"]
        assert sum(answered.values()) == told["sent"]
        assert answered["success"]  # each answer is drawn by lot: of a few items none need fail again
        assert not answered["processing"]


def test_of_two_that_start_at_once_the_second_says_so_and_leaves_the_first_alone(tmp_path):
    with contextlib.ExitStack() as stack:
        first = RunningPonte("--data", str(tmp_path / "first"))
        stack.callback(first.stop)
        eventually(lambda: "Kafka: starting" in first.said())  # nobody listens on its port yet
        its = {name: first.environment[name] for name in ("PONTE_HTTP_PORT", "XDG_STATE_HOME")}
        for second in (RunningPonte("--ephemeral", **its), RunningPonte("--data", str(tmp_path / "first"))):
            stack.callback(second.stop)
            assert second.process.wait(20) == 1
            assert f"process {first.process.pid}" in second.said()
            assert len(second.said().splitlines()) == 1
        stack.enter_context(first)
        assert first.status["pid"] == first.process.pid
        assert first.stop() == 0


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PONTE_ACCOUNT": "a b"}, "PONTE_ACCOUNT is 'a b'"),
        ({"PONTE_API_KEY": "short"}, "32 or more"),
        ({"PONTE_API_KEY": "chave-de-acesso-à-loja-0123456789"}, "which no request can carry"),
        ({"PONTE_API_KEY": "0123456789012345678901234567890123 "}, "which no request can carry"),
        ({"PONTE_DEMO_HISTORY": "many"}, "PONTE_DEMO_HISTORY: Input should be a valid integer"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_starts(environment, said):
    ponte = RunningPonte("--ephemeral", "--demo", **environment)
    assert ponte.process.wait(20) == 1
    assert said in ponte.said()
    assert "Traceback" not in ponte.said()


def test_a_wrong_setting_of_a_service_ends_everything_with_what_the_service_says():
    ponte = RunningPonte("--ephemeral", PONTE_INGEST_BATCH_SIZE="many")
    assert ponte.process.wait(60) == 1
    assert "ponte: ingest cannot start: settings are wrong: PONTE_INGEST_BATCH_SIZE: " in ponte.said().splitlines()[-1]
    assert "ended with 2" not in ponte.said()


def test_an_ephemeral_ponte_leaves_nothing_where_it_was_started(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with RunningPonte("--ephemeral") as ponte:
        assert ponte.stop() == 0
        assert list(Path(ponte.environment["XDG_STATE_HOME"]).glob("ponte/*")) == []
    assert list(tmp_path.iterdir()) == []
