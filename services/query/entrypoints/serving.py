"""uvicorn, for answers that last: it ends the live streams before it waits for requests in hand."""

import gc
import resource
import socket
from typing import Final

import uvicorn

from services.query.handlers.stream.hub import StreamHub

GIVEN_UP_AFTER_MS: Final = 300_000
"""The system closes a connection whose other end has taken nothing for so long: nobody else would, and each holds memory."""
KEPT_IDLE_SECONDS: Final = 75
"""Longer than proxies keep a connection that nobody uses, which is a minute by default: where we hang up first, the request that they
send meanwhile is lost, and they answer 502."""
FILES: Final = 65_536
"""Each stream is an open file, and the usual limit is 1,024."""


class Server(uvicorn.Server):
    """A server whose streams say goodbye when it is asked to stop."""

    def __init__(self, config: uvicorn.Config, streams: StreamHub) -> None:
        super().__init__(config)
        self._streams = streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start. What is there by now stays: looking through its 100,000 objects for garbage kept everybody waiting for 50 to 150 ms."""
        await super().startup(sockets)
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: without this, uvicorn waits for streams that never end, and then cuts them off."""
        await self._streams.close()
        await super().shutdown(sockets)


def give_up_on_the_silent(listener: socket.socket) -> None:
    """Let connections that `listener` accepts end when their other end takes nothing for long, where the system can do that."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GIVEN_UP_AFTER_MS)


def allow_many_connections() -> None:
    """Raise the number of files that the process may open, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wished = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft != resource.RLIM_INFINITY and soft < wished:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wished, hard))
