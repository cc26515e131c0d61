"""Commands out, on the fixed topics, as plain JSON; the key keeps a job's messages in order."""

from typing import Final

import orjson

from services.query.handlers.commanding import Asked
from shared.contracts.commands import ExportCommand, ReprocessCommand, job_document_id
from shared.contracts.dead_letters import ReplayCommand
from shared.contracts.imports import ImportCommand
from shared.contracts.names import EXPORTS_TOPIC, REPLAY_TOPIC, REPROCESS_TOPIC
from shared.kafka.producer import OutMessage, Publisher

TOPICS: Final[dict[type[Asked], str]] = {
    ReprocessCommand: REPROCESS_TOPIC,
    ExportCommand: EXPORTS_TOPIC,
    ImportCommand: EXPORTS_TOPIC,
    ReplayCommand: REPLAY_TOPIC,
}


class KafkaCommands:
    """The port Commands."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, command: Asked) -> None:
        """Return when the broker has the command."""
        topic = TOPICS[type(command)]
        key = job_document_id(command.account, command.id).encode()
        await self._publisher.publish(OutMessage(topic, key, orjson.dumps(command.model_dump(mode="json"))))
