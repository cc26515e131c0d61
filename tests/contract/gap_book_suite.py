"""What every GapBook promises ingest. Subclass it with a fixture `book` and one `noted`."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from services.ingest.handlers.gaps import GapBook
from shared.contracts.gaps import Gap
from tests.support.builders import RECEIVED_AT

Noted = Callable[[], Awaitable[list[dict[str, Any]]]]
GAP = Gap("ponte.ingest", "integration.events.order", 3, 10, 25, "deleted")


class GapBookSuite:
    async def test_a_gap_is_noted_with_all_that_a_person_needs_to_know(self, book: GapBook, noted: Noted) -> None:
        assert await book.note(GAP, at=RECEIVED_AT, reads_on=True)

        (found,) = await noted()
        assert (found["topic"], found["partition"], found["from"], found["to"]) == (GAP.topic, 3, 10, 25)
        assert (found["records"], found["reason"], found["then"]) == (15, "deleted", "read on")
        assert (found["group"], found["at"]) == (GAP.group, RECEIVED_AT)

    async def test_a_gap_that_is_met_again_stays_as_it_is(self, book: GapBook, noted: Noted) -> None:
        await book.note(GAP, at=RECEIVED_AT, reads_on=False)
        assert not await book.note(GAP, at=RECEIVED_AT + timedelta(days=1), reads_on=True)

        (found,) = await noted()
        assert (found["at"], found["then"]) == (RECEIVED_AT, "stopped")

    async def test_one_meeting_that_is_written_down_twice_since_its_answer_was_lost_is_still_the_first(
        self, book: GapBook, noted: Noted
    ) -> None:
        assert await book.note(GAP, at=RECEIVED_AT, reads_on=True)
        assert await book.note(GAP, at=RECEIVED_AT, reads_on=True)

        assert len(await noted()) == 1

    async def test_nobody_knows_how_much_is_missing_of_a_topic_made_again(self, book: GapBook, noted: Noted) -> None:
        await book.note(Gap(GAP.group, GAP.topic, 3, 10, 0, "recreated"), at=RECEIVED_AT, reads_on=True)
        assert [found["records"] for found in await noted()] == [None]
