"""A program on the Python client, against a whole Ponte: every operation of the API is asked, and answered typed."""

import asyncio
import itertools
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from urllib.parse import parse_qs
from uuid import uuid4

import httpx
import pytest

from shared.client import (
    Denied,
    InConflict,
    Invalid,
    NotAllowed,
    NotThere,
    OutOfDate,
    Ponte,
    StillRunning,
    Unreachable,
)
from shared.client.answers.events import ChangedEvent
from shared.contracts.dead_letters import LetterFilter
from shared.contracts.filters import LogFilter
from shared.contracts.names import events_topic
from shared.kafka.producer import OutMessage, Publisher
from tests.support.builders import make_cloudevent, now_text
from tests.support.client_operations import Listener, methods_of_client
from tests.support.eventually import eventually
from tests.support.ponte import RunningPonte

PAUSE_SECONDS = 0.2


@pytest.fixture(scope="module")
def running() -> Iterator[RunningPonte]:
    with RunningPonte("--ephemeral") as ponte:
        yield ponte


@pytest.fixture
def ponte(running: RunningPonte) -> Iterator[Ponte]:
    with Ponte(running.url, running.key) as client:
        yield client


@pytest.fixture
def affiliate() -> str:
    """An affiliate of this test's own."""
    return f"T{uuid4().hex[:8]}"


def publish(running: RunningPonte, *values: bytes) -> None:
    async def send() -> None:
        publisher = Publisher(running.status["kafka"]["bootstrap"], service="test")
        await publisher.publish_all([OutMessage(events_topic("order"), b"same", value) for value in values])
        await publisher.close()

    asyncio.run(send())


def event(affiliate: str, code: str, **changes: object) -> bytes:
    return json.dumps(make_cloudevent(affiliate=affiliate, code=code, processed_at=now_text(), **changes)).encode()


def tell(running: RunningPonte, ponte: Ponte, affiliate: str, *codes: str) -> None:
    """Publish an error for each code and wait until the list has them."""
    publish(running, *(event(affiliate, code) for code in codes))
    rows = LogFilter(affiliate=(affiliate,))
    eventually(lambda: ponte.logs.page("order", rows).total.value, lambda seen: seen >= len(codes))


def test_every_operation_is_asked_and_answered(
    running: RunningPonte, ponte: Ponte, affiliate: str, tmp_path: Path
) -> None:
    listener = Listener(ponte, httpx.get(f"{running.url}/openapi.json").json())
    tell(running, ponte, affiliate, "1", "a/b %2F ?")

    read_logs(ponte, affiliate)
    send_again(ponte, affiliate)
    make_reports(ponte, affiliate, tmp_path)
    tell(running, ponte, f"{affiliate}-b", "a/b %2F ?")  # one that no job before has in hand
    bring_a_report_back(ponte, affiliate, tmp_path / "report.csv")
    mend_letters(running, ponte, affiliate)
    keep_integrations(ponte, affiliate)
    keep_views(ponte, affiliate)
    keep_keys(ponte)
    with told_again_and_again(running, affiliate, ["streamed"]):
        told = next(ponte.stream.changes(LogFilter(affiliate=(affiliate,)), lang="en"))
    assert isinstance(told, ChangedEvent)
    assert (told.code, told.matches, bool(told.causes[0].title)) == ("streamed", True, True)
    since = datetime.now(UTC) - timedelta(minutes=5)
    assert ponte.liveness().status == "ok"
    assert ponte.readiness().failures == {}
    assert ponte.is_ready()
    assert "code=" in ponte.create_sign_in_code().link
    assert ponte.audit.page(from_at=since, to_at=datetime.now(UTC), limit=5).items

    assert listener.asked == set(methods_of_client())


