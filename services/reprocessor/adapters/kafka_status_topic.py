"""Progress of jobs, for whoever asked: small JSON on `integration.reprocess.status`, key `account|job id`."""

import orjson

from services.reprocessor.handlers.ports import Document
from shared.contracts.commands import job_document_id
from shared.contracts.names import REPROCESS_STATUS_TOPIC
from shared.kafka.producer import OutMessage, Publisher
from shared.runtime.logging import get_logger

log = get_logger(__name__)


class KafkaStatusTopic:
    """Implements StatusTopic."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def tell(self, status: Document) -> None:
        """Publish the status, or log that it was not possible: the job's document is the truth."""
        key = job_document_id(status["account"], status["id"]).encode()
        (result,) = await self._publisher.publish_all([OutMessage(REPROCESS_STATUS_TOPIC, key, orjson.dumps(status))])
        if result.delivery != "sent":
            log.warning("status.untold", extra={"facts": {"id": status["id"], "why": result.detail}})
