"""Dead letters out: the record's bytes untouched, its address and the reason in headers."""

from collections.abc import Sequence

from shared.contracts.errors import BrokerUnavailable
from shared.contracts.names import (
    DEAD_LETTER_TOPIC,
    HEADER_ERROR_CLASS,
    HEADER_ERROR_MESSAGE,
    HEADER_ORIGINAL_OFFSET,
    HEADER_ORIGINAL_PARTITION,
    HEADER_ORIGINAL_TOPIC,
    MAX_ERROR_MESSAGE_BYTES,
)
from shared.contracts.records import DeadLetter, Untaken
from shared.kafka.producer import OutMessage, Publisher


class KafkaDeadLetters:
    """Puts records aside on `integration.deadletter`."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Return when the broker has all of them. Raise BrokerUnavailable otherwise: the offsets must then not move on."""
        if untaken := await self.offer(letters):
            msg = f"{len(untaken)} of {len(letters)} dead letters were not taken: {untaken[0].detail}"
            raise BrokerUnavailable(msg)

    async def offer(self, letters: Sequence[DeadLetter]) -> list[Untaken]:
        """Return those that the broker did not take, or of which it said nothing; it has all others. Never raises for their sake."""
        results = await self._publisher.publish_all([_message(letter) for letter in letters])
        return [
            Untaken(letter, result.error or "UNKNOWN", result.detail)
            for letter, result in zip(letters, results, strict=True)
            if result.delivery != "sent"
        ]


def _message(letter: DeadLetter) -> OutMessage:
    address = letter.record.address
    reason = letter.error_message.encode(errors="replace")[:MAX_ERROR_MESSAGE_BYTES]
    own = [
        (HEADER_ORIGINAL_TOPIC, address.topic.encode()),
        (HEADER_ORIGINAL_PARTITION, str(address.partition).encode()),
        (HEADER_ORIGINAL_OFFSET, str(address.offset).encode()),
        (HEADER_ERROR_CLASS, letter.error_class.encode()),
        (HEADER_ERROR_MESSAGE, reason),
    ]
    # A publisher's own header may have the name of one of ours: whoever reads takes the last for ours.
    return OutMessage(DEAD_LETTER_TOPIC, letter.record.key, letter.record.value, [*letter.record.headers, *own])