def read_logs(ponte: Ponte, affiliate: str) -> None:
    rows = LogFilter(affiliate=(affiliate,), status=("error",))
    paged = [entry.code for entry in ponte.logs.entries("order", rows, limit=1, sort="code")]
    assert sorted(paged) == ["1", "a/b %2F ?"]
    assert [entry.code for entry in ponte.logs.entries("order", {"affiliate": [affiliate], "q": "a/b"})] == [
        "a/b %2F ?"
    ]
    entry = ponte.logs.get("order", affiliate, "a/b %2F ?", lang="en")
    assert (entry.status, entry.causes[0].code, entry.error_streak) == ("error", "ORD-SLA", 1)
    assert entry.processed_at.tzinfo is not None
    assert [attempt.status for attempt in ponte.logs.attempts("order", affiliate, "1")] == ["error"]
    assert ponte.logs.diff("order", affiliate, "1").basis == "never"
    story = ponte.logs.story_page("A/B %2f ?", kind=["order"], lang="en")
    assert [(one.code, one.whole) for one in story.entries] == [("a/b %2F ?", True)]
    assert [attempt.affiliate for attempt in ponte.logs.story("a/b %2F ?")] == [affiliate]
    assert ponte.logs.get("order", affiliate, "1", reveal="a test").payload == {"marketplaceOrderId": "2000004567"}
    assert ponte.logs.partial_page("order", ["code"], rows, sort="code").items[0] == {"code": "1"}
    eventually(lambda: ponte.logs.summary(rows, bucket="day").by_kind == {"order": {"error": 2}})
    assert {one.count.value for one in ponte.logs.groups(rows, limit=5).items} == {2}
    assert len(ponte.logs.errors(lang="es").items) > 40


def send_again(ponte: Ponte, affiliate: str) -> None:
    looked = ponte.reprocesses.preview("order", rows=LogFilter(affiliate=(affiliate,)))
    assert (looked.matched, looked.eligible) == (2, 2)
    asked = ponte.reprocesses.request("order", items=[(affiliate, "1")], reason="repaired", key="k1")
    assert ponte.reprocesses.request("order", items=[(affiliate, "1")], reason="repaired", key="k1").id == asked.id
    done = ponte.reprocesses.wait(asked.id, within_seconds=30, every_seconds=0.1)
    assert (done.state, done.sent) == ("done", 1)
    assert done.outcome is not None
    assert asked.id in {job.id for job in ponte.reprocesses.list()}
    assert asked.id in {job.id for job in ponte.reprocesses.all(limit=1)}
    slow = ponte.reprocesses.request("order", rows=LogFilter(affiliate=(affiliate,)), max_per_second=1)
    with suppress(InConflict):  # it may be done already
        assert ponte.reprocesses.cancel(slow.id, reason="a test").id == slow.id


def make_reports(ponte: Ponte, affiliate: str, folder: Path) -> None:
    asked = ponte.exports.request(LogFilter(affiliate=(affiliate,)), kinds=["order"], format="csv", language="en")
    done = ponte.exports.wait(asked.id, within_seconds=30, every_seconds=0.1)
    assert (done.state, done.rows) == ("done", 2)
    length = ponte.exports.download(done.id, folder / "report.csv")
    assert length == done.bytes == (folder / "report.csv").stat().st_size
    assert "a/b %2F ?" in (folder / "report.csv").read_text()
    assert done.id in {job.id for job in ponte.exports.list(limit=10)}
    with pytest.raises(InConflict, match="409"):
        ponte.exports.cancel(done.id)


