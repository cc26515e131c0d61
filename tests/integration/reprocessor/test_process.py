import os
import re
import signal
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import psutil
import pytest
from kafka import KafkaProducer
from pymongo import MongoClient

from shared.contracts.names import (
    DEAD_LETTER_TOPIC,
    LOG_ENTRIES,
    REPROCESS_REQUESTS,
    REPROCESS_STATUS_TOPIC,
    REPROCESS_TOPIC,
)
from shared.kafka.producer import OutMessage, Publisher
from shared.mongo.jobs import Jobs
from tests.support.eventually import eventually, eventually_async
from tests.support.odd_headers import NotUtf8
from tests.support.reprocessing import make_documents
from tests.support.reprocessor_process import ReprocessorProcess
from tests.support.topic_contents import read_events, read_topic

ORDERS = "integration.retry.order"
FINAL = {"done", "failed", "cancelled"}


@pytest.fixture
async def publish(servers):
    publisher = Publisher(servers.kafka.bootstrap, service="test")

    async def send(body):
        value = body if isinstance(body, bytes) else orjson.dumps(body)
        await publisher.publish(OutMessage(REPROCESS_TOPIC, None, value))

    yield send
    await publisher.close()


@pytest.fixture
def mongo(servers, database_name):
    with MongoClient(servers.mongo.uri, tz_aware=True) as client:
        yield client[database_name]


def a_command(account, **changes):
    command = {"id": uuid4().hex, "account": account, "kind": "order", "requested_by": "ana", **changes}
    return command if "filter" in command else {"items": [{"affiliate": "MLC", "code": "1"}], **command}


def seed(mongo, account, count, **changes):
    for start in range(0, count, 5000):
        codes = [f"{number:06d}" for number in range(start, min(start + 5000, count))]
        mongo[LOG_ENTRIES].insert_many(make_documents(codes, account=account, **changes))


def job_of(mongo, command):
    return mongo[REPROCESS_REQUESTS].find_one({"account": command["account"], "id": command["id"]}) or {}


def ended(mongo, command, within=60):
    return eventually(lambda: job_of(mongo, command), lambda job: job.get("state") in FINAL, within=within)


def states(mongo, account):
    return Counter(
        (entry.get("reprocess") or {}).get("state") for entry in mongo[LOG_ENTRIES].find({"account": account})
    )


def claimed(mongo, account):
    """Return the codes of the items that a job holds, sent or not."""
    return {entry["code"] for entry in mongo[LOG_ENTRIES].find({"account": account, "reprocess.state": "claimed"})}


async def test_a_command_sends_its_entry_once_however_often_it_comes(servers, database_name, mongo, account, publish):
    mongo[LOG_ENTRIES].insert_many(make_documents(["1"], account=account))
    command = a_command(account, reason="address fixed")

    with ReprocessorProcess(servers, database_name) as reprocessor:
        await publish(command)
        ended(mongo, command)
        await publish({"specversion": "1.0", "id": "again", "source": "/ops", "type": "x", "data": command})
        eventually(lambda: reprocessor.events().count("command.stored"), lambda seen: seen >= 2)
        metrics = reprocessor.get("/metrics")
        ready = reprocessor.get("/health/ready")

    (event,) = read_events(servers.kafka.bootstrap, ORDERS, account)
    assert event["id"] == f"{command['id']}:{account}|order|MLC|1"
    assert event["type"] == "integration.order.retry_requested"
    assert event["data"]["payload"] == {"marketplaceOrderId": "2000004567"}
    assert event["data"]["reason"] == "address fixed"
    mark = mongo[LOG_ENTRIES].find_one({"account": account})["reprocess"]
    assert (mark["id"], mark["state"], mark["requested_by"]) == (command["id"], "sent", "ana")
    assert 'ponte_reprocess_items_total{outcome="sent"} 1.0' in metrics
    # Other tests may have left jobs, which it ends too.
    assert re.search(r'^ponte_jobs_ended_total\{service="reprocessor",state="done"\} [1-9]', metrics, re.MULTILINE)
    assert 'ponte_check_failing{check="mongo"} 0.0' in metrics
    assert '"status": "ok"' in ready
    assert reprocessor.process.returncode == 0


