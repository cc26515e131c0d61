"""A walk along one index of the log: every key a row, or no more keys than a budget allows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection

from services.query.adapters.log.course import Course
from services.query.core.cursor import Position
from services.query.handlers.reading import REMEMBERED_ROWS, Found
from shared.contracts.entries import PAYLOAD_FIELDS, LogEntry, entry_from_document
from shared.contracts.times import aware
from shared.mongo.client import Document
from shared.mongo.queries import Query

WITHOUT_CONTENT: Final = dict.fromkeys(
    (
        *(f"state.{name}" for name in (*PAYLOAD_FIELDS, "payload_preview", "words", "aliases", "extra")),
        *(f"state.{name}" for name in ("version", "sequence", "reprocess_id")),
        *("ids", "applied", "was"),
    ),
    0,
)
"""Neither shown by a list nor needed to go on with it."""

AS_SEARCHED: Final = {path: 0 for path in WITHOUT_CONTENT if path not in {"ids", "state.words"}}
"""The same, but for what a search looks at."""

LOOK_SHARE: Final = 12
"""One key in so many of the budget goes into the quick look: where many rows fit, it fills the page."""

NAIVE: Final[CodecOptions[Document]] = CodecOptions()
"""Instants without a zone, which `aware` gives them: three times as fast as by the driver, and a page has two hundred."""

RAW: Final = CodecOptions(document_class=RawBSONDocument)

LONGEST_REMEMBERED: Final = 4_096
"""Bytes of a row: of what is longer there are few, and they are read each time."""

Order = dict[str, int]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is asked for: the first `limit` rows beyond `after`, upwards or downwards."""

    after: Position | None
    ascending: bool
    limit: int

    def order(self, path: str) -> Order:
        """Return the order (`path`, id) as MongoDB takes it."""
        return dict.fromkeys((path, "_id"), 1 if self.ascending else -1)


class EntryWalk:
    """Reads entries along a course. Callers translate the driver's errors."""

    def __init__(self, entries: AsyncCollection[Document], *, time_limit_ms: int) -> None:
        self.entries = entries.with_options(codec_options=NAIVE)
        self._raw = entries.with_options(codec_options=RAW)
        self.time_limit_ms = time_limit_ms

    async def along_all(self, courses: Sequence[Course], asked: Stretch, keys: int) -> Found:
        """Return the rows of courses that follow one another, among so many keys."""
        if asked.after is not None and len(courses) > 1 and not courses[0].holds(asked.after.at):
            courses = courses[1:]
        entries: list[LogEntry] = []
        for course in courses:
            found = await self.along(course, replace(asked, limit=asked.limit - len(entries)), keys // len(courses))
            entries += found.entries
            if found.reached is not None or len(entries) == asked.limit:
                return Found(entries, found.reached)
            asked = replace(asked, after=None)
        return Found(entries)

    async def along(self, course: Course, asked: Stretch, keys: int) -> Found:
        """Return the rows of one course among so many keys; all keys are looked at where each is a row."""
        if not course.rest:
            query = course.keys(asked.after, None, ascending=asked.ascending)
            return Found(await self.find(query, course.index, course.path, asked))
        look = keys // LOOK_SHARE
        if len(near := await self.look(course, asked, look)) == asked.limit:
            return Found(near)
        until = await self._place(course, asked, max(asked.limit, (keys - look) // 2 - course.branches))
        query = course.rows(asked.after, until, ascending=asked.ascending)
        entries = await self.find(query, course.index, course.path, asked)
        return Found(entries, until if len(entries) < asked.limit else None)

    async def find(self, query: Query, index: str, path: str, asked: Stretch) -> list[LogEntry]:
        """Return the first rows of a query in the order (`path`, id), along an index or sorted where that has another order."""
        sort = list(asked.order(path).items())
        asking = {"sort": sort, "limit": asked.limit, "hint": index, "max_time_ms": self.time_limit_ms}
        rows, read = self._reading(asked)
        return read(await rows.find(query, WITHOUT_CONTENT, **asking).to_list())

    async def read(self, query: Query, *, limit: int) -> list[Document]:
        """Return the first rows of a query as they are stored, as `lets_pass` takes them; the planner chooses an index for each alternative.

        No hint names several indexes. The planner tries them, and goes on with the one that ends after a few keys.
        """
        return await self.entries.find(query, AS_SEARCHED, limit=limit, max_time_ms=self.time_limit_ms).to_list()

    async def look(self, course: Course, asked: Stretch, keys: int) -> list[LogEntry]:
        """Return the rows among the nearest `keys` keys: all there are only if they are as many as asked for."""
        pipeline: list[dict[str, Any]] = [
            {"$match": course.keys(asked.after, None, ascending=asked.ascending)},
            {"$sort": asked.order(course.path)},
            {"$limit": max(keys, 1)},
            {"$match": course.rest},
            {"$limit": asked.limit},
            {"$project": WITHOUT_CONTENT},
        ]
        rows, read = self._reading(asked)
        found = await rows.aggregate(pipeline, hint=course.index, maxTimeMS=self.time_limit_ms)
        return read(await found.to_list())

    def _reading(self, asked: Stretch) -> tuple[AsyncCollection[Any], Callable[[Iterable[Any]], list[LogEntry]]]:
        """Return what to ask for the rows of a page, and what reads them."""
        return (self._raw, _first_rows) if asked.after is None else (self.entries, _further_rows)

    async def _place(self, course: Course, asked: Stretch, keys: int) -> Position | None:
        """Return the place of the key so many further on, None where there are fewer: no document is read.

        What is then read has this place as its bound, so that nothing between is left out or told twice while others write.
        """
        query = course.keys(asked.after, None, ascending=asked.ascending)
        found = self.entries.find(query, {"_id": 1, course.path: 1}, max_time_ms=self.time_limit_ms)
        order = list(asked.order(course.path).items())
        async for key in found.sort(order).skip(keys - 1).limit(1).hint(course.index):
            return Position(_value(key, course.path), key["_id"])
        return None


def _first_rows(found: Iterable[RawBSONDocument]) -> list[LogEntry]:
    """Return the rows of a first page: most are those that it had when it was asked for before."""
    raws = [bytes(one.raw) for one in found]
    return [_remembered(raw) if len(raw) <= LONGEST_REMEMBERED else _read(raw) for raw in raws]


def _further_rows(found: Iterable[Document]) -> list[LogEntry]:
    """Return rows beyond it. Whoever leafs on sees each once: to remember them would cost as much as to read them, and drop the others."""
    return [entry_from_document(document) for document in found]


def _read(raw: bytes) -> LogEntry:
    document: Document = bson.decode(raw, NAIVE)
    return entry_from_document(document)


_remembered = lru_cache(REMEMBERED_ROWS)(_read)


def _value(key: Document, path: str) -> Any:
    if path == "_id":
        return 1  # of a list by attempts: those tried once
    value: Any = key
    for name in path.split("."):
        value = value[name]
    return aware(value) if hasattr(value, "tzinfo") else value
