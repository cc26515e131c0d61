"""What the Python client does when the API is slow, busy, broken or gone."""

import gzip
import hashlib
import itertools
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest

from shared.client import (
    Damaged,
    Denied,
    Failed,
    InConflict,
    NotNow,
    NotThere,
    OutOfDate,
    Ponte,
    Refused,
    TooMany,
    Unreachable,
    Unreadable,
)
from shared.client.answers.events import RemovedEvent, ResyncEvent
from shared.client.paging import Rows
from shared.contracts.errors import InvalidFilter
from shared.contracts.filters import LogFilter
from tests.support.scripted_server import Said, scripted

ROOT = Path(__file__).parents[3]
NOT_NOW = Said(
    503,
    b'{"type": "urn:x", "title": "Service Unavailable", "status": 503, "detail": "wait", "instance": "/", "correlation_id": "c1"}',
)
SOON = Said(503, NOT_NOW.body, {"Retry-After": "0"})
CODE = Said(201, b'{"code": "c", "link": "l", "expires_at": "2026-11-23T10:11:12.123Z"}')
ERRORS = Said(200, b'{"language": "pt", "items": []}')
LATER = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
INTEGRATION = {
    "affiliate": "MLC", "marketplace": "x", "state": "active", "registered": True, "kinds": [], "minimum_availability": None,
    "emails": [], "freshness_seconds": {}, "mask_at_write": False, "automatic_retries": True, "paused": False, "created_at": None, "updated_at": None,
    "updated_by": "", "removed_at": None, "etag": '"1"', "warnings": [], "health": None, "new_one": 1,
}  # fmt: skip


def client(url: str, attempts: int = 3) -> Ponte:
    return Ponte(url, "secret", timeout_seconds=5, attempts=attempts)


def test_a_question_is_asked_again_when_it_is_told_to_or_nobody_answered() -> None:
    with scripted(SOON, Said(), ERRORS) as script, client(script.url) as ponte:
        assert ponte.logs.errors().language == "pt"

    assert [one.method for one in script.heard] == ["GET"] * 3
    assert {one.headers["authorization"] for one in script.heard} == {"Bearer secret"}


def test_a_proxy_whose_service_is_being_started_again_is_asked_again_too() -> None:
    starting = (Said(502, b"<html>"), Said(504, b"<html>"))
    with scripted(*starting, ERRORS, *starting, CODE) as script, client(script.url) as ponte:
        assert ponte.logs.errors().language == "pt"
        assert ponte.create_sign_in_code().code == "c"

    assert [one.method for one in script.heard] == ["GET"] * 3 + ["POST"] * 3


def test_a_post_is_repeated_under_the_same_key_and_the_next_one_has_another() -> None:
    busy = Said(409, b"{}", {"Retry-After": "0"})
    with scripted(Said(), busy, CODE, CODE) as script, client(script.url) as ponte:
        ponte.create_sign_in_code()
        ponte.create_sign_in_code()

    keys = [one.headers["idempotency-key"] for one in script.heard]
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_a_probe_that_fails_is_an_answer_and_a_problem_is_none() -> None:
    json_type = {"Content-Type": "application/json"}
    failing = Said(
        503, b'{"status": "failing", "loop_turned_seconds_ago": 0.1, "failures": {"mongo": "away"}}', json_type
    )
    problem = Said(503, NOT_NOW.body, {"Content-Type": "application/problem+json"})
    with scripted(failing, problem, problem, Said(503, b"<p>a proxy's page")) as script, client(script.url, 1) as ponte:
        assert ponte.readiness().failures == {"mongo": "away"}
        with pytest.raises(NotNow, match="c1"):
            ponte.readiness()
        assert not ponte.is_ready()
        assert not ponte.is_ready()


def test_tries_are_bounded_and_the_last_answer_is_the_error() -> None:
    with (
        scripted(SOON, SOON, SOON) as script,
        client(script.url) as ponte,
        pytest.raises(NotNow, match="c1") as refused,
    ):
        ponte.logs.errors()

    assert (len(script.heard), refused.value.retry_after, refused.value.correlation_id) == (3, 0, "c1")