async def test_a_filter_sends_all_that_failed_in_flat_memory(servers, database_name, mongo, account, publish):
    seed(mongo, account, 1200)
    mongo[LOG_ENTRIES].insert_many(
        make_documents((f"ok{number}" for number in range(800)), account=account, status="success")
    )
    command = a_command(account, filter={"status": ["error"]})

    with ReprocessorProcess(servers, database_name) as reprocessor:
        await publish(command)
        job = ended(mongo, command)
        peak = reprocessor.peak_kib()

    keys = Counter(event["id"] for event in read_events(servers.kafka.bootstrap, ORDERS, account))
    assert (len(keys), max(keys.values())) == (1200, 1)
    assert states(mongo, account) == {"sent": 1200, None: 800}
    counts = {name: job["progress"][name] for name in ("matched", "sent", "skipped", "failed")}
    assert counts == {"matched": 1200, "sent": 1200, "skipped": {}, "failed": 0}
    assert peak < 200 * 1024
    told = [
        orjson.loads(record.value)
        for record in read_topic(servers.kafka.bootstrap, REPROCESS_STATUS_TOPIC)
        if record.key == f"{account}|{command['id']}".encode()
    ]
    assert (told[0]["state"], told[-1]["state"], told[-1]["progress"]["sent"]) == ("running", "done", 1200)


async def test_a_kill_in_the_middle_loses_nothing_and_repeats_only_under_the_same_id(
    servers, database_name, mongo, account, publish
):
    seed(mongo, account, 1500)
    command = a_command(account, filter={"status": ["error"]})
    reprocessor = ReprocessorProcess(servers, database_name, batch_size="50", lease="4", publish_timeout="2").start()
    await publish(command)
    eventually(lambda: states(mongo, account)["sent"], lambda sent: sent >= 200)

    reprocessor.kill()
    assert states(mongo, account)["sent"] < 1500
    with reprocessor:
        job = ended(mongo, command)

    keys = Counter(event["id"] for event in read_events(servers.kafka.bootstrap, ORDERS, account))
    assert len(keys) == 1500
    assert sum(keys.values()) <= 1550
    assert states(mongo, account) == {"sent": 1500}
    assert (job["state"], job["progress"]["matched"], job["progress"]["sent"]) == ("done", 1500, 1500)


async def test_a_worker_that_was_frozen_for_longer_than_its_lease_sends_nothing_once_another_has_the_job(
    servers, database_name, mongo, account, publish
):
    seed(mongo, account, 300)
    command = a_command(account, filter={"status": ["error"]}, max_per_second=50)
    knobs = {"lease": "6", "publish_timeout": "3", "slice": "1.5"}

    with ReprocessorProcess(servers, database_name, **knobs) as frozen:
        await publish(command)
        eventually(lambda: states(mongo, account), lambda seen: seen["sent"] >= 50 and seen["claimed"])
        os.kill(frozen.process.pid, signal.SIGSTOP)
        eventually(psutil.Process(frozen.process.pid).status, lambda seen: seen == psutil.STATUS_STOPPED)
        # It may have stopped between the broker's word and the mark: another sends that again, under the same id.
        in_hand = claimed(mongo, account)
        with ReprocessorProcess(servers, database_name, **knobs):
            job = ended(mongo, command)
            by_the_other = read_events(servers.kafka.bootstrap, ORDERS, account)
            os.kill(frozen.process.pid, signal.SIGCONT)
            after = a_command(account, items=[{"affiliate": "MLC", "code": "none"}])
            await publish(after)
            ended(mongo, after)
            assert frozen.stop() == 0

    told = read_events(servers.kafka.bootstrap, ORDERS, account)
    times = Counter(event["data"]["code"] for event in told)
    assert len(told) == len(by_the_other)
    assert len({event["id"] for event in told}) == len(times) == 300
    assert {code for code, count in times.items() if count > 1} <= in_hand
    counts = {name: job["progress"][name] for name in ("matched", "sent", "skipped", "failed")}
    assert job_of(mongo, command) == job
    assert (job["state"], counts) == ("done", {"matched": 300, "sent": 300, "skipped": {}, "failed": 0})


