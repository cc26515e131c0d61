"""The audit in MongoDB: lines are only ever added."""

from dataclasses import asdict

from pymongo.asynchronous.collection import AsyncCollection

from services.query.handlers.auditing import AuditLine
from shared.contracts.names import AUDIT
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated


class MongoAudit:
    """The port Audit."""

    def __init__(self, database: Database) -> None:
        self._lines: AsyncCollection[Document] = database[AUDIT]

    async def record(self, line: AuditLine) -> None:
        """Insert the line."""
        with translated():
            await self._lines.insert_one(asdict(line))
