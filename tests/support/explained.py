"""Readers of the log whose commands are heard, so that MongoDB can be asked what each of them costs."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pymongo import AsyncMongoClient, MongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from services.query.adapters.log.mongo_log_reader import MongoLogReader
from services.query.handlers.reading import Total
from shared.contracts.filters import LogFilter
from shared.mongo.client import Document
from shared.runtime.clock import now

Read = TypeVar("Read")
HEARD = ("find", "aggregate", "count")
OF_THE_DRIVER = ("lsid", "$clusterTime", "$db", "$readPreference", "readConcern", "maxTimeMS")


class Listener(CommandListener):
    """Keeps the reading commands that were sent, unless they are for a total, which has a bound of its own."""

    def __init__(self) -> None:
        self.commands: list[Document] = []
        self.is_deaf: ContextVar[bool] = ContextVar("is_deaf", default=False)

    def started(self, event: CommandStartedEvent) -> None:
        if self.is_deaf.get():
            return
        if event.command_name in HEARD:
            sent = dict(event.command)
            self.commands.append({name: sent[name] for name in sent if name not in OF_THE_DRIVER})

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


class Counting(MongoLogReader):
    """Says when it counts for a list, beside the rows."""

    def __init__(self, listener: Listener, database: Any, **options: Any) -> None:
        super().__init__(database, **options)
        self._listener = listener
        self.is_heard = True

    async def count_entries(self, account: str, rows: LogFilter, *, at_most: int) -> Total:
        token = self._listener.is_deaf.set(not self.is_heard)
        try:
            return await super().count_entries(account, rows, at_most=at_most)
        finally:
            self._listener.is_deaf.reset(token)


def counting(listener: Listener, database: Any) -> Counting:
    """Return a reader of entries."""
    return Counting(listener, database, time_limit_ms=5000, now=now)


@dataclass(frozen=True, slots=True)
class Told:
    """What some commands cost. `scans`: walks along an index, each of which looks one key ahead where several are merged."""

    keys: int
    documents: int
    indexes: frozenset[str]
    stages: frozenset[str]
    scans: int


class Explained(Generic[Read]):
    """`reader`, and what it asked since `forget`."""

    def __init__(self, reader: Read, listener: Listener, database: Any) -> None:
        self.reader = reader
        self._listener = listener
        self._database = database

    def forget(self) -> None:
        """Begin anew."""
        self._listener.commands.clear()

    def asked(self) -> list[str]:
        """Return the names of the commands since then, in their order."""
        return [next(iter(one)) for one in self._listener.commands]

    def told(self, *names: str) -> Told:
        """Return the cost of the commands of these names, of all when none is given."""
        return self._told([one for one in self._listener.commands if not names or next(iter(one)) in names])

    def _told(self, commands: Sequence[Document]) -> Told:
        options = self._database.codec_options  # a command does not take them by itself
        plans = [
            self._database.command("explain", one, verbosity="executionStats", codec_options=options)
            for one in commands
        ]
        parts = list(_parts(plans))
        scans = [part for part in parts if part.get("stage") in {"IXSCAN", "COUNT_SCAN", "DISTINCT_SCAN"}]
        executed = [part for part in scans if "keysExamined" in part]
        return Told(
            keys=sum(part.get("totalKeysExamined", 0) for part in parts),
            documents=sum(part.get("totalDocsExamined", 0) for part in parts),
            indexes=frozenset(part["indexName"] for part in executed),
            stages=frozenset(part["stage"] for part in parts if "stage" in part),
            scans=len(executed),
        )


@asynccontextmanager
async def explained(uri: str, database: str, make: Callable[[Listener, Any], Read]) -> AsyncIterator[Explained[Read]]:
    """Yield what `make` makes of a listener and a database."""
    listener = Listener()
    asking = AsyncMongoClient[Document](uri, tz_aware=True, event_listeners=[listener])
    async with asking as client:
        # The bounds of a walk along dates may lie beyond what Python knows.
        with MongoClient[Document](uri, datetime_conversion="DATETIME_AUTO") as other:
            yield Explained(make(listener, client[database]), listener, other[database])


def _parts(plan: Any) -> Iterator[Document]:
    if isinstance(plan, dict):
        yield plan
    if isinstance(plan, dict | list):
        for inner in plan.values() if isinstance(plan, dict) else plan:
            yield from _parts(inner)
