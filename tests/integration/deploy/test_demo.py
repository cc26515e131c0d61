"""The demo shop as a process against a real broker: told once, answered once, closed at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import orjson
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from msgspec.structs import asdict

from deploy.demo.shop import AFFILIATES
from shared.contracts.cloudevents import CloudEvent, read_message, structured
from shared.contracts.events import parse_event_data
from shared.contracts.names import EVENTS_TOPICS, KINDS, retry_topic
from shared.kafka.producer import OutMessage, Publisher
from tests.support.eventually import eventually

HISTORY = 300


@contextmanager
def running_demo(servers, account: str, **settings: str) -> Iterator[subprocess.Popen]:
    environment = {
        **os.environ,
        "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
        "PONTE_ACCOUNT": account,
        "PONTE_DEMO_HISTORY": str(HISTORY),
        "PONTE_DEMO_RATE": "0",
        "PONTE_DEMO_ANSWER_MS": "50",
        "PONTE_API_URL": "",
        **settings,
    }
    process = subprocess.Popen([sys.executable, "-m", "deploy.demo"], env=environment, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def until_told(process: subprocess.Popen) -> dict:
    """Read the demo's log until the history is told; a demo that died ends the log, and the test."""
    for line in process.stderr:
        # librdkafka writes there too, in its own way
        told = orjson.loads(line) if line.startswith(b"{") else {}
        if told.get("event") == "history.told":
            return told
    raise AssertionError(f"the demo ended with {process.wait()}")


class Ear:
    """Hears the events of one account from where the topics end now."""

    def __init__(self, bootstrap: str, account: str) -> None:
        self._account = account
        self.heard = []
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": uuid4().hex, "enable.auto.commit": False}
        )
        # A broker tells of topics that were made just now a moment later.
        known = eventually(lambda: self._consumer.list_topics(timeout=10).topics, set(EVENTS_TOPICS).issubset)
        places = [TopicPartition(topic, number) for topic in EVENTS_TOPICS for number in known[topic].partitions]
        for place in places:
            place.offset = eventually(partial(self._end, place), lambda end: end is not None)
        self._consumer.assign(places)

    def _end(self, place):
        try:
            return self._consumer.get_watermark_offsets(place, timeout=10)[1]
        except KafkaException as refused:
            if refused.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
            return None  # a topic that was made a moment ago

    def listen(self):
        """Return all events of the account that were heard so far, as (event, checked data)."""
        for message in self._consumer.consume(2000, 0.2):
            event = read_message(message.value(), orjson.loads(message.value()), message.headers() or [])
            if event.data["account"] == self._account:
                self.heard.append((event, parse_event_data(event.data)))
        return self.heard

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def ear(servers, account):
    listening = Ear(servers.kafka.bootstrap, account)
    yield listening
    listening.close()


async def ask_to_retry(servers, data, reprocess_id: str, *, times: int = 1) -> None:
    key = f"{data.account}|{data.kind}|{data.affiliate}|{data.code}"
    told = {name: value for name, value in asdict(data).items() if name not in {"instant", "order", "extra"}}
    asked = told | {"reprocess_id": reprocess_id, "requested_by": "ana", "reason": "", "attempt": 2}
    retry = CloudEvent(f"{reprocess_id}:{key}", "/ponte/reprocessor", f"integration.{data.kind}.retry_requested", asked)
    publisher = Publisher(servers.kafka.bootstrap, service="test")
    for _ in range(times):
        await publisher.publish(OutMessage(retry_topic(data.kind), key.encode(), *structured(retry)))
    await publisher.close()


async def test_the_history_is_told_once_and_a_retry_gets_exactly_one_answer(servers, account, ear):
    # given a shop that tells its history, and more as it goes
    with running_demo(servers, account, PONTE_DEMO_RATE="20") as process:
        told = until_told(process)
        eventually(ear.listen, lambda heard: len(heard) > told["new_events"] + 20)
        entries = {(data.kind, data.affiliate, data.code) for _, data in ear.heard[:]}
        assert len(entries) >= HISTORY
        assert {data.kind for _, data in ear.heard} == set(KINDS)

        # when a failed item is asked for again, and the request is delivered three times
        failed = next(data for _, data in ear.heard if data.status == "error")
        await ask_to_retry(servers, failed, "job-1", times=3)

        # then one event answers it
        eventually(ear.listen, lambda heard: any(data.reprocess_id for _, data in heard))
        last = len(ear.heard)
        eventually(ear.listen, lambda heard: len(heard) > last + 30)
        answers = [data for _, data in ear.heard if data.reprocess_id]
        assert [(data.reprocess_id, data.kind, data.affiliate, data.code) for data in answers] == [
            ("job-1", failed.kind, failed.affiliate, failed.code)
        ]

        # and it closes within a second
        asked_at = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert time.monotonic() - asked_at < 1.5

    # when it starts again
    before = [event.id for event, _ in ear.listen()]
    with running_demo(servers, account) as process:
        assert until_told(process)["new_events"] == 0

        # then the answered request stays answered: a new one is the next thing that is heard
        await ask_to_retry(servers, failed, "job-2")
        eventually(ear.listen, lambda heard: any(data.reprocess_id == "job-2" for _, data in heard))

    assert len(before) == len(set(before))
    assert len({event.id for event, _ in ear.heard}) == len(before) + 1


async def test_a_history_that_was_cut_short_is_completed_under_the_same_ids(servers, account, ear):
    # given a shop that was killed while it told its history
    with running_demo(servers, account, PONTE_DEMO_HISTORY="40"):
        eventually(ear.listen)

    # when it starts again
    with running_demo(servers, account) as process:
        until_told(process)
    eventually(ear.listen, lambda heard: len({(data.kind, data.affiliate, data.code) for _, data in heard}) == HISTORY)

    # then an event that was told twice is the same event
    told: dict[str, object] = {}
    for event, data in ear.heard:
        assert told.setdefault(event.id, data) == data


def test_the_marketplaces_are_registered_once_the_api_answers(servers, account):
    # given an API that is not ready at first, and an affiliate that somebody registered before
    put: dict[str, dict] = {}
    refusals = iter([503])

    class Api(BaseHTTPRequestHandler):
        def do_PUT(self):  # http.server's own name
            body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = next(refusals, 412 if self.path.endswith("MLP") else 200)
            is_ours = self.headers["Authorization"] == "Bearer " + "k" * 32 and self.headers["If-None-Match"] == "*"
            if status != 503 and is_ours:
                put[self.path] = body
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as api:
        Thread(target=api.serve_forever, daemon=True).start()

        # when a shop opens with its address
        address = f"http://127.0.0.1:{api.server_port}"
        with running_demo(servers, account, PONTE_DEMO_HISTORY="0", PONTE_API_URL=address, PONTE_API_KEY="k" * 32):
            eventually(lambda: put, lambda seen: len(seen) == len(AFFILIATES))
        api.shutdown()

    # then every affiliate has its marketplace's name
    assert put["/v1/integrations/MLC"] == {"marketplace": "Mercado Livre Classic"}


def test_wrong_settings_are_named():
    ended = subprocess.run(
        [sys.executable, "-m", "deploy.demo"],
        env={**os.environ, "PONTE_KAFKA_BOOTSTRAP": "x:1", "PONTE_DEMO_RATE": "fast"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "PONTE_DEMO_RATE" in ended.stderr
