"""A port is taken before anything else is done, so that one that is not free is told in a sentence."""

import errno
import os
import socket
from typing import Final

from shared.contracts.errors import Defect
from shared.runtime.settings import Settings

BACKLOG: Final = 2048


def listen(host: str, port: int, *, settings: tuple[str, str]) -> socket.socket:
    """Return a socket that listens; `port` 0 takes a free one. Raise Defect, which names the `settings` that gave host and port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        is_taken = error.errno in {errno.EADDRINUSE, errno.EACCES}
        hint = f"{settings[1]} to a free port" if is_taken else f"{settings[0]} to an address of this machine"
        # create_server adds the address to what the system says; of a name that nobody knows the system says nothing.
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        msg = f"cannot listen on {host}:{port}: {why}; set {hint}"
        raise Defect(msg) from error


def listen_for_health(settings: Settings) -> socket.socket:
    """Return the socket that health and metrics are told on. Raise Defect."""
    return listen(settings.health_host, settings.health_port, settings=("PONTE_HEALTH_HOST", "PONTE_HEALTH_PORT"))
