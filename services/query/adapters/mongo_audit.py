"""The audit in MongoDB: lines are only ever added."""

from dataclasses import asdict
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from services.query.core.cursor import Position
from services.query.handlers.auditing import AuditFilter, AuditLine
from shared.contracts.names import AUDIT
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated
from shared.mongo.paging import beyond, order_by


class MongoAudit:
    """The port Audit."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._lines: AsyncCollection[Document] = database[AUDIT]
        self._time_limit_ms = time_limit_ms

    async def record(self, line: AuditLine) -> None:
        """Insert the line."""
        document = asdict(line)
        document["_id"] = document.pop("id")
        with translated():
            await self._lines.insert_one(document)

    async def list_lines(
        self, account: str, rows: AuditFilter, *, after: Position | None, ascending: bool = False, limit: int
    ) -> list[AuditLine]:
        """Walk the one index that starts with what is asked for; the rest is filtered on the way, within the time limit."""
        query = _query(account, rows)
        if after is not None:
            query = beyond(query, "at", after.at, after.id, ascending=ascending)
        found = self._lines.find(query, hint=_index(rows), max_time_ms=self._time_limit_ms)
        found = found.sort(order_by("at", ascending=ascending)).limit(limit)
        with translated():
            return [_line(document) for document in await found.to_list()]


def _index(rows: AuditFilter) -> str:
    if rows.target:
        return "by_target"
    if rows.actor:
        return "by_actor"
    return "by_action" if rows.action else "by_time"


def _query(account: str, rows: AuditFilter) -> Document:
    query: Document = {"account": {"$eq": account}}
    for name, values in (("key_id", rows.actor), ("action", rows.action), ("target", rows.target)):
        if values:
            query[name] = {"$in": list(values)}
    period: dict[str, Any] = {}
    if rows.from_at is not None:
        period["$gte"] = rows.from_at
    if rows.to_at is not None:
        period["$lt"] = rows.to_at
    if period:
        query["at"] = period
    return query


def _line(document: Document) -> AuditLine:
    return AuditLine(
        account=document["account"],
        at=document["at"],
        action=document["action"],
        target=document.get("target")
        or document.get("entry", ""),  # `entry`: lines written before there were other targets
        key_id=document["key_id"],
        key_name=document["key_name"],
        by_session=document["by_session"],
        reason=document["reason"],
        by_token=document.get("by_token", False),
        request_id=document.get("request_id", ""),
        id=str(document["_id"]),
    )
