"""A load generator that writes down what it published, and the one checker of every fault test.

    journal = Journal(bootstrap)
    with journal.watching(group), journal.load(rate=500, bad_every=50):   # a thread publishes until the block is left
        …the fault, and its end…
    check(journal, database, group=group)       # final drain, then the invariants of tests/support/invariants.py

Unique ids, what the broker said of each record (`told.acked` by address, `told.unknown` otherwise), heal, drain, set algebra.
"""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from confluent_kafka import KafkaException
from pymongo.database import Database

from shared.contracts.names import DEAD_LETTER_TOPIC, Kind, events_topic
from shared.contracts.records import Address, Record
from tests.support.builders import make_record
from tests.support.eventually import eventually
from tests.support.ingest_topics import lag, looking
from tests.support.invariants import Place, Stored, Told, breaches, commits_broken, strays_of
from tests.support.publishing import ACK_SECONDS, publishing
from tests.support.rollup_check import differences
from tests.support.stored import committed_by, log_of, read_committed, read_documents, read_kept, read_letters
from tests.support.tellings import USUAL_KINDS, Teller, Telling

LOOK_EVERY_SECONDS = 0.5


class Journal:
    """What was published of one account of its own. Safe to use while its load runs."""

    def __init__(self, bootstrap: str = "", *, account: str = "", kinds: Sequence[Kind] = USUAL_KINDS) -> None:
        self.bootstrap = bootstrap
        self.account = account or f"loja-{uuid4().hex[:10]}"
        self.kinds = kinds
        self.topics = [events_topic(kind) for kind in kinds]
        self.told = Told()
        self.handed_over = 0
        self._tellers = itertools.count(1)
        self.commits: list[Mapping[Place, int]] = []

    def teller(self, **shape: Any) -> Teller:
        """Return a maker of events of this account, none of which any other has made."""
        return Teller(self.account, number=next(self._tellers), kinds=self.kinds, **shape)

    def as_records(self, tellings: Sequence[Telling], *, partition: int = 0) -> list[Record]:
        """Return records as if a broker had taken them, at their addresses: for tests without a broker."""
        records = []
        for telling in tellings:
            offset = sum(address.partition == partition for address in self.told.acked)
            value, key = telling.value, telling.key.encode()
            records.append(make_record(value, key=key, topic=telling.topic, partition=partition, offset=offset))
            self.told.acked[records[-1].address] = telling
        return records

    def publish(self, tellings: Iterable[Telling]) -> None:
        """Return when the broker has all of them, or nobody knows any more. The same telling again is a duplicate."""
        with self._publishing() as put:
            for telling in tellings:
                self.handed_over += 1
                put(telling)

    @contextlib.contextmanager
    def load(self, *, rate: float, **shape: Any) -> Iterator[None]:
        """Publish `rate` records a second, open loop, until the block is left and the broker has all of them."""
        leaving = threading.Event()
        thread = threading.Thread(target=self._keep_publishing, args=(rate, self.teller(**shape), leaving), daemon=True)
        thread.start()
        try:
            yield
        finally:
            leaving.set()
            thread.join(ACK_SECONDS + 30)
            assert not thread.is_alive(), "the load did not end"

    @contextlib.contextmanager
    def watching(self, group: str) -> Iterator[None]:
        """Write down the offsets that `group` has committed, again and again, until the block is left."""
        leaving = threading.Event()

        def look() -> None:
            with looking(self.bootstrap, group) as consumer:
                while not leaving.wait(LOOK_EVERY_SECONDS):
                    with contextlib.suppress(KafkaException):  # the broker may be what fails
                        self.commits.append(committed_by(consumer, self.topics))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            leaving.set()
            thread.join(60)

    def _keep_publishing(self, rate: float, teller: Teller, leaving: threading.Event) -> None:
        started, count = time.monotonic(), 0
        with self._publishing() as put:
            while not leaving.wait(0.01):
                due = int((time.monotonic() - started) * rate) - count
                self.handed_over += due
                for telling in teller.tell(due):
                    put(telling)
                count += due

    def _publishing(self) -> contextlib.AbstractContextManager[Callable[[Telling], None]]:
        return publishing(self.bootstrap, self._note)

    def _note(self, telling: Telling, address: Address | None) -> None:
        """Write down what became of a telling; None: nobody knows."""
        if address is None:
            self.told.unknown.append(telling)
        else:
            self.told.acked[address] = telling


def check(journal: Journal, database: Database[Any], *, group: str, within: float = 120) -> Stored:
    """Wait until `group` has committed everything, then raise AssertionError naming each invariant that does not hold."""
    drain(journal, group, within=within)
    eventually(lambda: differences(database, journal.account), lambda found: not found, within=within)  # I6
    letters_group = f"{group}.deadletters"
    eventually(lambda: lag(journal.bootstrap, letters_group, [DEAD_LETTER_TOPIC]), _is_nothing, within=within)
    stored = read_stored(journal, database, group=group)
    hold(journal, stored)
    return stored


def drain(journal: Journal, group: str, *, within: float = 120) -> None:
    """Return when `group` has committed every record of the journal's topics."""
    eventually(lambda: lag(journal.bootstrap, group, journal.topics), _is_nothing, within=within)


def hold(journal: Journal, stored: Stored) -> None:
    """Raise AssertionError unless the invariants hold between the journal and what is stored."""
    found = breaches(journal.told, stored)
    assert not found, "\n".join([f"{len(found)} invariants are broken ({journal.account}):", *found])


def check_commits(journal: Journal, database: Database[Any], *, group: str) -> None:
    """Check I4 alone, at any moment, also while the load runs and records are on their way."""
    stored = read_stored(journal, database, group=group)
    found = list(commits_broken(Told(dict(journal.told.acked)), stored))
    assert not found, "\n".join(found)


def read_stored(journal: Journal, database: Database[Any], *, group: str) -> Stored:
    """Return what is stored of the journal's account, the committed offsets read first."""
    journal.commits.append(read_committed(journal.bootstrap, group, journal.topics))
    documents = read_documents(database, journal.account)
    return Stored(
        *log_of(*documents),
        letters=read_letters(journal.bootstrap, journal.account),
        kept=read_kept(database, journal.account),
        commits=list(journal.commits),
        strays=strays_of(*documents),
    )


def _is_nothing(records: int) -> bool:
    return records == 0
