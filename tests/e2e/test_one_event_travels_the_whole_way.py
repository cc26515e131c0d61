import asyncio
import json
import re
import time
from pathlib import Path
from uuid import uuid4

import openpyxl
import pytest
from confluent_kafka import Consumer
from pymongo import MongoClient

from shared.contracts.names import DEAD_LETTER_TOPIC, events_topic, retry_topic
from shared.kafka.producer import OutMessage, Publisher
from tests.support.builders import make_cloudevent, make_data, now_text
from tests.support.eventually import eventually
from tests.support.ingest_shop import whole_history
from tests.support.ponte import RunningPonte, is_alive
from tests.support.rollup_check import differences


@pytest.fixture(scope="module")
def ponte():
    with RunningPonte("--ephemeral", PONTE_RETRY_DELAYS="2", PONTE_REPROCESSOR_RETRY_EVERY="0.5") as running:
        yield running


@pytest.fixture
def code():
    return f"2000-{uuid4().hex[:10]}"


def publish(ponte, tmp_path, *items):
    path = tmp_path / f"{uuid4().hex}.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in items))
    published = ponte.run("publish", str(path))
    assert published.returncode == 0, published.stderr
    return published


def records_of(ponte, topic, is_wanted, count=1, within=30.0):
    """The first `count` wanted records of a topic, from its beginning."""
    consumer = Consumer(
        {
            "bootstrap.servers": ponte.status["kafka"]["bootstrap"],
            "group.id": uuid4().hex,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    found = []
    deadline = time.monotonic() + within
    try:
        while len(found) < count:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None and is_wanted(message):
                found.append(message)
            assert time.monotonic() < deadline, f"{len(found)} of {count} wanted records in {topic}"
    finally:
        consumer.close()
    return found


def send_raw(ponte, messages):
    async def send():
        publisher = Publisher(ponte.status["kafka"]["bootstrap"], service="test")
        results = await publisher.publish_all(messages)
        await publisher.close()
        return results

    assert all(result.delivery == "sent" for result in asyncio.run(send()))


def test_a_published_error_is_in_the_api(ponte, tmp_path, code):
    publish(ponte, tmp_path, make_data(code=code, processed_at=now_text()))
    entry = eventually(lambda: ponte.entry("order", "MLC", code))
    assert entry["status"] == "error"
    assert entry["attempts"] == 1
    assert entry["causes"][0]["code"] == "ORD-SLA"
    assert entry["causes"][0]["guidance"]


def test_the_counts_follow_each_event(ponte, tmp_path):
    affiliate, two = f"A{uuid4().hex[:6]}", [{"code": "ORD-SLA", "message": "a"}, {"code": "OWN-1", "message": "b"}]

    def counts():
        summary = ponte.ask("GET", f"/v1/summary?affiliate={affiliate}")[1]
        causes = {cause["code"]: cause["count"] for cause in summary["by_cause"]}
        return summary["by_kind"].get("order", {}), causes, summary["series"][-1]["by_status"] if causes else {}

    first = make_data(code="1", affiliate=affiliate, causes=two, processed_at=now_text())
    publish(ponte, tmp_path, first, make_data(code="2", affiliate=affiliate, causes=two[:1], processed_at=now_text()))
    eventually(counts, lambda seen: seen == ({"error": 2}, {"ORD-SLA": 2, "OWN-1": 1}, {"error": 2}))

    publish(ponte, tmp_path, {**first, "status": "success", "causes": [], "processed_at": now_text()})
    eventually(counts, lambda seen: seen == ({"error": 1, "success": 1}, {"ORD-SLA": 1}, {"error": 1, "success": 1}))

    status, summary = ponte.ask("GET", "/v1/summary")
    assert (status, set(summary)) == (200, {"by_kind", "by_affiliate", "by_cause", "series", "bucket", "as_of"})
    with MongoClient(ponte.status["mongo"]["uri"]) as client:
        eventually(lambda: differences(client["ponte"]), lambda found: not found)


def test_a_reprocessed_error_comes_home_as_a_success(ponte, tmp_path, code):
    publish(ponte, tmp_path, make_data(code=code, processed_at=now_text()))
    eventually(lambda: ponte.entry("order", "MLC", code))

    status, job = ponte.ask("POST", "/v1/reprocess", {"kind": "order", "items": [{"affiliate": "MLC", "code": code}]})
    assert status == 202
    (record,) = records_of(ponte, retry_topic("order"), lambda message: code.encode() in message.value())
    retry = json.loads(record.value())
    assert record.key().decode() == f"loja|order|MLC|{code}"
    assert retry["type"] == "integration.order.retry_requested"
    assert retry["data"]["reprocess_id"] == job["id"]
    assert retry["data"]["payload"] == {"marketplaceOrderId": "2000004567"}
    waiting = eventually(lambda: ponte.entry("order", "MLC", code), lambda entry: entry["reprocess"]["state"] == "sent")
    assert waiting["status"] == "error"

    answer = make_cloudevent(code=code, status="success", causes=[], processed_at=now_text(), reprocess_id=job["id"])
    publish(ponte, tmp_path, answer)
    # The mark is written after the entry, so whoever is quick sees the one without the other.
    mark = {"id": job["id"], "state": "answered"}
    healed = eventually(lambda: ponte.entry("order", "MLC", code), lambda entry: entry["reprocess"] == mark)
    assert (healed["status"], healed["attempts"]) == ("success", 2)
    eventually(lambda: ponte.ask("GET", f"/v1/reprocess/{job['id']}")[1], lambda told: told["state"] == "done")


def test_what_may_pass_by_itself_is_tried_again_though_nobody_asks(ponte, tmp_path, code):
    down = make_data(code=code, causes=[{"code": "NET-DOWN", "message": "502 Bad Gateway"}], processed_at=now_text())
    publish(ponte, tmp_path, down)

    (record,) = records_of(ponte, retry_topic("order"), lambda message: code.encode() in message.value())
    retry = json.loads(record.value())["data"]
    answer = make_cloudevent(
        code=code, status="success", causes=[], processed_at=now_text(), reprocess_id=retry["reprocess_id"]
    )
    publish(ponte, tmp_path, answer)

    assert (retry["reason"], retry["requested_by"]) == ("automatic retry 1", "ponte")
    healed = eventually(
        lambda: ponte.entry("order", "MLC", code), lambda entry: entry["reprocess"]["state"] == "answered"
    )
    assert (healed["status"], healed["next_retry_at"]) == ("success", None)


def test_ops_reprocess_without_any_http(ponte, tmp_path, code):
    publish(ponte, tmp_path, make_data(code=code, processed_at=now_text()))
    eventually(lambda: ponte.entry("order", "MLC", code))
    asked = ponte.run("reprocess", "order", code, "--affiliate", "MLC", "--reason", "token renewed")
    assert asked.returncode == 0, asked.stderr
    records_of(ponte, retry_topic("order"), lambda message: code.encode() in message.value())
    eventually(lambda: ponte.entry("order", "MLC", code), lambda entry: entry["reprocess"]["state"] == "sent")


def test_a_bad_event_goes_aside_whole_and_the_rest_is_written(ponte, code):
    topic = events_topic("order")
    bad = f'{{"code": "{code}", "broken": NaN}}'.encode()
    good = [json.dumps(make_cloudevent(code=f"{code}-{n}", processed_at=now_text())).encode() for n in range(20)]
    values = [*good[:10], bad, *good[10:]]
    send_raw(ponte, [OutMessage(topic, b"same", value) for value in values])
    for n in range(20):
        eventually(lambda n=n: ponte.entry("order", "MLC", f"{code}-{n}"))
    (letter,) = records_of(ponte, DEAD_LETTER_TOPIC, lambda message: message.value() == bad)
    headers = {name: value.decode() for name, value in letter.headers()}
    assert headers["original-topic"] == topic
    assert headers["original-offset"].isdecimal()
    assert headers["original-partition"].isdecimal()
    assert headers["error-class"]
    assert headers["error-message"]


def test_an_export_is_a_workbook_that_honours_the_filter(ponte, tmp_path, code):
    events = [
        make_data(code=f"{code}-{n}", affiliate="XPT", status="error" if n % 2 else "success", processed_at=now_text())
        for n in range(20)
    ]
    publish(ponte, tmp_path, *events)
    eventually(lambda: ponte.entry("order", "XPT", f"{code}-19"))
    target = tmp_path / "report.xlsx"
    exported = ponte.run("export", "order", "--filter", "status=error", "--filter", "affiliate=XPT", "-o", str(target))
    assert exported.returncode == 0, exported.stderr
    book = openpyxl.load_workbook(target)
    rows = [row for sheet in book for row in sheet.iter_rows(values_only=True)]
    written = {cell for row in rows for cell in row if isinstance(cell, str) and cell.startswith(code)}
    assert written == {f"{code}-{n}" for n in range(20) if n % 2}

    text = tmp_path / "report.csv"  # the name says what it is to be
    assert ponte.run("export", "order", "--filter", "affiliate=XPT", "-o", str(text)).returncode == 0
    assert f"{code}-19" in text.read_text(encoding="utf-8-sig")


def test_a_report_that_ops_edited_is_brought_back_told_of_and_sent(ponte, tmp_path, code):
    failed = [make_data(code=f"{code}-{n}", affiliate="XPR", processed_at=now_text()) for n in range(5)]
    publish(ponte, tmp_path, *failed)
    for n in range(5):
        eventually(lambda n=n: ponte.entry("order", "XPR", f"{code}-{n}"))
    report = tmp_path / "report.csv"
    assert ponte.run("export", "order", "--filter", "affiliate=XPR", "-o", str(report)).returncode == 0
    heading, *rows = report.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    gone = rows[0].replace(code, f"gone-{code}")
    report.write_text("".join([heading, *rows[:3], gone]), encoding="utf-8")

    told = ponte.run("import", str(report))
    sent = ponte.run("import", str(report), "--apply", "--reason", "token renewed")

    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[:2] == [
        "report.csv: 4 of 4 rows are chosen",
        "would send 3 of 4: 3 order; left out: 1 not_found",
    ]
    job = re.search(r"asked: job (\w+) for 3 order", sent.stdout)[1]
    ended = eventually(lambda: ponte.ask("GET", f"/v1/reprocess/{job}")[1], lambda job: job["state"] == "done")
    assert (ended["sent"], ended["reason"]) == (3, "token renewed")
    again = ponte.run("import", str(report), "--apply")
    assert (again.returncode, again.stderr) == (
        1,
        "ponte: none of these rows can be reprocessed now, so nothing was sent\n",
    )


def test_ingest_killed_under_load_loses_and_doubles_nothing(ponte, code):
    topic = events_topic("stock")
    count = 6_000
    values = [
        json.dumps(
            make_cloudevent(
                kind="stock",
                affiliate="KLL",
                code=f"{code}-{n % 2000}",
                id=f"{code}-{n}",
                processed_at=now_text(),
                sequence=n,
            )
        ).encode()
        for n in range(count)
    ]
    messages = [
        OutMessage(topic, f"loja|stock|KLL|{code}-{n % 2000}".encode(), value) for n, value in enumerate(values)
    ]
    send_raw(ponte, messages[: count // 2])
    victim = ponte.pids()["ingest"]
    Path(f"/proc/{victim}/stat").read_text()
    import os
    import signal

    os.kill(victim, signal.SIGKILL)
    send_raw(ponte, messages[count // 2 :])
    eventually(lambda: ponte.pids()["ingest"], lambda pid: pid != victim and is_alive(pid))

    with MongoClient(ponte.status["mongo"]["uri"]) as client:
        database = client["ponte"]
        mine = {"_id": {"$gte": f"loja|stock|KLL|{code}-", "$lt": f"loja|stock|KLL|{code}."}}
        eventually(
            lambda: sum(entry["attempts"] for entry in database.log_entries.find(mine)),
            lambda seen: seen == count,
            within=60,
        )
        history = whole_history(
            {one["_id"]: one for one in database.attempts.find(mine)},
            {one["_id"]: one for one in database.log_entries.find(mine)},
        )
        events = [attempt["version"][3] for attempt in history.values()]
        assert sorted(events) == sorted(f"{code}-{n}" for n in range(count))
        entries, attempts = (
            list(database.log_entries.find(mine).sort("_id")),
            list(database.attempts.find(mine).sort("_id")),
        )
        assert len(entries) == 2000
        assert all(entry["attempts"] == 3 for entry in entries)
        assert all(entry["state"]["sequence"] >= 4000 for entry in entries)

        # The whole topic again: nothing changes, but for how far each entry has counted.
        send_raw(ponte, messages)
        marker = f"{code}-marker"
        send_raw(
            ponte,
            [
                OutMessage(
                    topic,
                    m.key,
                    json.dumps(
                        make_cloudevent(kind="stock", affiliate="MRK", code=f"{marker}-{n}", processed_at=now_text())
                    ).encode(),
                )
                for n, m in enumerate(messages[:200])
            ],
        )
        for n in range(200):
            eventually(lambda n=n: ponte.entry("stock", "MRK", f"{marker}-{n}"), within=60)
        assert list(database.attempts.find(mine).sort("_id")) == attempts
        assert list(database.log_entries.find(mine).sort("_id")) == entries


def test_all_failed_items_of_a_kind_are_sent_only_where_that_was_said_and_a_dry_run_tells_how_many(ponte):
    asked = ponte.run("reprocess", "tracking")
    assert asked.returncode == 1
    assert re.search(r"every failed tracking .*\(would send \d+ of \d+.*say --all", asked.stderr)

    named = ponte.run("reprocess", "tracking", "nowhere", "--affiliate", "MLC", "--dry-run")
    assert (named.returncode, named.stdout) == (0, "would send 0 of 1; left out: 1 not_found\n")
    assert "tracking" not in {job["kind"] for job in ponte.ask("GET", "/v1/reprocess?limit=500")[1]["items"]}


def test_doctor_finds_a_healthy_ponte_healthy(ponte):
    # Those whom nobody waits for at the start may need a moment longer.
    examined = eventually(lambda: ponte.run("doctor"), lambda examined: examined.returncode == 0, within=60)
    for service in ("ingest", "query", "reprocessor", "exporter"):
        assert f"service {service}" in examined.stdout


def test_a_second_ponte_on_the_same_port_is_told_so(ponte):
    second = ponte.run("up", "--ephemeral")
    assert second.returncode == 1
    assert str(ponte.port) in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "neither JSON nor JSON lines"), ('{"kind": "orders"}', "kind"), ("[1]", "JSON object")],
)
def test_a_file_that_holds_no_events_is_refused_in_one_sentence(ponte, text, said):
    refused = ponte.run("publish", "-", text=text)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
