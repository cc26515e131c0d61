"""Free ports on 127.0.0.1, the same as last time where possible."""

import contextlib
import json
import random
import socket
from collections.abc import Collection, Sequence
from pathlib import Path

from deploy.local.errors import LocalServerError

HOST = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections: a client cannot snatch one meanwhile.
_RANGE = range(20_000, 32_000)
_TRIES = 200


def is_free(port: int) -> bool:
    """True when a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def choose_ports(names: Sequence[str], remembered: Path) -> dict[str, int]:
    """One free port a name, all different: those written in `remembered` (JSON, name → port) if still free.

    The choice is written back, so that addresses stay the same from run to run as long as nobody takes them.
    """
    before = _read(remembered)
    chosen: dict[str, int] = {}
    for name in names:
        port = before.get(name, 0)
        chosen[name] = port if port and port not in chosen.values() and is_free(port) else choose_port(chosen.values())
    remembered.write_text(json.dumps(chosen))
    return chosen


def choose_port(taken: Collection[int] = ()) -> int:
    """A free port that is not in `taken`. Raises LocalServerError when there seems to be none."""
    for _ in range(_TRIES):
        port = random.choice(_RANGE)  # noqa: S311 - not a secret
        if port not in taken and is_free(port):
            return port
    raise LocalServerError(f"No free port between {_RANGE.start} and {_RANGE.stop} on {HOST}: stop some servers.")


def _read(remembered: Path) -> dict[str, int]:
    with contextlib.suppress(OSError, ValueError):
        ports = json.loads(remembered.read_text())
        return {name: port for name, port in ports.items() if isinstance(port, int)}
    return {}