async def test_two_processes_and_two_commands_for_the_same_rows_send_each_row_once(
    servers, database_name, mongo, account, publish
):
    seed(mongo, account, 1000)
    first, second = (a_command(account, filter={"status": ["error"]}) for _ in range(2))

    with (
        ReprocessorProcess(servers, database_name, batch_size="100") as one,
        ReprocessorProcess(servers, database_name, batch_size="100") as two,
    ):
        await publish(first)
        await publish(second)
        jobs = [ended(mongo, command) for command in (first, second)]

    keys = Counter(event["data"]["code"] for event in read_events(servers.kafka.bootstrap, ORDERS, account))
    assert (len(keys), max(keys.values())) == (1000, 1)
    assert sum(job["progress"]["sent"] for job in jobs) == 1000
    assert one.process.returncode == two.process.returncode == 0


async def test_what_is_no_command_becomes_a_dead_letter_and_holds_nothing(
    servers, database_name, mongo, account, publish
):
    mongo[LOG_ENTRIES].insert_many(make_documents(["1"], account=account))
    good = a_command(account)
    bad = {
        b'{"account": "%s", "kind": "invoice"}' % account.encode(): b"InvalidCommand",
        b"\xff not json for %s" % account.encode(): b"Invalid",
        orjson.dumps({**good, "reason": "another under the same id"}): b"NotEligible",
        orjson.dumps({"specversion": "0.3", "data": good}): b"InvalidEnvelope",
    }

    with ReprocessorProcess(servers, database_name):
        await publish(good)
        ended(mongo, good)
        for value in bad:
            await publish(value)
        letters = eventually(
            lambda: {
                record.value: dict(record.headers)
                for record in read_topic(servers.kafka.bootstrap, DEAD_LETTER_TOPIC)
                if record.value in bad
            },
            lambda seen: len(seen) == len(bad),
        )

    assert {value: headers["error-class"] for value, headers in letters.items()} == bad
    assert all(headers["original-topic"] == REPROCESS_TOPIC.encode() for headers in letters.values())
    assert len(read_events(servers.kafka.bootstrap, ORDERS, account)) == 1


async def test_a_command_with_an_unreadable_header_is_taken_and_so_are_those_behind_it(
    servers, database_name, mongo, account, publish
):
    mongo[LOG_ENTRIES].insert_many(make_documents(["1", "2"], account=account))
    odd, behind = (a_command(account, items=[{"affiliate": "MLC", "code": code}]) for code in ("1", "2"))

    with ReprocessorProcess(servers, database_name) as reprocessor:
        producer = KafkaProducer(bootstrap_servers=servers.kafka.bootstrap)
        producer.send(REPROCESS_TOPIC, orjson.dumps(odd), headers=[("a", b"1"), (NotUtf8("x"), b"2")])
        producer.close()
        await publish(behind)
        jobs = [ended(mongo, command) for command in (odd, behind)]

    assert [job["progress"]["sent"] for job in jobs] == [1, 1]
    assert reprocessor.process.returncode == 0


async def test_a_job_whose_command_never_arrived_is_done_all_the_same(servers, database_name, database, mongo, account):
    mongo[LOG_ENTRIES].insert_many(make_documents(["1"], account=account))
    command = a_command(account)
    await Jobs(database, REPROCESS_REQUESTS).insert(command, now=datetime.now(UTC))

    with ReprocessorProcess(servers, database_name):
        job = ended(mongo, command)

    assert job["progress"]["sent"] == 1


async def test_a_running_job_stops_when_it_is_cancelled(servers, database_name, database, mongo, account, publish):
    seed(mongo, account, 500)
    command = a_command(account, filter={}, max_per_second=50)
    jobs = Jobs(database, REPROCESS_REQUESTS)

    with ReprocessorProcess(servers, database_name):
        await publish(command)
        eventually(lambda: states(mongo, account)["sent"], lambda sent: sent > 0)
        await jobs.request_cancel(account, command["id"], now=datetime.now(UTC))
        job = ended(mongo, command)

    sent = job["progress"]["sent"]
    assert job["state"] == "cancelled"
    assert 0 < sent < 500
    assert states(mongo, account) == {"sent": sent, None: 500 - sent}


async def test_a_stop_in_the_middle_of_a_job_leaves_nothing_half_done(servers, database_name, mongo, account, publish):
    seed(mongo, account, 500)
    command = a_command(account, filter={}, max_per_second=50)
    reprocessor = ReprocessorProcess(servers, database_name).start()
    await publish(command)
    eventually(lambda: states(mongo, account)["sent"], lambda sent: sent > 0)

    code = reprocessor.stop()

    job = job_of(mongo, command)
    assert (code, job["state"], job["leased_by"]) == (0, "running", None)
    assert states(mongo, account)["claimed"] == 0
    assert job["progress"]["sent"] == states(mongo, account)["sent"]
    assert len(read_events(servers.kafka.bootstrap, ORDERS, account)) == job["progress"]["sent"]


