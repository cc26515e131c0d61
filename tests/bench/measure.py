"""One run of one contender: fresh servers, a warm-up, then a clock over the rest.

The warm-up is published and written first (JIT, connections, group membership). Then the contender is held (SIGSTOP), the measured
events are published, both servers come to rest, and the clock runs from SIGCONT to the moment at which all expected documents can be
read with read concern majority. CPU is the difference of the process trees' times over the same span; memory the largest seen.
"""

import os
import signal
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import psutil
from pymongo import IndexModel, MongoClient
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from deploy.local.process import ChildProcess, stop_together
from deploy.local.servers import Servers, start_servers
from deploy.provision import provision
from shared.contracts.names import ATTEMPTS, LOG_ENTRIES
from tests.bench.contender import CACHE_GB, DATABASE, Contender, Stage
from tests.bench.loadgen import Load, publish

POLL_SECONDS = 0.04
LOOKS_FOR_EACH_WEIGHING = 6
"""Looking is not free: every 40 ms for the end, every quarter of a second at the memory."""

REST_SECONDS = 0.5
SAMPLED = 40
HELD_AT_MOST_SECONDS = 7.0
"""A held consumer is thrown out of its group after the session timeout: 10 s for ours, 45 s for Connect."""

EVENT_PATHS = {
    "account": "data.account",
    "kind": "data.kind",
    "affiliate": "data.affiliate",
    "state.status": "data.status",
    "state.processed_at": "data.processed_at",
    "ids": "data.code",
    "state.words": "data.causes.message",
    "state.causes.code": "data.causes.code",
    "state.groups": "data.causes.code",
    "state.received_at": "time",
    "code": "data.code",
}
"""Where the raw event holds what our indexes are on. `ids` and `words` have several keys for each of ours, one there: to its favour."""


class NotFinished(Exception):
    """The contender ended or did not get there in time; says how far it came."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to. CPU in seconds over the measured span, memory in bytes, `held` seconds of being stopped before it.

    `peak_pss` shares the pages that several processes have among them, such as Python's own; 0 where the system does not tell.

    `sample` holds some documents as canonical bytes by `_id`, of contenders that write our model.
    """

    events: int
    seconds: float
    contender_cpu: float
    mongod_cpu: float
    kafka_cpu: float
    peak_rss: int
    peak_pss: int
    held: float
    wrong: str
    sample: Mapping[str, bytes]

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def server_cpu(self) -> float:
        """Of both servers."""
        return self.mongod_cpu + self.kafka_cpu


def run_once(contender: Contender, warm_up: Load, load: Load, *, limit_seconds: float, pin: bool = False) -> Run:
    """Return what the contender makes of `load`. Raise NotFinished; nothing is left running either way."""
    contender.prepare()
    with (
        tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder,
        start_servers(None, environ={}, prefer_docker=False, mongo_cache_gb=CACHE_GB) as servers,
        MongoClient[dict[str, Any]](servers.mongo.uri) as client,
    ):
        provision(servers.kafka.bootstrap, servers.mongo.uri, DATABASE)
        database = client[DATABASE]
        if not contender.own_model:
            _index_the_event(database[LOG_ENTRIES])
        publish(servers.kafka.bootstrap, warm_up.messages)
        children = contender.start(Stage(servers.kafka.bootstrap, servers.mongo.uri, Path(folder)))
        try:
            if pin:
                _pin(servers, children)
            return _measure(_Race(contender, servers, children, database, limit_seconds), warm_up, load)
        finally:
            for child in children:
                _signal([child], signal.SIGCONT)
            stop_together(children, 0)


@dataclass(slots=True)
class _Race:
    contender: Contender
    servers: Servers
    children: Sequence[ChildProcess]
    database: Any
    limit: float
    peak_rss: int = 0
    peak_pss: int = 0

    def wait(self, markers: Sequence[str], entries: int, attempts: int) -> None:
        """Return when so many documents stand there, the markers durable. Raise NotFinished."""
        log = self.database.get_collection(LOG_ENTRIES, read_concern=ReadConcern("majority"))
        tries = self.database[ATTEMPTS]
        if self.contender.own_model:  # the newest attempt of each entry is its state
            attempts -= entries
        deadline = time.monotonic() + self.limit
        for look in count():
            if look % LOOKS_FOR_EACH_WEIGHING == 0:
                tree = _tree(self.children)
                self.peak_rss = max(self.peak_rss, sum(process.memory_info().rss for process in tree))
                self.peak_pss = max(
                    self.peak_pss, sum(getattr(process.memory_full_info(), "pss", 0) for process in tree)
                )
            seen = log.estimated_document_count(), tries.estimated_document_count()
            if (
                seen[0] >= entries
                and (seen[1] >= attempts or not self.contender.writes_attempts)
                and log.count_documents({"_id": {"$in": list(markers)}}) == len(markers)
            ):
                return
            if ended := [child for child in self.children if not child.is_running()]:
                raise NotFinished(f"{ended[0].name} ended: {' / '.join(ended[0].log_lines()[-8:])}")
            if time.monotonic() > deadline:
                said = " / ".join(self.children[0].log_lines()[-4:])
                raise NotFinished(
                    f"{seen[0]} of {entries} entries, {seen[1]} of {attempts} attempts in time; {said[:900]}"
                )
            time.sleep(POLL_SECONDS)

    def cpu(self) -> tuple[float, float, float]:
        """CPU seconds so far of (contender, mongod, Kafka)."""
        servers = [psutil.Process(pid) for pid in (self.servers.mongo.pid, self.servers.kafka.pid)]
        return _cpu(_tree(self.children)), _cpu(servers[:1]), _cpu(servers[1:])


