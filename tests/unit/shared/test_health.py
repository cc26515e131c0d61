import json
import urllib.error
import urllib.request

import pytest

from shared.runtime import metrics
from shared.runtime.health import STUCK_AFTER_SECONDS, Health, HealthServer


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
    server = HealthServer(health, host="127.0.0.1", port=0)
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
