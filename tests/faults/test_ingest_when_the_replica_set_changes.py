"""Rows 20 to 23 of the fault matrix: three members of MongoDB, of which some leave while events come in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.servers import Servers
from deploy.provision import provision_collections
from shared.contracts.names import COLLECTIONS
from tests.support.eventually import eventually
from tests.support.ingest_process import IngestProcess
from tests.support.journal import Journal, check
from tests.support.query_process import Answer, QueryProcess
from tests.support.replica_set import ReplicaSet, own_replica_set
from tests.support.stored import count_attempts, read_committed

RATE = 400
GENEROUS_SECONDS = 60
ANSWERS_WITHIN_SECONDS = 20


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    with own_replica_set(tmp_path_factory.mktemp("replica-set")) as replica_set:
        yield replica_set


@pytest.fixture
def database(members: ReplicaSet) -> Iterator[Any]:
    members.heal()
    name = f"faults_{uuid4().hex[:12]}"
    provision_collections(members.uri, name, COLLECTIONS)
    with members.client() as client:
        yield client[name]
        members.heal()
        client.drop_database(name)


@pytest.fixture
def ingest(servers: Servers, members: ReplicaSet, database: Any, tmp_path: Path) -> IngestProcess:
    return IngestProcess(servers.kafka.bootstrap, members.uri, database.name, tmp_path)


@contextmanager
def under_load(ingest: IngestProcess, journal: Journal, database: Any) -> Iterator[None]:
    with (
        ingest.running(),
        journal.watching(ingest.group),
    ):
        with journal.load(rate=RATE, bad_every=40):
            it_writes(database)
            yield
            it_writes(database)
        check(journal, database, group=ingest.group)


def it_writes(database: Any) -> None:
    """Wait until a few hundred attempts more are there."""
    before = eventually(lambda: count_attempts(database), lambda count: count >= 0, within=GENEROUS_SECONDS)
    eventually(lambda: count_attempts(database), lambda count: count > before + RATE / 2, within=GENEROUS_SECONDS)


def test_a_primary_that_hands_over_under_load_loses_and_doubles_nothing(
    members: ReplicaSet, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with under_load(ingest, journal, database):
        members.step_down()


def test_a_primary_that_is_killed_under_load_loses_and_doubles_nothing(
    members: ReplicaSet, ingest: IngestProcess, journal: Journal, database: Any
) -> None:
    with under_load(ingest, journal, database):
        members.primary().kill()

    assert len([member for member in members.members if member.is_running]) == 2


def test_a_primary_that_freezes_is_left_for_another_and_the_api_never_hangs(
    servers: Servers, members: ReplicaSet, ingest: IngestProcess, journal: Journal, database: Any, tmp_path: Path
) -> None:
    query = QueryProcess(servers.kafka.bootstrap, members.uri, database.name, journal.account, tmp_path)
    with query.running(), query.asked_all_the_time() as answers, under_load(ingest, journal, database):
        frozen = members.primary()
        frozen.freeze()
        it_writes(database)
        eventually(query.ask, is_fine, within=GENEROUS_SECONDS)
        frozen.thaw()

    assert [answer for answer in answers if not is_fine(answer) and not says_when_to_come_again(answer)] == []
    assert max(answer.seconds for answer in answers) < ANSWERS_WITHIN_SECONDS


def test_without_a_majority_nothing_is_committed_and_with_it_again_everything_is_whole(
    servers: Servers, members: ReplicaSet, ingest: IngestProcess, journal: Journal, database: Any, tmp_path: Path
) -> None:
    query = QueryProcess(servers.kafka.bootstrap, members.uri, database.name, journal.account, tmp_path)
    with query.running(), under_load(ingest, journal, database):
        one, other = members.secondaries()
        one.kill()
        other.freeze()
        eventually(members.primaries, lambda found: not found, within=GENEROUS_SECONDS)
        it_tries_again(ingest, times=1)
        committed = read_committed(journal.bootstrap, ingest.group, journal.topics)

        it_tries_again(ingest, times=4)
        assert read_committed(journal.bootstrap, ingest.group, journal.topics) == committed
        assert not ingest.is_ready()
        assert ingest.is_live()
        assert says_when_to_come_again(query.ask())

        members.heal()
        eventually(ingest.is_ready, within=GENEROUS_SECONDS)


def it_tries_again(ingest: IngestProcess, *, times: int) -> None:
    """Wait until so many more tries have found MongoDB away; four are more than one lane's."""
    before = len(ingest.said("operation.postponed"))
    eventually(
        lambda: len(ingest.said("operation.postponed")),
        lambda count: count >= before + times,
        within=GENEROUS_SECONDS,
    )


def is_fine(answer: Answer) -> bool:
    return answer.status == 200


def says_when_to_come_again(answer: Answer) -> bool:
    return answer.status == 503 and (answer.retry_after or "").isdigit()
