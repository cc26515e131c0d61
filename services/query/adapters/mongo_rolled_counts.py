"""Counts from the rollups that ingest keeps, and of the pieces of hours at the ends of a period from the log as it stood then.

All rows are read at one cluster time, the pieces at the one up to which those rows count the log: together they are exact for one instant.
"""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from bson.timestamp import Timestamp
from pymongo.errors import OperationFailure

from services.query.adapters.log.plan import index_of, indexed_query
from services.query.adapters.rollup_pipelines import (
    Question,
    affiliates,
    causes,
    code_sets,
    kinds,
    kinds_and_series,
)
from services.query.adapters.rollup_rows import Asked
from services.query.core.period import Period
from services.query.core.rolled import Cell, Rolled, rolled_of, together
from services.query.handlers.insights import Bucket
from shared.contracts.advice import advice_of
from shared.contracts.filters import LogFilter
from shared.contracts.names import LOG_ENTRIES, PROJECTIONS, ROLLUPS
from shared.contracts.rollups import LAYOUT, PROJECTION, sorted_codes
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

GONE: Final = frozenset({239, 246})
"""A snapshot too old, or not there: the pieces cannot be read as they stood, or rows that were just replaced are swept away."""

MAX_REMEMBERED: Final = 64
"""Answers; a large one takes 130 kB."""

Stage = dict[str, Any]


class MongoRolledCounts:
    """The port RolledCounts. An answer holds until the rollups move on, so it is remembered: whoever asks for the same reads one document."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._database = database
        self._time_limit_ms = time_limit_ms
        self._stand: Hashable = None
        self._answers: dict[Hashable, Rolled] = {}  # all of one stand: none outlives it

    async def find_by_kind(self, account: str, rows: LogFilter) -> Rolled | None:
        """Read the fewest rows that tell kinds and statuses apart."""
        return await self._find(account, rows, [kinds()], "day")

    async def find_all(self, account: str, rows: LogFilter, *, bucket: Bucket) -> Rolled | None:
        """Read sums, causes and the series side by side."""
        return await self._find(account, rows, [kinds_and_series(bucket), affiliates(), causes()], bucket)

    async def _find(
        self, account: str, rows: LogFilter, questions: Sequence[Question], bucket: Bucket
    ) -> Rolled | None:
        with translated():
            try:
                return await self._answer(account, rows, questions, bucket)
            except OperationFailure as error:
                if error.code in GONE:
                    return None
                raise

    async def _answer(
        self, account: str, rows: LogFilter, questions: Sequence[Question], bucket: Bucket
    ) -> Rolled | None:
        found = await self._snapshot()
        if found is None:
            return None
        projection, read_at = found
        stand = (projection["generation"], projection["applied"])  # rows change in one transaction with it
        if stand != self._stand:
            self._stand, self._answers = stand, {}
        answers, asked = self._answers, (account, rows, bucket, len(questions))  # one question or all
        rolled = answers.get(asked)
        if rolled is None:
            rolled = await self._read(account, rows, questions, bucket, projection, read_at)
            if len(answers) >= MAX_REMEMBERED:
                answers.clear()
            answers[asked] = rolled
        return rolled

    async def _read(
        self,
        account: str,
        rows: LogFilter,
        questions: Sequence[Question],
        bucket: Bucket,
        projection: Document,
        read_at: Timestamp,
    ) -> Rolled:
        period = Period(rows.from_at, rows.to_at)
        reads = [self._piece(account, rows, piece, projection["applied"], bucket) for piece in period.pieces()]
        if (hours := period.whole_hours()) is not None:
            asked = Asked(account, projection["generation"], rows, hours)
            asked = replace(asked, code_sets=await self._advised(asked, read_at)) if rows.retry else asked
            reads += [self._rows(question, asked, read_at) for question in questions]
        return together(await asyncio.gather(*reads), projection["as_of"])

    async def _advised(self, asked: Asked, read_at: Timestamp) -> list[list[str | None]]:
        """Return the sets of codes of which the catalogue advises what is asked for: there are few, and comparing them is quick."""
        found = await self._aggregate(ROLLUPS, code_sets(asked), read_at, {"hint": "_id_"})
        wanted = asked.rows.retry
        return [group["_id"] for group in found if any(advice_of(code) in wanted for code in group["_id"])]

    async def _snapshot(self) -> tuple[Document, Timestamp] | None:
        answer = await self._database.command(
            {
                "find": PROJECTIONS,
                "filter": {"_id": PROJECTION},
                "limit": 1,
                "singleBatch": True,
                "readConcern": {"level": "snapshot"},
            },
            codec_options=self._database.codec_options,
        )
        cursor = answer["cursor"]
        if not cursor["firstBatch"]:
            return None
        (projection,) = cursor["firstBatch"]
        is_there = projection.get("generation") is not None and projection.get("layout") == LAYOUT
        return (projection, cursor["atClusterTime"]) if is_there else None

    async def _rows(self, question: Question, asked: Asked, read_at: Timestamp) -> Rolled:
        found = await self._aggregate(ROLLUPS, question.pipeline(asked), read_at, {"hint": "_id_"})
        return question.read(asked, found)

    async def _piece(self, account: str, rows: LogFilter, piece: Period, applied: Timestamp, bucket: Bucket) -> Rolled:
        start = piece.start
        assert start is not None  # noqa: S101  # a piece lies within an hour
        narrowed = replace(rows, from_at=piece.start, to_at=piece.end)
        facts = {"kind": "$kind", "affiliate": "$affiliate", "status": "$state.status"}
        group = {**facts, "codes": {"$ifNull": ["$state.causes.code", []]}}
        pipeline = [{"$match": indexed_query(account, narrowed)}, {"$group": {"_id": group, "n": {"$sum": 1}}}]
        found = await self._aggregate(LOG_ENTRIES, pipeline, applied, {"hint": index_of(narrowed)})
        return rolled_of(
            (
                Cell(by["kind"], by["affiliate"], by["status"], sorted_codes(by["codes"]), start, group["n"])
                for group in found
                for by in (group["_id"],)
            ),
            bucket,
        )

    async def _aggregate(
        self, collection: str, pipeline: list[Stage], at: Timestamp, options: Mapping[str, Any]
    ) -> list[Document]:
        cursor = await self._database.cursor_command(
            {
                "aggregate": collection,
                "pipeline": pipeline,
                "cursor": {"batchSize": 10_000},
                "maxTimeMS": self._time_limit_ms,
                "readConcern": {"level": "snapshot", "atClusterTime": at},
                **options,
            },
            codec_options=self._database.codec_options,
        )
        async with cursor:
            return await cursor.to_list()
