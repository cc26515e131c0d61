"""Files that come back slowly, many at once: what they take of a process's memory is bounded, and it goes on answering."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.ports import choose_port
from deploy.local.servers import Servers
from services.query.entrypoints.middleware.body_limit import AT_ONCE_OF_ONE
from shared.contracts.names import IMPORT_FILES, MIB
from shared.mongo.client import Database
from tests.support.bare_query_process import running, status
from tests.support.eventually import eventually
from tests.support.seed import seed_key

KEY = "k" * 32
LONGEST = 16 * MIB
SENT = 12 * MIB
PIECE = b"x" * 256 * 1024
SENDERS = 24
MOST_GROWN = 144
"""MiB; 100 were seen, and what is sent would take 288 and its copies."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of query, and the most memory that it had before anybody sent a file."""

    port: int
    pid: int
    before: int

    def grown_by(self) -> float:
        """Return how much more it has had since, in MiB."""
        return (most_memory(self.pid) - self.before) / MIB


@pytest.fixture
def process(servers: Servers, database_name: str, account: str) -> Iterator[Process]:
    port = choose_port()
    given = {
        "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
        "PONTE_MONGO_URI": servers.mongo.uri,
        "PONTE_MONGO_DATABASE": database_name,
        "PONTE_ACCOUNT": account,
        "PONTE_API_KEY": KEY,
        "PONTE_QUERY_REQUEST_SECONDS": "300",
    }
    with running(port, **given) as started:
        eventually(lambda: status(port, "/v1/imports", KEY), lambda seen: seen == 200)
        Path(f"/proc/{started.pid}/clear_refs").write_text("5", encoding="utf-8")  # the most so far is forgotten
        before = most_memory(started.pid)
        yield Process(port, started.pid, before)


def most_memory(pid: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def begin(port: int, *, key: str = KEY) -> socket.socket:
    """Announce a file of the longest there may be."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    head = (
        f"POST /v1/imports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: text/csv\r\nContent-Length: {LONGEST}\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


def send(connection: socket.socket, size: int) -> None:
    for _ in range(size // len(PIECE)):
        connection.sendall(PIECE)


def answer_of(connection: socket.socket) -> tuple[int, str | None, dict[str, object]]:
    answer = http.client.HTTPResponse(connection, method="POST")
    answer.begin()
    return answer.status, answer.getheader("Retry-After"), json.loads(answer.read())


def is_answered(connection: socket.socket) -> bool:
    """Say whether an answer has come, though the file is not whole."""
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(60)


async def test_what_does_not_fit_is_told_to_come_back_and_what_does_is_taken_whole(
    process: Process, database: Database
) -> None:
    port = process.port
    neighbour = await seed_key(database, "vizinha", "reprocess")
    with contextlib.ExitStack() as closing:
        senders = [closing.enter_context(begin(port)) for _ in range(SENDERS)]
        for _ in range(SENT // len(PIECE)):
            for one in senders:
                send(one, len(PIECE))
        eventually(lambda: sum(map(is_answered, senders)), lambda seen: seen == SENDERS - AT_ONCE_OF_ONE)
        refused = [one for one in senders if is_answered(one)]
        waiting = [one for one in senders if one not in refused]
        assert status(port, "/v1/imports", KEY) == 200
        other = closing.enter_context(begin(port, key=neighbour))
        for one in [other, *waiting]:
            send(one, LONGEST if one is other else LONGEST - SENT)

        told = [answer_of(one) for one in refused]
        taken = [answer_of(one) for one in (*waiting, other)]

    assert {(code, wait) for code, wait, _ in told} == {(429, "1")}
    assert {problem["detail"] for *_, problem in told} == {
        "too many files are being received at once; send this one again in a moment"
    }
    assert [(code, job["bytes"]) for code, _, job in taken] == [(202, LONGEST)] * (AT_ONCE_OF_ONE + 1)
    assert process.grown_by() < MOST_GROWN
    assert await database[f"{IMPORT_FILES}.files"].count_documents({"length": LONGEST}) == AT_ONCE_OF_ONE + 1


def test_a_sender_who_goes_away_leaves_its_place(process: Process) -> None:
    port = process.port
    for _ in range(AT_ONCE_OF_ONE + 1):
        leavers = [begin(port) for _ in range(AT_ONCE_OF_ONE)]
        for one in leavers:
            send(one, SENT)
        for one in leavers:
            one.close()

    def taken() -> int:
        with begin(port) as connection:
            send(connection, LONGEST)
            return answer_of(connection)[0]

    assert eventually(taken, lambda seen: seen == 202) == 202
