"""Commands out, on the fixed topics, as plain JSON; the key keeps a job's messages in order."""

import orjson

from shared.contracts.commands import ExportCommand, ReprocessCommand, job_document_id
from shared.contracts.names import EXPORTS_TOPIC, REPROCESS_TOPIC
from shared.kafka.producer import OutMessage, Publisher


class KafkaCommands:
    """The port Commands."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, command: ReprocessCommand | ExportCommand) -> None:
        """Return when the broker has the command."""
        topic = REPROCESS_TOPIC if isinstance(command, ReprocessCommand) else EXPORTS_TOPIC
        key = job_document_id(command.account, command.id).encode()
        await self._publisher.publish(OutMessage(topic, key, orjson.dumps(command.model_dump(mode="json"))))
