"""Dead letters for tests: a record of the dead-letter topic, and the document that is kept of it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from services.ingest.core.letters import letter_document
from shared.contracts.records import Record
from tests.support.builders import RECEIVED_AT, make_record

KEPT_AT = datetime(2060, 1, 1, tzinfo=UTC)
LetterSeed = Callable[[dict[str, Any]], Awaitable[None]]


def make_letter_record(
    value: bytes | None = b"{",
    *,
    offset: int = 0,
    topic: str = "integration.events.order",
    account: str = "loja",
    key: bytes | None = None,
    error_class: str = "InvalidJson",
    headers: tuple[tuple[str, bytes | None], ...] = (),
    seconds: int = 0,
    at: int = 0,
) -> Record:
    """Return a record as a worker puts it aside. `offset` is the original one, `at` that of the letter."""
    ours = (
        ("original-topic", topic.encode()),
        ("original-partition", b"0"),
        ("original-offset", str(offset).encode()),
        ("error-class", error_class.encode()),
        ("error-message", b"why it is so"),
    )
    return make_record(
        value,
        key=f"{account}|order|MLC|{offset}".encode() if key is None else key,
        topic="integration.deadletter",
        offset=at,
        headers=(*headers, *ours),
        timestamp=RECEIVED_AT + timedelta(seconds=seconds),
    )


def make_letter(*, state: str = "open", **told: Any) -> dict[str, Any]:
    """Return the document that is kept of a dead letter, far from its expiry."""
    return {**letter_document(make_letter_record(**told), operator="operadora", now=KEPT_AT), "state": state}