def bring_a_report_back(ponte: Ponte, affiliate: str, report: Path) -> None:
    header, *rows = report.read_text().replace(affiliate, f"{affiliate}-b").splitlines(keepends=True)
    report.write_text(header + "".join(row for row in rows if "a/b" in row))
    asked = ponte.imports.request(report, key="i1")
    assert ponte.imports.request(report, key="i1").id == asked.id
    done = ponte.imports.wait(asked.id, within_seconds=30, every_seconds=0.1)
    assert (done.state, done.file_name, done.rows) == ("done", "report.csv", 1)
    (row,) = ponte.imports.rows(asked.id, limit=1)
    assert (row.affiliate, row.code, row.row, row.state) == (f"{affiliate}-b", "a/b %2F ?", 2, "eligible")
    assert ponte.imports.rows_page(asked.id, state=["not_found"]).items == ()
    assert asked.id in {job.id for job in ponte.imports.list(limit=10)}
    assert asked.id in {job.id for job in ponte.imports.all(limit=1)}
    sent = ponte.imports.reprocess(asked.id, numbers=[1], reason="repaired")
    ended = ponte.reprocesses.wait(sent.id, within_seconds=30, every_seconds=0.1)
    assert (ended.state, ended.sent) == ("done", 1)
    with pytest.raises(InConflict, match="409"):
        ponte.imports.cancel(asked.id)
    broken = ponte.imports.request(b"no report", name="broken.csv")
    assert "no sheet has" in str(ponte.imports.wait(broken.id, within_seconds=30, every_seconds=0.1).error)


def mend_letters(running: RunningPonte, ponte: Ponte, affiliate: str) -> None:
    publish(running, *(f'{{"code": "{affiliate}{number}", "broken": NaN}}'.encode() for number in range(3)))
    rows = LetterFilter(error_class=("InvalidJson",))
    letters = eventually(lambda: list(ponte.letters.all(rows, limit=1)), lambda seen: len(seen) == 3)
    assert [one.open for one in ponte.letters.summary(rows).items] == [3]
    assert ponte.letters.get(letters[0].id).error_class == "InvalidJson"
    assert b"NaN" in ponte.letters.raw(letters[0].id, reason="a test")
    assert ponte.letters.preview_replay(rows=rows).eligible == 3
    one = ponte.letters.replay_one(letters[0].id)
    assert ponte.letters.wait_replay(one.id, within_seconds=30, every_seconds=0.1).state == "done"
    more = ponte.letters.replay(letters=[letter.id for letter in letters[1:]])
    assert ponte.letters.wait_replay(more.id, within_seconds=30, every_seconds=0.1).sent == 2
    with pytest.raises(InConflict):
        ponte.letters.cancel_replay(more.id)


def keep_integrations(ponte: Ponte, affiliate: str) -> None:
    made = ponte.integrations.create(
        affiliate, "Mercado Livre", kinds=["order"], minimum_availability=3, reason="a test"
    )
    assert made.etag is not None
    paused = ponte.integrations.change(affiliate, etag=made.etag, paused=True, minimum_availability=None)
    assert (paused.paused, paused.minimum_availability, paused.kinds) == (True, None, ("order",))
    with pytest.raises(OutOfDate):
        ponte.integrations.change(affiliate, etag=made.etag, paused=False)
    with pytest.raises(OutOfDate):
        ponte.integrations.put(affiliate, "Other", only_new=True)
    put = ponte.integrations.put(affiliate, "Mercado Livre", etag=paused.etag, paused=False)
    assert ponte.integrations.get(affiliate, health=True).health is not None
    assert affiliate in {one.affiliate for one in ponte.integrations.list(state=["active"])}
    assert ponte.integrations.remove(affiliate, etag=str(put.etag)).state == "removed"


def keep_views(ponte: Ponte, affiliate: str) -> None:
    rows = LogFilter(kind=("order",), affiliate=(affiliate,), q="a/b %2F ?")
    made = ponte.views.create(f"of {affiliate}", "order", rows, sort="code", reason="a test")
    assert [entry.code for entry in ponte.logs.entries("order", parse_qs(made.filter), sort=made.sort)] == ["a/b %2F ?"]
    with pytest.raises(InConflict):
        ponte.views.create(f"OF {affiliate}", "price")
    changed = ponte.views.change(made.id, etag=made.etag, rows={"status": ["error"]})
    assert (changed.filter, changed.sort, changed.name) == ("status=error", "code", made.name)
    with pytest.raises(OutOfDate):
        ponte.views.put(made.id, "other", "price", etag=made.etag)
    put = ponte.views.put(made.id, made.name, "price", "status=warning", etag=changed.etag)
    assert (put.address, put.created_at) == ("/logs/price?status=warning", made.created_at)
    assert ponte.views.get(made.id) == put
    assert put in ponte.views.list()
    assert ponte.views.remove(made.id, etag=put.etag, reason="a test") == put
    with pytest.raises(NotThere):
        ponte.views.get(made.id)


