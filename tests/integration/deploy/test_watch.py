"""The watch over real children: who ends is started again, and a server that cannot stay ends the watch."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

import pytest
from pymongo import MongoClient

from deploy import watch
from deploy.errors import CommandError
from deploy.local.errors import LocalServerError
from deploy.local.mongod import Mongod
from deploy.local.ports import choose_port
from deploy.local.process import ChildProcess
from deploy.watch import HOPELESS_DEATHS, HOPELESS_SILENCES, Watch, Watched, says_it_lives
from tests.support.eventually import eventually
from tests.support.scripted_server import Said, scripted


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch):
    monkeypatch.setattr(watch, "FIRST_RESTART_SECONDS", 0.0)


@pytest.fixture
def said():
    return []


@pytest.fixture
def noted():
    return []


@pytest.fixture
def watching(said, noted):
    return Watch(said.append, lambda: noted.append(None), "start again with `ponte up`")


@pytest.fixture
def mongod(tmp_path):
    server = Mongod(tmp_path / "mongo", choose_port(), tmp_path / "mongod.log", cache_gb=0.25)
    yield server
    server.process.kill()


def looking(watching: Watch, is_so: Callable[[], bool]) -> Callable[[], bool]:
    def look() -> bool:
        watching.look()
        return is_so()

    return look


def test_a_killed_server_is_started_on_its_port_and_data_and_told_of_when_it_answers(watching, said, noted, mongod):
    mongod.start()
    mongod.wait_until_ready()
    with MongoClient(mongod.uri) as client:
        client.test.kept.insert_one({"_id": 1})
    killed = mongod.process.pid
    facts = {"pid": killed}
    watching.add("MongoDB", Watched(mongod.process, mongod.start, facts, mongod))

    os.kill(killed, signal.SIGKILL)
    eventually(looking(watching, lambda: len(said) == 2))

    assert said[0].startswith("MongoDB ended with -9: again in 0.0 s; it was killed (log: ")
    assert said[1].startswith("MongoDB answers again after ")
    assert facts["pid"] == mongod.process.pid != killed
    assert len(noted) == 1
    with MongoClient(mongod.uri) as client:
        assert client.test.kept.count_documents({}) == 1


def test_a_server_whose_port_somebody_took_is_given_up_with_the_reason(watching, said, mongod):
    mongod.start()
    mongod.wait_until_ready()
    watching.add("MongoDB", Watched(mongod.process, mongod.start, {}, mongod))
    mongod.process.kill()

    with socket.create_server(("127.0.0.1", mongod.port)), pytest.raises(LocalServerError) as told:
        eventually(looking(watching, lambda: False))

    assert str(told.value) == (
        f"MongoDB ended {HOPELESS_DEATHS} times in a row, and nothing works without it: mongod's port is taken by "
        "another program: stop that one or choose another port; start again with `ponte up`"
    )
    assert len(said) == HOPELESS_DEATHS - 1
    assert "mongod's port is taken by another program" in said[-1]


def test_a_server_that_ended_after_a_steady_life_has_all_its_chances_again(monkeypatch, watching, said, mongod):
    monkeypatch.setattr(watch, "STEADY_AFTER_SECONDS", -1.0)
    mongod.process.argv = ("true",)
    mongod.start()
    watching.add("MongoDB", Watched(mongod.process, mongod.start, {}, mongod))

    eventually(looking(watching, lambda: len(said) > HOPELESS_DEATHS))


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(tmp_path, watching, mongod):
    mongod.process.argv = ("true",)
    mongod.start()
    watching.add("MongoDB", Watched(mongod.process, mongod.start, {}, mongod))
    (tmp_path / "mongo").rmdir()
    (tmp_path / "mongo").touch()

    with pytest.raises(LocalServerError, match=r"MongoDB cannot be started again \(.*\): free some space"):
        eventually(looking(watching, lambda: False))


def test_a_service_is_started_again_however_often_it_ends(tmp_path, watching, said):
    argv = [sys.executable, "-c", "print('no memory'); raise SystemExit(1)"]
    service = ChildProcess("ingest", argv, None, tmp_path / "ingest.log").start()
    watching.add("ingest", Watched(service, service.start, {}))

    eventually(looking(watching, lambda: len(said) > HOPELESS_DEATHS))

    assert set(said) == {f"ingest ended with 1: again in 0.0 s; no memory (log: {service.log_path})"}
    service.kill()


WRONG = [sys.executable, "-c", "print('ponte: settings are wrong: PONTE_A: it is no number'); raise SystemExit(2)"]


def test_a_service_that_cannot_start_as_configured_ends_everything_at_once(tmp_path, watching, said):
    service = ChildProcess("ingest", WRONG, None, tmp_path / "ingest.log").start()
    watching.add("ingest", Watched(service, service.start, {}))

    with pytest.raises(CommandError) as told:
        eventually(looking(watching, lambda: False))

    assert str(told.value) == (
        f"ingest cannot start: settings are wrong: PONTE_A: it is no number (log: {service.log_path})"
    )
    assert said == []


def test_a_service_that_started_once_is_tried_again_though_now_it_cannot_start(tmp_path, watching, said, sleeper):
    watching.add("ingest", Watched(sleeper, sleeper.start, {}))
    sleeper.argv = tuple(WRONG)
    os.kill(sleeper.pid, signal.SIGKILL)

    eventually(looking(watching, lambda: len(said) > HOPELESS_DEATHS))

    assert "ingest ended with 2: again in" in said[-1]


@pytest.fixture
def sleeper(tmp_path):
    process = ChildProcess("ingest", ["sleep", "600"], None, tmp_path / "ingest.log").start()
    yield process
    process.kill()


def test_a_service_that_runs_and_falls_silent_for_long_is_started_again(monkeypatch, watching, said, sleeper):
    monkeypatch.setattr(watch, "ASK_EVERY_SECONDS", 0.0)
    hangs, answers = sleeper.pid, [True]
    watching.add("ingest", Watched(sleeper, sleeper.start, {}, is_live=lambda: bool(answers) and answers.pop()))

    eventually(looking(watching, lambda: sleeper.pid != hangs))

    assert said[0] == "ingest runs and has not answered for long: it is ended"
    assert said[1].startswith("ingest ended with -9: again in 0.0 s")
    assert len(said) == 2


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([True, *[False] * (HOPELESS_SILENCES - 1)] * 3, id="now and then"),
        pytest.param([False] * HOPELESS_SILENCES * 3, id="not yet"),
    ],
)
def test_who_answers_now_and_then_or_not_yet_is_left_alone(monkeypatch, watching, said, sleeper, answers):
    monkeypatch.setattr(watch, "ASK_EVERY_SECONDS", 0.0)
    left = list(answers)
    watching.add("ingest", Watched(sleeper, sleeper.start, {}, is_live=lambda: left.pop(0) if left else True))

    eventually(looking(watching, lambda: not left))

    assert said == []


def test_nobody_waits_for_the_answer_of_who_hangs(monkeypatch, watching, sleeper):
    monkeypatch.setattr(watch, "ASK_EVERY_SECONDS", 0.0)
    may_answer, asked = threading.Event(), []

    def is_live() -> bool:
        asked.append(True)
        return may_answer.wait(30)

    watching.add("ingest", Watched(sleeper, sleeper.start, {}, is_live=is_live))
    for _ in range(100):
        watching.look()

    assert eventually(lambda: asked) == [True]
    may_answer.set()


def test_a_service_lives_where_its_health_says_so_and_not_where_it_is_frozen(monkeypatch):
    monkeypatch.setattr(watch, "ANSWER_SECONDS", 0.2)
    with scripted(Said(200), Said(503)) as script:
        assert says_it_lives(script.url)
        assert not says_it_lives(script.url)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        assert not says_it_lives(f"http://127.0.0.1:{frozen.getsockname()[1]}")
    assert not says_it_lives(f"http://127.0.0.1:{choose_port()}")
    assert [one.path for one in script.heard] == ["/health/live"] * 2


def test_the_log_of_a_child_that_writes_for_ever_stays_bounded(tmp_path, watching):
    argv = [sys.executable, "-c", "while True: print('x' * 1023)"]
    service = ChildProcess("ingest", argv, None, tmp_path / "ingest.log").start()
    watching.add("ingest", Watched(service, service.start, {}))

    eventually(looking(watching, (tmp_path / "ingest.log.1").exists))

    service.kill()
    watching.look()
    assert service.log_path.stat().st_size <= 10 * 1024 * 1024
    assert (tmp_path / "ingest.log.1").stat().st_size <= 20 * 1024 * 1024