@pytest.mark.parametrize("after", ["3600", LATER], ids=["seconds", "date"])
def test_whoever_is_to_come_back_much_later_decides_themselves(after: str) -> None:
    told = Said(429, b"{}", {"Retry-After": after})
    with scripted(told) as script, client(script.url) as ponte, pytest.raises(TooMany) as refused:
        ponte.logs.errors()

    assert len(script.heard) == 1
    assert 1800 < float(refused.value.retry_after or 0) <= 3600  # LATER was an hour away when the tests were collected


def test_a_change_that_may_be_made_once_is_never_repeated() -> None:
    """Done, and its answer lost: the second try would be told that someone else was quicker, or that it is registered already."""
    with scripted(Said(), Said(), Said(), Said(), Said()) as script, client(script.url) as ponte:
        for ask in (
            lambda: ponte.integrations.change("MLC", etag='"1"', paused=True),
            lambda: ponte.integrations.put("MLC", "x", etag='"1"'),
            lambda: ponte.integrations.put("MLC", "x", only_new=True),
            lambda: ponte.integrations.put("MLC", "x"),
            lambda: ponte.integrations.remove("MLC", etag='"1"'),
        ):
            with pytest.raises(Unreachable):
                ask()

    assert [one.method for one in script.heard] == ["PATCH", "PUT", "PUT", "PUT", "DELETE"]


def test_a_null_that_means_something_is_sent_and_what_was_not_said_is_not() -> None:
    answer = Said(200, json.dumps(INTEGRATION).encode())
    with scripted(answer, answer) as script, client(script.url) as ponte:
        ponte.integrations.change("MLC", etag='"1"', minimum_availability=None)
        ponte.integrations.create("MLC", "x")

    assert [json.loads(one.body) for one in script.heard] == [
        {"minimum_availability": None},
        {"affiliate": "MLC", "marketplace": "x"},
    ]


def test_an_instant_is_written_the_same_in_an_address_and_in_a_body() -> None:
    since = {"from": datetime(2026, 11, 23, 7, 11, 12, tzinfo=timezone(timedelta(hours=-3)))}
    counts = {"by_kind": {}, "by_affiliate": {}, "by_cause": [], "series": [], "bucket": "day"}
    summary = Said(200, json.dumps({**counts, "as_of": "2026-11-23T10:11:12.123Z"}).encode())
    would = Said(200, b'{"matched": 0, "eligible": 0, "skipped": {}, "skipped_items": []}')
    with scripted(summary, would) as script, client(script.url) as ponte:
        ponte.logs.summary(since)
        ponte.reprocesses.preview("order", rows=since)

    assert script.heard[0].path == "/v1/summary?from=2026-11-23T10%3A11%3A12%2B00%3A00"
    assert json.loads(script.heard[1].body)["filter"] == {"from": "2026-11-23T10:11:12+00:00"}


def test_a_code_of_dots_is_asked_for_and_no_other_address() -> None:
    missing = Said(404, b"{}")
    with scripted(missing, missing) as script, client(script.url) as ponte:
        for code in (".", ".."):
            with pytest.raises(NotThere):
                ponte.logs.get("order", "MLC", code)

    assert [one.path for one in script.heard] == ["/v1/logs/order/MLC/%09.", "/v1/logs/order/MLC/%09.."]


def test_rows_of_another_kind_than_the_one_asked_for_are_refused_and_not_left_out() -> None:
    total = {"value": 0, "relation": "exact"}
    empty = {"items": [], "next_cursor": None, "previous_cursor": None, "total": total, "complete": True}
    page = Said(200, json.dumps({**empty, "searched_until": None}).encode())
    other: Rows
    with scripted(page, page, page) as script, client(script.url) as ponte:
        for other in (LogFilter(kind=("price",)), {"kind": "price"}, {"kind": ["price", "stock"]}):
            with pytest.raises(InvalidFilter, match="kind"):
                ponte.logs.page("order", other)
        for other in (LogFilter(kind=("order", "price")), {"kind": "order"}, {"kind": None}):
            ponte.logs.page("order", other)

    assert [one.path for one in script.heard] == ["/v1/logs/order"] * 3