def keep_keys(ponte: Ponte) -> None:
    made = ponte.keys.create("client", ["read"], expires_at=datetime.now(UTC) + timedelta(days=1))
    assert {made.id} <= {key.id for key in ponte.keys.all()}
    assert ponte.keys.get(made.id).state == "active"
    newer = ponte.keys.rotate(made.id, overlap_seconds=0, reason="a test")
    assert newer.secret != made.secret
    assert ponte.keys.revoke(newer.id).state == "revoked"
    assert {line.action for line in ponte.audit.lines(target=[newer.id])} >= {"key.revoked"}


def test_what_the_api_refuses_is_an_error_with_its_words(running: RunningPonte, ponte: Ponte) -> None:
    with pytest.raises(NotThere) as absent:
        ponte.logs.get("order", "MLC", "absent")
    with pytest.raises(Invalid) as wrong:
        ponte.logs.page("order", {"status": ["eror"]})
    with Ponte(running.url, "unknown") as stranger, pytest.raises(Denied):
        stranger.logs.page("order")
    reader = ponte.keys.create("reader", ["read"])
    with Ponte(running.url, reader.secret) as lesser, pytest.raises(NotAllowed, match="admin"):
        lesser.keys.page()

    assert absent.value.correlation_id
    assert str(absent.value.correlation_id) in str(absent.value)
    assert [(error.field, "error" in (error.allowed or ())) for error in wrong.value.errors] == [("status", True)]


def test_a_wait_ends_though_the_job_does_not(ponte: Ponte, running: RunningPonte, affiliate: str) -> None:
    tell(running, ponte, affiliate, "1", "2", "3")
    slow = ponte.reprocesses.request("order", rows=LogFilter(affiliate=(affiliate,)), max_per_second=1)

    with pytest.raises(StillRunning):
        ponte.reprocesses.wait(slow.id, within_seconds=0)


def test_nobody_there_is_told_apart_from_a_refusal() -> None:
    with Ponte("http://127.0.0.1:1", "key", attempts=1) as nobody:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
            nobody.logs.page("order")
        assert not nobody.is_ready()


def test_a_stream_that_broke_off_goes_on_where_it_was(running: RunningPonte, ponte: Ponte, affiliate: str) -> None:
    codes = ["1", "2", "3"]
    stream = ponte.stream.changes(LogFilter(affiliate=(affiliate,)))
    with told_again_and_again(running, affiliate, codes):
        seen = {code_of(next(stream))}
        os.kill(running.status["services"]["query"]["pid"], signal.SIGKILL)  # `ponte up` starts it again
        while not seen >= set(codes):
            seen.add(code_of(next(stream)))


def code_of(told: object) -> str:
    return told.code if isinstance(told, ChangedEvent) else ""


@contextmanager
def told_again_and_again(running: RunningPonte, affiliate: str, codes: list[str]) -> Iterator[None]:
    """Publish an event of each code, one after the other, until the block is left."""
    leaving = Event()

    def tell_all() -> None:
        for code in itertools.cycle(codes):
            if leaving.wait(PAUSE_SECONDS):
                return
            publish(running, event(affiliate, code))

    talker = Thread(target=tell_all)
    talker.start()
    try:
        yield
    finally:
        leaving.set()
        talker.join(30)
