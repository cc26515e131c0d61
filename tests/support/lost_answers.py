"""A port that does what it is asked to, and says that it could not."""

from typing import Any

from shared.contracts.errors import StoreUnavailable


class Lame:
    """Hands everything on to `port`; of the first call of `method` the answer is lost when all is done."""

    def __init__(self, port: Any, method: str) -> None:
        self._port = port
        self._method = method
        self._failures = 1

    def __getattr__(self, name: str) -> Any:
        return self._do if name == self._method else getattr(self._port, name)

    async def _do(self, *asked: Any, **more: Any) -> Any:
        done = await getattr(self._port, self._method)(*asked, **more)
        if self._failures:
            self._failures -= 1
            raise StoreUnavailable("the answer was lost")
        return done
