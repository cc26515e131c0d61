"""When affiliates were heard of, told from one index alone, however many entries there are.

`by_affiliate` sorts by account, kind, affiliate, status and newest first. MongoDB skips along it from affiliate to affiliate (a
DISTINCT_SCAN: two keys for each, no document), so a question about a whole account costs what its affiliates are, not its entries.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection

from services.query.core.freshness import MOST_RECENT, Recent
from shared.contracts.events import STATUSES
from shared.contracts.names import KINDS, LOG_ENTRIES
from shared.contracts.times import aware
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

INDEX: Final = "by_affiliate"
ALONG_THE_INDEX: Final = {"account": 1, "kind": 1, "affiliate": 1, "state.status": 1, "state.processed_at": -1}
Stage = dict[str, Any]


class MongoFreshness:
    """The port FreshnessReader."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._entries: AsyncCollection[Document] = database[LOG_ENTRIES]
        self._time_limit_ms = time_limit_ms

    async def list_affiliates(self, account: str, *, at_most: int) -> list[str]:
        """Return the affiliates that have entries, in order."""
        found = await asyncio.gather(*(self._run(affiliates_of(account, kind, at_most)) for kind in KINDS))
        return sorted({group["_id"] for groups in found for group in groups})[:at_most]

    async def list_last_events(
        self, account: str, affiliates: Sequence[str]
    ) -> dict[str, dict[str, dict[str, datetime]]]:
        """Return affiliate → kind → status → when an item that has it now was processed last."""
        asked = [(kind, status) for kind in KINDS for status in STATUSES]
        answers = await asyncio.gather(
            *(self._run(newest_of(account, kind, status, affiliates)) for kind, status in asked)
        )
        heard: dict[str, dict[str, dict[str, datetime]]] = {}
        for (kind, status), groups in zip(asked, answers, strict=True):
            for group in groups:
                heard.setdefault(group["_id"], {}).setdefault(kind, {})[status] = aware(group["at"])
        return heard

    async def count_recent(self, account: str, affiliate: str, kind: str, *, since: datetime) -> Recent:
        """Return how the newest items processed since then stand."""
        groups = await self._run(recent_of(account, affiliate, kind, since))
        counts: Mapping[str, int] = {group["_id"]: group["count"] for group in groups}
        return Recent(items=sum(counts.values()), failing=counts.get("error", 0))

    async def _run(self, pipeline: list[Stage]) -> list[Document]:
        with translated():
            cursor = await self._entries.aggregate(pipeline, hint=INDEX, maxTimeMS=self._time_limit_ms)
            return await cursor.to_list()


def affiliates_of(account: str, kind: str, at_most: int) -> list[Stage]:
    """Return the pipeline that skips from affiliate to affiliate."""
    return [
        {"$match": {"account": {"$eq": account}, "kind": {"$eq": kind}}},
        {"$group": {"_id": "$affiliate"}},
        {"$limit": at_most},
    ]


def newest_of(account: str, kind: str, status: str, affiliates: Sequence[str]) -> list[Stage]:
    """Return the pipeline that skips to the newest entry of each affiliate that has this status."""
    rows = {
        "account": {"$eq": account},
        "kind": {"$eq": kind},
        "affiliate": {"$in": list(affiliates)},
        "state.status": {"$eq": status},
    }
    return [
        {"$match": rows},
        {"$sort": ALONG_THE_INDEX},
        {"$group": {"_id": "$affiliate", "at": {"$first": "$state.processed_at"}}},
    ]


def recent_of(account: str, affiliate: str, kind: str, since: datetime) -> list[Stage]:
    """Return the pipeline that counts the newest entries by status: four short walks merged by time."""
    rows = {
        "account": {"$eq": account},
        "kind": {"$eq": kind},
        "affiliate": {"$eq": affiliate},
        "state.status": {"$in": list(STATUSES)},
        "state.processed_at": {"$gte": since},
    }
    return [
        {"$match": rows},
        {"$sort": {"state.processed_at": -1}},
        {"$limit": MOST_RECENT},
        {"$group": {"_id": "$state.status", "count": {"$sum": 1}}},
    ]
