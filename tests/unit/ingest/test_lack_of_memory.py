"""Where memory runs out the worker ends: nothing is said of a record, a document or a letter that somebody else may find to be good."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.adapters import mongo_letter_book, mongo_log_store
from services.ingest.core.letters import letter_document
from services.ingest.core.shapes import Shape
from services.ingest.entrypoints.rollups import Manners, Rollups
from services.ingest.handlers.ingesting import Ingest
from tests.support.builders import make_cloudevent, make_record
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryLogStore
from tests.support.fakes.rollups import BEGINNING, FollowedLogStore, MemoryRollupBook


def no_room(*_: Any) -> Any:
    raise MemoryError


async def test_an_event_that_there_is_no_memory_for_is_no_dead_letter() -> None:
    log, letters = MemoryLogStore(), MemoryDeadLetters()
    value = json.dumps({**make_cloudevent(), "type": "test.large"}).encode()
    shapes: dict[str, Shape] = {"test.large": no_room}

    with pytest.raises(MemoryError):
        await Ingest(log, letters, known=shapes).handle([make_record(value)])

    assert (letters.letters, log.entries, log.attempts) == ([], {}, {})


def test_a_document_that_there_is_no_memory_for_is_not_called_unstorable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bson.encode", no_room)
    unstorable: dict[str, str] = {}

    with pytest.raises(MemoryError):
        mongo_log_store._encode({"a": 1}, "loja|order|MLC|1", unstorable)

    assert unstorable == {}


def test_a_letter_that_there_is_no_memory_for_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    letter = letter_document(make_record(b"{"), operator="loja", now=datetime.now(UTC))
    assert mongo_letter_book._is_sound(letter)
    monkeypatch.setattr("bson.encode", no_room)

    with pytest.raises(MemoryError):
        mongo_letter_book._is_sound(letter)


async def test_the_rollups_do_not_keep_a_worker_alive_that_has_no_memory_left() -> None:
    book = MemoryRollupBook(no_room)

    with pytest.raises(MemoryError):
        await Rollups("me", book, FollowedLogStore(), clock=lambda: BEGINNING, manners=Manners(rest=0)).run()
