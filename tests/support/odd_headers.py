"""Headers as publishers with another encoding write them."""

from typing import Any


class NotUtf8(str):
    """The name of a header in bytes that are not UTF-8, for kafka-python, which encodes names itself."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        """Return the bytes."""
        return b"X-Origem-\xe7"
