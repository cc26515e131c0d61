"""The one thread that owns an intake's client: librdkafka's calls block, and a rebalance calls back in the thread that polls."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.kafka.pulse import Pulse


class ClientThread:
    """Runs what it is given, one after the other; `pulse` tells of each."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what `function` returns, called in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, function, *arguments)

    def end(self) -> None:
        """Run nothing more."""
        self._thread.shutdown(wait=False)

    def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self._pulse.in_call = True
        try:
            return function(*arguments)
        finally:
            self._pulse.in_call = False
            self._pulse.turns += 1
