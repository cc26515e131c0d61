"""A job's outcome by the mark it left on entries: one index finds them, a time limit ends the counting."""

from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout

from services.query.handlers.outcomes import Outcome
from shared.contracts.events import STATUSES
from shared.contracts.names import LOG_ENTRIES, Kind
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

BY_JOB: Final = "by_reprocess_job"
STATES: Final = ("claimed", "sent", "answered", "unknown")


class MongoOutcomes:
    """The port OutcomeCounter."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._time_limit_ms = time_limit_ms

    async def count_outcome(self, account: str, kind: Kind, job_id: str) -> Outcome | None:
        """Count by state and status, within the index's range for this account: job ids are an account's own."""
        prefix = f"{account}|{kind}|"
        marked = {
            "reprocess.id": {"$eq": job_id},
            "reprocess.state": {"$in": list(STATES)},
            "reprocess.cancelled": {"$ne": True},  # never asked
            "_id": {"$gt": prefix, "$lt": prefix[:-1] + "}"},  # `}` follows `|`: the end of the prefix
        }
        told = {"state": "$reprocess.state", "status": "$state.status"}
        pipeline: list[dict[str, Any]] = [{"$match": marked}, {"$group": {"_id": told, "count": {"$sum": 1}}}]
        with translated():
            try:
                found = await self._entries.aggregate(pipeline, hint=BY_JOB, maxTimeMS=self._time_limit_ms)
                groups = [(group["_id"], group["count"]) for group in await found.to_list()]
            except ExecutionTimeout:
                return None
        return _outcome(groups)


def _outcome(groups: list[tuple[Document, int]]) -> Outcome:
    by_state = dict.fromkeys(STATES, 0)
    answered: dict[str, int] = dict.fromkeys(STATUSES, 0)
    for told, count in groups:
        by_state[told["state"]] += count
        if told["state"] == "answered":
            answered[told["status"]] += count
    return Outcome(waiting=by_state["claimed"] + by_state["sent"], answered=answered, unknown=by_state["unknown"])
