import socket
import time

from pymongo import MongoClient

from deploy.local.ports import choose_port
from deploy.local.servers import Servers
from tests.support.bare_query_process import running, status
from tests.support.builders import make_event
from tests.support.eventually import eventually
from tests.support.live_stream import parse_events
from tests.support.seed import entry_document

KEY = "k" * 32
STREAMS = 30


def open_stream(port: int, query: str = "", *, buffer: int = 0) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(20)
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect(("127.0.0.1", port))
    request = (
        f"GET /v1/stream{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nAccept-Encoding: gzip\r\n\r\n"
    )
    connection.sendall(request.encode())
    return connection


def read_until(connection: socket.socket, mark: bytes) -> bytes:
    """Return what comes until `mark` is in it, or the other end closes."""
    seen = b""
    while mark not in seen and (part := connection.recv(65_536)):
        seen += part
    return seen


def events_in(raw: bytes) -> list[tuple[str, object]]:
    """Return names and data of the events in a chunked answer."""
    lines = [
        line
        for line in raw.decode().splitlines()
        if line.startswith((":", "event:", "data:", "id:", "retry:")) or not line
    ]
    return [(event.name, event.data) for event in parse_events("\n".join(lines)) if event.name]


def test_a_process_that_is_asked_to_stop_says_goodbye_on_its_streams_and_does_not_wait_for_them(
    servers: Servers, database_name: str
) -> None:
    port = choose_port()
    given = {"PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap, "PONTE_MONGO_URI": servers.mongo.uri}
    with running(port, **given, PONTE_MONGO_DATABASE=database_name, PONTE_API_KEY=KEY) as process:
        eventually(lambda: status(port, "/v1/logs/order", KEY), lambda seen: seen == 200)
        streams = [open_stream(port, "?kind=order") for _ in range(STREAMS)]
        heads = [read_until(stream, b"id: ") for stream in streams]
        with MongoClient(servers.mongo.uri) as client:
            client[database_name]["log_entries"].insert_one(entry_document([make_event(code="at once")]))
        bodies = [read_until(stream, b"at once") for stream in streams]
        asked_at = time.monotonic()
        process.terminate()
        rests = [read_until(stream, b"never") for stream in streams]
        assert process.wait(30) == 0
        took = time.monotonic() - asked_at

    assert all(b"content-type: text/event-stream" in head and b"content-encoding" not in head for head in heads)
    assert all(b"event: changed" in body for body in bodies)
    assert all(b'"reason":"stopping"' in rest and rest.endswith(b"0\r\n\r\n") for rest in rests)
    assert took < 8  # it would wait 10 s for requests in hand


def test_a_client_that_stops_reading_hinders_neither_others_nor_the_end(servers: Servers, database_name: str) -> None:
    port = choose_port()
    given = {
        "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
        "PONTE_MONGO_URI": servers.mongo.uri,
        "PONTE_MONGO_DATABASE": database_name,
        "PONTE_QUERY_DRAIN_SECONDS": "3",
        "PONTE_QUERY_STREAM_EVENTS_PER_SECOND": "10000",
        "PONTE_QUERY_STREAM_ENTRIES_PER_SECOND": "10000",
    }
    with running(port, **given, PONTE_API_KEY=KEY) as process:
        eventually(lambda: status(port, "/v1/logs/order", KEY), lambda seen: seen == 200)
        stuck, reading = open_stream(port, buffer=4_096), open_stream(port)
        for stream in (stuck, reading):
            read_until(stream, b"id: ")
        with MongoClient(servers.mongo.uri) as client:
            for batch in range(20):
                codes = [f"{batch}-{number}" for number in range(50)]
                causes = [{"message": "x" * 3_000}]
                documents = [entry_document([make_event(code=code, causes=causes, aliases={})]) for code in codes]
                client[database_name]["log_entries"].insert_many(documents)
                assert codes[-1].encode() in read_until(reading, b'"code":"%s"' % codes[-1].encode())
        assert status(port, "/v1/logs/order", KEY) == 200
        process.terminate()
        assert process.wait(30) == 0
