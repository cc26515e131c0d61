import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.builders import make_data
from tests.support.eventually import eventually

HOUSE = Path(__file__).parents[2]
URL = "http://127.0.0.1:8080"
PRODUCER = "/opt/kafka/bin/kafka-console-producer.sh --bootstrap-server localhost:9092 --topic integration.events.order"
BUILD_SECONDS = 900

Compose = Callable[..., str]

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def key() -> str:
    return secrets.token_hex(32)


@pytest.fixture(scope="module")
def compose(key: str) -> Iterator[Compose]:
    def run(*arguments: str, text: str = "") -> str:
        done = subprocess.run(
            ["docker", "compose", "--project-name", "ponte-test", *arguments],
            cwd=HOUSE,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PONTE_API_KEY": key},
            input=text,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    try:
        run("up", "--build", "--wait")
        yield run
    finally:
        run("down", "--volumes", "--timeout", "40")


def test_an_event_reaches_the_panel(compose: Compose, key: str) -> None:
    with httpx.Client(base_url=URL, headers={"Authorization": f"Bearer {key}"}, timeout=10) as api:
        compose("exec", "-T", "kafka", *PRODUCER.split(), text=json.dumps(make_data(code="docker-1")) + "\n")

        answer = eventually(lambda: api.get("/v1/logs/order/MLC/docker-1"), lambda seen: seen.status_code == 200)

        assert answer.json()["status"] == "error"
        assert "text/html" in api.get("/", follow_redirects=True).headers["content-type"]


def test_no_service_runs_as_root(compose: Compose) -> None:
    users = {
        name: compose("exec", "-T", name, "python", "-c", "import os; print(os.getuid())").strip()
        for name in ("ingest", "query", "reprocessor", "exporter")
    }

    assert set(users.values()) == {"10001"}


def test_a_service_finishes_its_batch_when_it_is_stopped(compose: Compose) -> None:
    compose("stop", "ingest")

    assert '"worker.stopped"' in compose("logs", "--no-log-prefix", "ingest")
