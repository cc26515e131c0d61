"""What every DeadLetters must do."""

import secrets

import pytest

from services.ingest.handlers.ports import DeadLetters
from shared.contracts.errors import BrokerUnavailable
from shared.contracts.names import ENVELOPE_BYTES, EVENTS_MAX_MESSAGE_BYTES
from shared.contracts.records import DeadLetter
from tests.support.builders import make_record

TOO_LARGE = EVENTS_MAX_MESSAGE_BYTES + 2 * ENVELOPE_BYTES


def letter_of(value: bytes, offset: int = 0) -> DeadLetter:
    return DeadLetter(make_record(value, offset=offset), "NotUtf8", "no text")


class DeadLettersSuite:
    async def test_what_is_taken_is_not_told(self, dead_letters: DeadLetters) -> None:
        assert list(await dead_letters.offer([letter_of(b"\xff", n) for n in range(3)])) == []
        assert list(await dead_letters.offer([])) == []

    async def test_one_that_is_refused_takes_no_neighbour_along(self, dead_letters: DeadLetters) -> None:
        large = letter_of(secrets.token_bytes(TOO_LARGE), 1)

        untaken = await dead_letters.offer([letter_of(b"\xff", 0), large, letter_of(b"\xff", 2)])

        assert [(one.letter, one.error) for one in untaken] == [(large, "MSG_SIZE_TOO_LARGE")]
        assert untaken[0].detail

    async def test_who_wants_all_of_them_put_aside_hears_that_one_was_not(self, dead_letters: DeadLetters) -> None:
        await dead_letters.put([letter_of(b"\xff")])
        with pytest.raises(BrokerUnavailable):
            await dead_letters.put([letter_of(secrets.token_bytes(TOO_LARGE))])
