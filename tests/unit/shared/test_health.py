import asyncio
import contextlib
import http.client
import json
import socket
import struct
import threading
import urllib.error
import urllib.request

import pytest

from shared.runtime import metrics
from shared.runtime.health import STUCK_AFTER_SECONDS, Health, HealthServer
from shared.runtime.listening import listen
from tests.support.eventually import eventually


def free_port() -> socket.socket:
    return listen("127.0.0.1", 0, settings=("PONTE_HEALTH_HOST", "PONTE_HEALTH_PORT"))


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


async def passes():
    pass


async def fails():
    raise ConnectionError("no MongoDB")


async def test_ready_once_every_check_passed():
    health = Health({"mongo": passes})
    assert not health.readiness()[0]
    await health.ask()
    assert health.readiness()[0]


async def test_a_failing_check_is_named():
    health = Health({"mongo": fails, "kafka": passes})
    await health.ask()
    ready, facts = health.readiness()
    assert not ready
    assert facts["failures"] == {"mongo": "ConnectionError: no MongoDB"}


async def test_a_failing_check_is_a_metric_until_it_passes() -> None:
    is_away = True

    async def mongo() -> None:
        if is_away:
            await fails()

    told = metrics.CHECK_FAILING.labels("a check of its own")._value
    health = Health({"a check of its own": mongo})

    await health.ask()
    assert told.get() == 1

    is_away = False
    await health.ask()
    assert told.get() == 0


async def test_watching_ends_when_it_is_told_to_even_where_a_check_loses_the_telling():
    begun = asyncio.Event()

    async def deaf():
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    watching = asyncio.create_task(Health({"mongo": deaf}).watch())
    await begun.wait()
    watching.cancel()

    done, _ = await asyncio.wait([watching], timeout=1)

    assert done
    assert watching.cancelled()


async def test_a_loop_that_no_longer_turns_is_not_alive():
    time = Time()
    health = Health({}, clock=time)
    await health.ask()
    time.now = STUCK_AFTER_SECONDS - 1
    assert health.liveness()[0]
    time.now = STUCK_AFTER_SECONDS + 1
    assert not health.liveness()[0]
    assert not health.readiness()[0]


async def test_the_port_answers_probes_and_metrics():
    health = Health({"mongo": fails})
    await health.ask()
    server = HealthServer(health, free_port())
    try:
        address = f"http://127.0.0.1:{server.port}"
        with urllib.request.urlopen(f"{address}/health/live") as answer:
            assert json.load(answer)["status"] == "ok"
        with urllib.request.urlopen(f"{address}/metrics") as answer:
            assert metrics.INGEST_RECORDS._name.encode() in answer.read()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}/health/ready")
        assert refused.value.code == 503
        refused.value.close()
    finally:
        server.stop()


async def test_a_head_is_answered_as_a_get_without_its_body() -> None:
    server = HealthServer(Health({"mongo": fails}), free_port())
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    try:
        for path, status in (("/health/live?a", 200), ("/health/ready", 503), ("/metrics?name=b", 200), ("/", 404)):
            told = []
            for method in ("GET", "HEAD"):
                connection.request(method, path)
                answer = connection.getresponse()
                body = answer.read()
                told.append((answer.status, answer.headers["Content-Type"], "Content-Length" in answer.headers))
                assert bool(body) == (method == "GET")
            assert told == [(status, told[0][1], True)] * 2, path
    finally:
        connection.close()
        server.stop()


def test_an_asker_who_left_before_the_answer_leaves_no_trace_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    asked, left = threading.Event(), threading.Event()

    def slow() -> None:
        asked.set()
        left.wait(10)

    server = HealthServer(Health({}, alarms={"slow": slow}), free_port())
    try:
        with socket.create_connection(("127.0.0.1", server.port)) as asker:
            asker.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )  # closed at once, with a reset
            asker.sendall(b"GET /health/ready HTTP/1.1\r\n\r\n")
            assert asked.wait(10)
        left.set()
        eventually(
            lambda: [one.name for one in threading.enumerate() if "process_request" in one.name], lambda on: not on
        )
    finally:
        server.stop()
    assert capfd.readouterr().err == ""


async def test_a_note_is_told_and_makes_nobody_unready() -> None:
    health = Health({}, notes={"rollups": lambda: "behind", "quiet": lambda: None})

    assert health.readiness() == (
        True,
        {"loop_turned_seconds_ago": 0.0, "failures": {}, "notes": {"rollups": "behind"}},
    )


async def test_an_alarm_makes_the_worker_not_ready_at_the_next_answer_without_being_asked_by_the_loop() -> None:
    rung: list[str] = []
    health = Health({"mongo": passes}, alarms={"progress": lambda: rung[0] if rung else None})
    await health.ask()
    assert health.readiness()[0]

    rung.append("nothing moves")

    fine, facts = health.readiness()
    assert (fine, facts["failures"]) == (False, {"progress": "nothing moves"})


async def test_a_check_that_ran_out_of_time_is_told_in_words():
    async def silent() -> None:
        raise TimeoutError

    health = Health({"mongo": silent})
    await health.ask()

    assert health.readiness()[1]["failures"] == {"mongo": "TimeoutError: no answer within 3 s"}
