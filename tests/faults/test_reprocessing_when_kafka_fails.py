"""Row 9 of the fault matrix beside the reprocessor: a broker that answers nobody while jobs run, for a while and for too long."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from pymongo import MongoClient

from deploy.local.servers import KafkaAddress, Servers
from shared.contracts.names import LOG_ENTRIES, REPROCESS_REQUESTS, retry_topic
from shared.mongo.client import Database
from shared.mongo.jobs import Jobs
from tests.support.broker import Broker
from tests.support.eventually import eventually
from tests.support.reprocessing import make_documents
from tests.support.reprocessor_process import ReprocessorProcess
from tests.support.topic_contents import read_events

ITEMS = 400
CODES = ["1", "2", "3"]
TOPIC = retry_topic("order")
PATIENCE_SECONDS = 120
FINAL = {"done", "failed", "cancelled"}
KNOBS = {"publish_timeout": "2", "lease": "6"}


@pytest.fixture
def mine(broker: Broker, servers: Servers) -> Servers:
    return Servers(KafkaAddress(broker.bootstrap, None, "given"), servers.mongo, ExitStack())


@pytest.fixture
def mongo(servers: Servers, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
        yield client[database_name]


@pytest.fixture
def ask(database: Database, account: str) -> Callable[..., Any]:
    """Ask for a job, as the API does: Kafka may be away. Return its id."""

    async def insert(**command: Any) -> str:
        whole = {"id": uuid4().hex, "account": account, "kind": "order", "requested_by": "ana", **command}
        await Jobs(database, REPROCESS_REQUESTS).insert(whole, now=datetime.now(UTC))
        return str(whole["id"])

    return insert


def job_of(mongo: Any, job_id: str) -> dict[str, Any]:
    return mongo[REPROCESS_REQUESTS].find_one({"id": job_id}) or {}


def ended(mongo: Any, job_id: str) -> dict[str, Any]:
    return eventually(lambda: job_of(mongo, job_id), lambda job: job.get("state") in FINAL, within=PATIENCE_SECONDS)


def marks(mongo: Any, account: str) -> Counter[str]:
    """Return how many items are in each state of a retry."""
    return Counter(
        (entry.get("reprocess") or {}).get("state") for entry in mongo[LOG_ENTRIES].find({"account": account})
    )


def named(codes: list[str]) -> dict[str, Any]:
    return {"items": [{"affiliate": "MLC", "code": code} for code in codes]}


async def test_a_job_waits_for_a_broker_that_answers_nobody_and_sends_every_item_under_its_one_id(
    broker: Broker, mine: Servers, mongo: Any, database_name: str, account: str, ask: Callable[..., Any]
) -> None:
    mongo[LOG_ENTRIES].insert_many(make_documents(map(str, range(ITEMS)), account=account))
    with ReprocessorProcess(mine, database_name, **KNOBS) as reprocessor:
        job_id = await ask(filter={"status": ["error"]}, max_per_second=100)
        eventually(lambda: marks(mongo, account)["sent"], lambda sent: sent > 0)
        with broker.frozen():
            eventually(lambda: job_of(mongo, job_id)["progress"].get("stalled_since"), within=PATIENCE_SECONDS)
            before, postponed = marks(mongo, account), reprocessor.events().count("slice.postponed")
            eventually(lambda: reprocessor.events().count("slice.postponed") >= postponed + 2, within=PATIENCE_SECONDS)
            assert job_of(mongo, job_id)["state"] == "running"
            assert marks(mongo, account) == before
            assert before["claimed"] > 0
        job = ended(mongo, job_id)

    assert (job["state"], job["progress"]["sent"], job["progress"]["failed"]) == ("done", ITEMS, 0)
    assert marks(mongo, account) == {"sent": ITEMS}
    told = defaultdict(set)
    for event in read_events(broker.bootstrap, TOPIC, account):
        told[event["id"]].add(orjson.dumps(event))
    assert told.keys() == {f"{job_id}:{account}|order|MLC|{number}" for number in range(ITEMS)}
    assert {len(ways) for ways in told.values()} == {1}
    assert reprocessor.process.returncode == 0


async def test_what_a_job_held_that_gave_up_on_a_silent_broker_is_unknown_and_may_be_asked_for_again(
    broker: Broker, mine: Servers, mongo: Any, database_name: str, account: str, ask: Callable[..., Any]
) -> None:
    mongo[LOG_ENTRIES].insert_many(make_documents(CODES, account=account))
    patience = {"give_up_after": "4", "rescue_after": "2", "rescue_every": "0.5"}
    with ReprocessorProcess(mine, database_name, **KNOBS, **patience) as reprocessor:
        eventually(reprocessor.is_ready)
        with broker.frozen():
            given_up = await ask(**named(CODES))
            job = ended(mongo, given_up)
            assert (job["state"], job["progress"]["sent"]) == ("failed", 0)
            assert job["error"].startswith("nothing could be sent for")
            eventually(
                lambda: marks(mongo, account), lambda seen: seen == {"unknown": len(CODES)}, within=PATIENCE_SECONDS
            )
        again = await ask(**named(CODES))
        assert ended(mongo, again)["progress"]["sent"] == len(CODES)

    assert marks(mongo, account) == {"sent": len(CODES)}
    # A broker may hold what it was sent while it was frozen: those are the first job's, under ids of their own.
    told = {event["id"] for event in read_events(broker.bootstrap, TOPIC, account)}
    first, second = ({f"{job}:{account}|order|MLC|{code}" for code in CODES} for job in (given_up, again))
    assert second <= told <= first | second
