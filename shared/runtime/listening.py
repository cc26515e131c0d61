"""A port is taken before anything else is done, so that one that is not free is told in a sentence."""

import errno
import os
import socket
from typing import Final

from shared.contracts.errors import Defect

BACKLOG: Final = 2048


def listen(host: str, port: int, *, settings: tuple[str, str]) -> socket.socket:
    """Return a socket that listens; `port` 0 takes a free one. Raise Defect, which names the `settings` that gave host and port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except socket.gaierror as error:
        raise _refused(
            host, port, error.strerror or str(error), f"set {settings[0]} to an address of this machine"
        ) from error
    except OSError as error:
        hint = f"set {settings[1]} to a free port"
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            hint = f"set {settings[0]} to an address of this machine"
        raise _refused(host, port, os.strerror(error.errno or 0), hint) from error


def _refused(host: str, port: int, why: str, hint: str) -> Defect:
    return Defect(f"cannot listen on {host}:{port}: {why}; {hint}")