def test_members_that_are_new_disturb_nobody() -> None:
    with scripted(Said(200, json.dumps(INTEGRATION).encode())) as script, client(script.url) as ponte:
        assert ponte.integrations.get("a/b ?").affiliate == "MLC"

    assert script.heard[0].path == "/v1/integrations/a%2Fb%20%3F"


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Denied), (409, InConflict), (412, OutOfDate), (418, Refused), (500, Failed), (502, Failed)],
)
def test_an_answer_that_is_no_problem_is_an_error_all_the_same(status: int, error: type[Refused]) -> None:
    with (
        scripted(Said(status, b"<html>")) as script,
        client(script.url, attempts=1) as ponte,
        pytest.raises(error) as told,
    ):
        ponte.logs.errors()

    assert type(told.value) is error
    assert (told.value.status, told.value.correlation_id, told.value.errors) == (status, None, ())


def test_a_page_in_place_of_the_answer_is_an_error_of_the_client() -> None:
    """A proxy that wants a sign-in, or the address of another program: a stream that took it for its own would say nothing for ever."""
    page = Said(200, b"<html>", {"Content-Type": "text/html; charset=utf-8"})
    with scripted(page, page, page, page) as script, client(script.url) as ponte:
        with pytest.raises(Unreadable, match=r"/v1/errors: 200, .*text/html.*address of the API"):
            ponte.logs.errors()
        with pytest.raises(Unreadable):
            ponte.create_sign_in_code()
        with pytest.raises(Unreadable):
            next(ponte.stream.changes())
        assert not ponte.is_ready()


def sent_file(body: bytes = b"abc", *, cut: bool = False, **headers: str) -> Said:
    return Said(200, body, {"Content-Disposition": 'attachment; filename="a.csv"', **headers}, cut=cut)


def test_a_page_in_place_of_a_report_is_not_kept_as_one(tmp_path: Path) -> None:
    page = {"Content-Type": "text/html", "ETag": '"5f-1"', "Content-Disposition": "inline"}
    kept = tmp_path / "report"
    kept.write_text("former")
    with scripted(Said(200, b"<html>", page), Said(200, b"<html>")) as script, client(script.url) as ponte:
        for _ in script.answers[:]:
            with pytest.raises(Unreadable, match="/v1/exports/1/file: 200"):
                ponte.exports.download("1", kept)
    assert kept.read_text() == "former"
    assert list(tmp_path.iterdir()) == [kept]


def test_a_report_that_came_damaged_or_cut_is_not_taken_for_whole(tmp_path: Path) -> None:
    altered = sent_file(ETag='"' + "0" * 64 + '"')
    with scripted(altered, sent_file(cut=True)) as script, client(script.url) as ponte:
        with pytest.raises(Damaged, match="SHA-256"):
            ponte.exports.download("1", tmp_path / "a")
        with pytest.raises(Unreachable):
            ponte.exports.download("1", tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("files", ["nameless", "named"])
def test_a_report_takes_the_place_of_the_former_one_only_when_it_is_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: str
) -> None:
    if files == "named":  # as where the system has no others
        monkeypatch.setattr("shared.client.whole_file._open_nameless", lambda _: None)
    report = tmp_path / "report"
    report.write_text("former")
    report.chmod(0o600)
    with scripted(sent_file(cut=True), sent_file()) as script, client(script.url) as ponte:
        with pytest.raises(Unreachable):
            ponte.exports.download("1", report)
        assert report.read_text() == "former"
        assert ponte.exports.download("1", report) == 3

    assert report.read_text() == "abc"
    assert report.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [report]


WRITER = """
import sys, time
from pathlib import Path
from shared.client.whole_file import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("half", flush=True)
    time.sleep(600)
"""


