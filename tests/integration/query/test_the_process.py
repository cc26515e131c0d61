import contextlib
import http.client
import json
import select
import socket

from deploy.local.ports import choose_port
from deploy.local.servers import Servers
from tests.support.bare_query_process import running, status
from tests.support.eventually import eventually

USUAL_PATIENCE_SECONDS = 6
"""uvicorn hangs up after 5 s of its own accord."""
NOWHERE = {
    "PONTE_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "PONTE_MONGO_URI": "mongodb://user:secret-word@127.0.0.1:1/?directConnection=true",
}


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(port, **NOWHERE) as process:
            _, said = process.communicate(timeout=30)

    assert process.returncode == 2
    assert said.count("\n") == 1
    assert f"127.0.0.1:{port}" in said
    assert "PONTE_HTTP_PORT" in said


def test_wrong_settings_are_told_in_one_line() -> None:
    with running(choose_port(), **NOWHERE, PONTE_API_KEY="short") as process:
        _, said = process.communicate(timeout=30)

    assert process.returncode == 2
    assert said.count("\n") == 1
    assert "PONTE_API_KEY" in said


def test_without_mongodb_it_is_live_and_not_ready_and_says_no_secret() -> None:
    port, key = choose_port(), "k" * 32
    with running(port, **NOWHERE, PONTE_API_KEY=key) as process:
        assert eventually(lambda: status(port, "/health/live"), lambda seen: seen == 200) == 200
        assert status(port, "/health/ready") == 503
        assert status(port, "/v1/logs/order", key) == 503
        process.terminate()
        _, said = process.communicate(timeout=30)

    assert "secret-word" not in said
    assert key not in said
    # librdkafka writes lines of its own, which start with a percent sign.
    lines = [json.loads(line) for line in said.splitlines() if not line.startswith("%")]
    answered = [line for line in lines if line["event"] == "request.answered" and line["status"] == 503]
    assert len(answered) == 2
    assert all(line["milliseconds"] > 0 for line in answered)


def test_with_mongodb_it_answers_and_stops_when_asked(servers: Servers, database_name: str) -> None:
    port, key = choose_port(), "k" * 32
    given = {"PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap, "PONTE_MONGO_URI": servers.mongo.uri}
    with running(port, **given, PONTE_MONGO_DATABASE=database_name, PONTE_API_KEY=key) as process:
        eventually(lambda: status(port, "/health/ready"), lambda seen: seen == 200)
        assert status(port, "/v1/logs/order", key) == 200
        process.terminate()
        assert process.wait(30) == 0


def test_a_connection_that_rests_is_not_closed_under_a_proxy_and_holds_no_stop_up() -> None:
    port = choose_port()
    with (
        running(port, **NOWHERE) as process,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection,
    ):
        eventually(lambda: status(port, "/health/live"), lambda seen: seen == 200)
        connection.request("GET", "/health/live")
        assert connection.getresponse().read()
        assert select.select([connection.sock], [], [], USUAL_PATIENCE_SECONDS) == ([], [], [])
        connection.request("GET", "/health/live")
        assert connection.getresponse().read()

        process.terminate()
        assert process.wait(5) == 0
        assert select.select([connection.sock], [], [], 5)[0]