def _measure(race: _Race, warm_up: Load, load: Load) -> Run:
    race.wait(warm_up.markers, warm_up.entries, len(warm_up.messages))
    _rest(race)
    _signal(race.children, signal.SIGSTOP)
    held_at = time.monotonic()
    publish(race.servers.kafka.bootstrap, load.messages)
    _rest(race)
    if (held := time.monotonic() - held_at) > HELD_AT_MOST_SECONDS:
        raise NotFinished(f"publishing took {held:.0f} s, so long that its group would lose it: measure fewer events")
    before, started = race.cpu(), time.monotonic()
    _signal(race.children, signal.SIGCONT)
    race.wait(load.markers, warm_up.entries + load.entries, len(warm_up.messages) + len(load.messages))
    seconds, after = time.monotonic() - started, race.cpu()
    contender, mongod, kafka = (late - early for late, early in zip(after, before, strict=True))
    return Run(
        events=len(load.messages),
        seconds=seconds,
        contender_cpu=contender,
        mongod_cpu=mongod,
        kafka_cpu=kafka,
        peak_rss=race.peak_rss,
        peak_pss=race.peak_pss,
        held=held,
        wrong=_what_is_wrong(race, warm_up, load),
        sample=_sample(race, load) if race.contender.own_model and race.contender.writes_attempts else {},
    )


def _rest(race: _Race) -> None:
    """Return when the servers and the contender do next to nothing: what is left of the publishing is not measured."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        before = sum(race.cpu())
        time.sleep(REST_SECONDS / 2)
        if sum(race.cpu()) - before < REST_SECONDS * 0.1:
            return


def _what_is_wrong(race: _Race, warm_up: Load, load: Load) -> str:
    """Return what the database lacks of what was published; "" when all is there. Waits a little for the last states."""
    expected = {**warm_up.newest, **load.newest}
    path = "state.status" if race.contender.own_model else "data.status"
    for patience in (0.5, 1.0, 0.0):
        problems = list(_differences(race, expected, {**warm_up.attempts, **load.attempts}, path))
        if not problems:
            return ""
        time.sleep(patience)
    return "; ".join(problems)


def _differences(race: _Race, newest: dict[str, str], attempts: dict[str, int], path: str) -> Iterable[str]:
    outer, inner = path.split(".")
    found = {one["_id"]: one for one in race.database[LOG_ENTRIES].find({"_id": {"$in": list(newest)}})}
    if len(found) != len(newest):
        yield f"{len(newest) - len(found)} of {len(newest)} sampled entries are missing"
    if stale := [key for key, one in found.items() if one[outer][inner] != newest[key]]:
        yield f"{len(stale)} of {len(newest)} sampled entries do not show their newest event"
    counts = race.contender.own_model and race.contender.writes_attempts
    if counts and (short := [key for key, one in found.items() if one["attempts"] != attempts[key]]):
        yield f"{len(short)} of {len(newest)} sampled entries count their attempts wrongly"


def _sample(race: _Race, load: Load) -> dict[str, bytes]:
    """Return some entries and their first attempts, without what differs by nature: when the broker took them in, how batches were cut."""
    chosen = list(load.newest)[:: max(1, len(load.newest) // SAMPLED)]
    found = list(race.database[LOG_ENTRIES].find({"_id": {"$in": chosen}}))
    for identity in chosen:
        of_entry = {"_id": {"$gte": f"{identity}\x1f", "$lt": f"{identity}\x20"}}
        found += race.database[ATTEMPTS].find(of_entry).sort("_id").limit(2)
    return {document["_id"]: orjson.dumps(_canonical(document), option=orjson.OPT_SORT_KEYS) for document in found}


def _canonical(document: dict[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in document.items() if name not in {"received_at", "address", "was"}}
    if "state" in known:
        known["state"] = {name: value for name, value in known["state"].items() if name != "received_at"}
    if "ids" in known:
        known["ids"] = sorted(known["ids"])
    return known


def _index_the_event(entries: Collection[dict[str, Any]]) -> None:
    """Put the same indexes on the paths at which the raw event holds the same facts."""
    named = entries.index_information()
    entries.drop_indexes()
    entries.create_indexes(
        [
            IndexModel(
                [(EVENT_PATHS.get(path, path), order) for path, order in index["key"]],
                name=name,
                **({"partialFilterExpression": _partial(index)} if "partialFilterExpression" in index else {}),
            )
            for name, index in named.items()
            if name != "_id_"
        ]
    )


def _partial(index: Mapping[str, Any]) -> dict[str, Any]:
    return {EVENT_PATHS.get(path, path): rule for path, rule in index["partialFilterExpression"].items()}


def _tree(children: Sequence[ChildProcess]) -> list[psutil.Process]:
    found = []
    for child in children:
        try:
            root = psutil.Process(child.pid)
            found += [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return found


def _cpu(processes: Iterable[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def _signal(children: Sequence[ChildProcess], number: int) -> None:
    """Send a signal to each child's process group: every child leads its own."""
    for child in children:
        if child.is_running():
            os.killpg(child.pid, number)


def _pin(servers: Servers, children: Sequence[ChildProcess]) -> None:
    """Servers on the first core, the contender on the others; threads that exist already are moved too."""
    cores = sorted(os.sched_getaffinity(0))
    pids = [(pid, cores[:1]) for pid in (servers.mongo.pid, servers.kafka.pid) if pid]
    pids += [(child.pid, cores[1:] or cores) for child in children]
    for pid, chosen in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), chosen)
