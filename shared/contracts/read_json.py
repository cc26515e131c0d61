"""JSON → objects, by orjson, for whoever judges what it refuses: where it has too little memory, orjson says that the text is no JSON."""

from typing import Any, Final

import orjson

_NO_MEMORY: Final = "Not enough memory"
"""How its error begins then."""


def read_json(text: bytes | str) -> Any:
    """Return what the text says. Raise orjson.JSONDecodeError where it is no JSON, MemoryError where nobody knows whether it is."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith(_NO_MEMORY):
            raise MemoryError(error.msg) from error
        raise