async def test_stale_marks_are_rescued_while_the_worker_idles(servers, database_name, database, mongo, account):
    old = datetime(2026, 1, 1, tzinfo=UTC)
    mark = {"id": "gone", "claimed_at": old, "sent_at": old, "requested_by": "ana"}
    for code, state in (("1", "claimed"), ("2", "sent"), ("3", "answered")):
        mongo[LOG_ENTRIES].insert_many(make_documents([code], account=account, reprocess={**mark, "state": state}))

    with ReprocessorProcess(servers, database_name):
        await eventually_async(
            lambda: database[LOG_ENTRIES].count_documents({"account": account, "reprocess.state": "unknown"}),
            lambda unknown: unknown == 2,
        )

    assert states(mongo, account) == {"unknown": 2, "answered": 1}


async def test_what_may_pass_by_itself_is_tried_again_unasked_and_once(
    servers, database_name, database, mongo, account
):
    now = datetime.now(UTC).isoformat()
    down, sla = ([{"code": code, "message": "x"}] for code in ("NET-DOWN", "ORD-SLA"))
    mongo[LOG_ENTRIES].insert_many(
        [
            *make_documents(["1", "2"], account=account, processed_at=now, received_at=datetime.now(UTC), causes=down),
            *make_documents(["3"], account=account, processed_at=now, received_at=datetime.now(UTC), causes=sla),
        ]
    )

    with ReprocessorProcess(servers, database_name, retry_delays="1,3600", retry_every="0.2") as reprocessor:
        await eventually_async(
            lambda: database[LOG_ENTRIES].count_documents({"account": account, "reprocess.state": "sent"}),
            lambda sent: sent == 2,
        )
        job = eventually(
            lambda: mongo[REPROCESS_REQUESTS].find_one({"account": account}) or {},
            lambda found: found.get("state") in FINAL,
        )

    told = {event["data"]["code"]: event["data"] for event in read_events(servers.kafka.bootstrap, ORDERS, account)}
    assert sorted(told) == ["1", "2"]
    assert (told["1"]["reason"], told["1"]["requested_by"]) == ("automatic retry 1", "ponte")
    assert told["1"]["reprocess_id"] == job["id"]
    assert mongo[LOG_ENTRIES].find_one({"account": account, "code": "1"})["reprocess"]["tries"] == 1
    assert reprocessor.events().count("retries.due") >= 1
    assert len(read_events(servers.kafka.bootstrap, ORDERS, account)) == 2


async def test_an_automatic_retry_that_is_cancelled_is_not_asked_for_again(
    servers, database_name, database, mongo, account
):
    now = datetime.now(UTC)
    down = [{"code": "NET-DOWN", "message": "x"}]
    seed(mongo, account, 200, processed_at=now.isoformat(), received_at=now, causes=down)
    automatic = {"account": account, "automatic": True}
    knobs = {"retry_every": "0.2", "retries_per_second": "20", "slice": "0.5"}

    with ReprocessorProcess(servers, database_name, retry_delays="1,1", **knobs):
        eventually(lambda: states(mongo, account)["sent"], lambda sent: sent > 0)
        (job,) = mongo[REPROCESS_REQUESTS].find(automatic)
        await Jobs(database, REPROCESS_REQUESTS).request_cancel(account, job["id"], now=datetime.now(UTC))
        eventually(lambda: mongo[REPROCESS_REQUESTS].find_one(automatic), lambda found: found["state"] in FINAL)
        sent = states(mongo, account)["sent"]
        late = {"processed_at": datetime.now(UTC).isoformat(), "received_at": datetime.now(UTC), "causes": down}
        mongo[LOG_ENTRIES].insert_many(make_documents(["late"], account=account, **late))
        eventually(lambda: states(mongo, account)["sent"], lambda seen: seen > sent)

    assert 0 < sent < 200
    assert states(mongo, account) == {"sent": sent + 1, "unknown": 200 - sent}
    assert mongo[REPROCESS_REQUESTS].count_documents(automatic) == 2
    assert len(read_events(servers.kafka.bootstrap, ORDERS, account)) == sent + 1
