"""What publishers write is remembered by thousands, so it must be short: a name of a mebibyte is worked out each time."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

from services.ingest.core.shapes.foreign import plain_name
from shared.contracts.entries import escape_name, unescape_name
from shared.contracts.errors import InvalidEvent
from shared.contracts.events import parse_event_data
from shared.contracts.groups import group_of
from tests.support.builders import make_data

MEBIBYTE = 1024 * 1024
TIMES = 20


def ask_for(field: str) -> Callable[[str], None]:
    def ask(text: str) -> None:
        with suppress(InvalidEvent):
            parse_event_data(make_data(**{field: text}))

    return ask


ASKED: dict[str, Callable[[str], object]] = {
    "name of an alias": escape_name,
    "name of an alias as stored": unescape_name,
    "name of a field of another publisher": plain_name,
    "code of a cause": lambda text: group_of("order", text, "m"),
    "message of a cause": lambda text: group_of("order", "c", text),
    "account": ask_for("account"),
    "affiliate": ask_for("affiliate"),
}


@pytest.mark.parametrize("what", ASKED)
def test_a_long_text_is_forgotten(what: str) -> None:
    ask = ASKED[what]
    ask("x")
    tracemalloc.start()
    try:
        for number in range(TIMES):
            ask(f"{number}" + "x" * MEBIBYTE)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept < MEBIBYTE
