"""The few requests of Kafka's protocol that tell whether a broker is up, without waiting for a client to back off."""

import contextlib
import socket
import struct
from collections.abc import Sequence
from typing import Final

_METADATA: Final = 3
_FIND_COORDINATOR: Final = 10
_INIT_PRODUCER_ID: Final = 22


def answers(host: str, port: int) -> bool:
    """True when a broker there lists at least one broker that is ready for work."""
    nothing = struct.pack(">i", 0)
    try:
        (answer,) = _ask(host, port, [(_METADATA, 1, nothing)])
    except OSError:
        return False
    return len(answer) >= 4 and struct.unpack_from(">i", answer)[0] > 0  # noqa: PLR2004 - the number of brokers


def warm_up(host: str, port: int) -> None:
    """Have the broker make now what it makes on first use: the offsets topic, and a block of producer ids.

    Otherwise the first classic consumer waits for 3 s and the first idempotent producer for 0.5 s, backing off.
    """
    group, no_transaction = b"warm-up", struct.pack(">hi", -1, 60_000)
    with contextlib.suppress(OSError):
        _ask(
            host,
            port,
            [(_FIND_COORDINATOR, 0, struct.pack(">h", len(group)) + group), (_INIT_PRODUCER_ID, 0, no_transaction)],
        )


def _ask(host: str, port: int, requests: Sequence[tuple[int, int, bytes]]) -> list[bytes]:
    """Send (API, version, body) one after the other on one connection; answers the bodies. Raises OSError."""
    bodies = []
    with socket.create_connection((host, port), timeout=1.0) as connection, connection.makefile("rb") as stream:
        for api, version, body in requests:
            request = struct.pack(">hhih", api, version, 1, -1) + body
            connection.sendall(struct.pack(">i", len(request)) + request)
            (length,) = struct.unpack(">i", stream.read(4) or b"\0\0\0\0")
            bodies.append(stream.read(length)[4:])  # without the correlation id
    return bodies
