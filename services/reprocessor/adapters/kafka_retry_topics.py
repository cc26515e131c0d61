"""Retry messages out, and what became of each: sent, refused or unknown."""

from collections.abc import Sequence

from services.reprocessor.core.retry_message import RetryMessage
from services.reprocessor.handlers.ports import Delivery
from shared.contracts.cloudevents import structured
from shared.contracts.names import Kind, retry_topic
from shared.kafka.producer import TOO_LARGE, MaySend, OutMessage, Publisher, Sent, always


class KafkaRetryTopics:
    """Implements RetryTopics."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(
        self, kind: Kind, messages: Sequence[RetryMessage], *, may_send: MaySend = always
    ) -> Sequence[Delivery]:
        """Return, in order, what became of each message."""
        sent = await self._publish([_record(retry_topic(kind), message) for message in messages], may_send)
        return [_delivery(result) for result in sent]

    async def _publish(self, records: Sequence[OutMessage], may_send: MaySend = always) -> list[Sent]:
        results = await self._publisher.publish_all(records, may_send=may_send)
        # The broker's limit holds for a whole batch on the wire: it refuses the neighbours of what is too large, and a batch of
        # small ones. Nothing of it was written, so halves are tried again until the culprit stands alone.
        refused = [place for place, result in enumerate(results) if result.error == TOO_LARGE]
        if len(refused) == 0 or len(records) == 1:
            return results
        middle = (len(refused) + 1) // 2
        for half in (refused[:middle], refused[middle:]):
            again = await self._publish([records[place] for place in half], may_send)
            for place, result in zip(half, again, strict=True):
                results[place] = result
        return results


def _record(topic: str, message: RetryMessage) -> OutMessage:
    value, headers = structured(message.event)
    return OutMessage(topic, message.key.encode(), value, headers)


def _delivery(sent: Sent) -> Delivery:
    # What is no fault of the item is unknown: the job waits until somebody has mended it.
    reason = {"sent": "", "unknown": "unknown"}.get(sent.verdict, "too_large" if sent.error == TOO_LARGE else "refused")
    return Delivery(sent.verdict, reason, sent.detail)