def test_a_killed_download_leaves_nothing_beside_the_former_report(tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.write_text("former")
    with subprocess.Popen([sys.executable, "-c", WRITER, str(report)], stdout=subprocess.PIPE, cwd=ROOT) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"half\n"
        writer.kill()
    assert list(tmp_path.iterdir()) == [report]
    assert report.read_text() == "former"


def test_a_report_may_go_where_nothing_can_take_a_place() -> None:
    with scripted(sent_file()) as script, client(script.url) as ponte:
        ponte.exports.download("1", Path("/dev/null"))
    assert not Path("/dev/null").is_file()


def test_a_report_may_go_into_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (
        scripted(sent_file()) as script,
        client(script.url) as ponte,
        subprocess.Popen(["/bin/cat", pipe], stdout=subprocess.PIPE) as reader,
    ):
        assert ponte.exports.download("1", pipe) == 3
        assert reader.communicate(timeout=30)[0] == b"abc"


def test_a_report_that_a_proxy_compressed_on_the_way_is_whole(tmp_path: Path) -> None:
    """Its tag is weak from there on (RFC 9110, 8.8.1), and the hash in it that of the same bytes."""
    tag = f'W/"{hashlib.sha256(b"abc").hexdigest()}"'
    packed = sent_file(gzip.compress(b"abc"), **{"ETag": tag, "Content-Encoding": "gzip"})
    with scripted(packed) as script, client(script.url) as ponte:
        assert ponte.exports.download("1", tmp_path / "a") == 3
    assert (tmp_path / "a").read_bytes() == b"abc"


def test_a_redirect_is_no_report_and_no_answer(tmp_path: Path) -> None:
    elsewhere = Said(302, b"<html>", {"Location": "https://login.example/"})
    with scripted(elsewhere, elsewhere) as script, client(script.url, attempts=1) as ponte:
        with pytest.raises(Refused, match=r"302: the address leads to https://login\.example/"):
            ponte.exports.download("1", tmp_path / "a")
        with pytest.raises(Refused, match="give the address of the API itself"):
            ponte.logs.errors()
    assert list(tmp_path.iterdir()) == []


def block(name: str, data: dict[str, object], event_id: str = "") -> bytes:
    place = f"id: {event_id}\n" if event_id else ""
    return f"event: {name}\n{place}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def stream(*blocks: bytes, cut: bool = False) -> Said:
    return Said(200, b": open\nretry: 1\nid: i0\n\n" + b"".join(blocks), {"Content-Type": "text/event-stream"}, cut=cut)


REMOVED = {"kind": "order", "affiliate": "MLC", "code": "a\u2028b"}


def test_a_stream_goes_on_after_its_last_event_however_it_ended() -> None:
    renewed = block("closing", {"reason": "renewal", "detail": ""})
    answers = (
        stream(block("removed", REMOVED, "i1"), b": alive\nid: i2\n\n", renewed),
        stream(block("new-one", {}, "i3"), block("removed", REMOVED, "i4"), cut=True),
        SOON,
        Said(),
        stream(block("resync", {"reason": "too_old", "detail": "read"}, "i5")),
    )
    with scripted(*answers) as script, client(script.url) as ponte:
        told = list(itertools.islice(ponte.stream.changes({"status": ["error"]}, since="i"), 3))

    assert [type(one) for one in told] == [RemovedEvent, RemovedEvent, ResyncEvent]
    assert isinstance(told[0], RemovedEvent)
    assert told[0].code == "a\u2028b"
    assert [one.headers["last-event-id"] for one in script.heard] == ["i", "i2", "i4", "i4", "i4"]
    assert {one.path for one in script.heard} == {"/v1/stream?status=error"}


def test_a_quiet_stream_may_break_off_as_often_as_it_likes() -> None:
    """Some proxies cut every connection after half a minute: one that was opened came to something, also where nothing changed."""
    cut = stream(cut=True)
    answers = (cut, cut, cut, Said(502, b"<html>"), cut, stream(block("removed", REMOVED, "i1")))
    with scripted(*answers) as script, client(script.url) as ponte:
        assert isinstance(next(ponte.stream.changes(failures=2)), RemovedEvent)

    assert script.answers == []


def test_a_stream_ends_with_its_key_and_after_too_many_failures() -> None:
    ended = stream(block("closing", {"reason": "credential", "detail": "connect with another key"}))
    with scripted(ended, stream(), Said(), Said(), Said()) as script, client(script.url) as ponte:
        with pytest.raises(Denied, match="401 Unauthorized: connect with another key"):
            next(ponte.stream.changes())
        with pytest.raises(Unreachable):
            next(ponte.stream.changes(failures=2))

    assert script.answers == []
