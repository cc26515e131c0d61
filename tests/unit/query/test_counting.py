from typing import Any, cast

import pytest
from pymongo import ReadPreference
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect
from pymongo.read_concern import ReadConcern

from services.query.adapters.log.mongo_counting import count_up_to
from shared.mongo.client import Document


class HandingOver:
    """A collection, and its database, whose primary hands over as often as said before it answers."""

    name = "log_entries"
    read_concern = ReadConcern("majority")
    read_preference = ReadPreference.PRIMARY

    def __init__(self, times: int) -> None:
        self.database = self
        self.left = times
        self.asked: list[Document] = []

    async def command(self, command: Document, **_: Any) -> Document:
        self.asked.append(command)
        if self.left:
            self.left -= 1
            raise AutoReconnect("the primary steps down")
        return {"n": 7}


async def count(of: HandingOver) -> int:
    collection = cast("AsyncCollection[Document]", of)
    return await count_up_to(collection, {"account": "loja"}, "by_time", limit=10, within_ms=50)


async def test_a_count_survives_a_primary_that_hands_over_and_asks_the_same_again() -> None:
    log = HandingOver(1)

    assert await count(log) == 7
    assert log.asked[0] == log.asked[1]
    assert log.asked[0]["readConcern"] == {"level": "majority"}


async def test_a_count_gives_up_when_there_is_no_primary() -> None:
    with pytest.raises(AutoReconnect):
        await count(HandingOver(2))
