"""The exporter as a real process, on real servers, from the command on its topic to the file that a person opens."""

import asyncio
import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest
from confluent_kafka import Consumer, Producer
from gridfs import GridFSBucket
from kafka import KafkaProducer
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.servers import Servers
from services.exporter.core.columns import COLUMNS
from shared.contracts.commands import FINAL_STATES, ExportCommand
from shared.contracts.imports import row_from_document, upload_id
from shared.contracts.names import (
    DEAD_LETTER_TOPIC,
    EXPORT_FILES,
    EXPORTS,
    EXPORTS_TOPIC,
    IMPORT_FILES,
    IMPORT_ROWS,
    IMPORTS,
    INTEGRATIONS,
    LOG_ENTRIES,
)
from shared.mongo.client import connect
from shared.mongo.jobs import Jobs
from shared.runtime.clock import now
from tests.support.eventually import eventually
from tests.support.export_rows import AT, document_of, make_entry
from tests.support.fakes.exporter import sha256_of
from tests.support.odd_headers import NotUtf8

Documents = Database[dict[str, Any]]
Start = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def documents(servers: Servers, database_name: str) -> Iterator[Documents]:
    with MongoClient[dict[str, Any]](servers.mongo.uri, tz_aware=True) as client:
        yield client[database_name]


@pytest.fixture
def start(servers: Servers, database_name: str, tmp_path: Path) -> Start:
    environment = {
        **os.environ,
        "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
        "PONTE_MONGO_URI": servers.mongo.uri,
        "PONTE_MONGO_DATABASE": database_name,
        "PONTE_EXPORTER_LEASE_SECONDS": "2",
        "PONTE_EXPORTER_TEMP_FOLDER": str(tmp_path),
    }

    @contextmanager
    def run(*, batch_rows: int = 2_000) -> Iterator[subprocess.Popen[bytes]]:
        with (tmp_path.parent / f"{tmp_path.name}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.exporter"],
                env={**environment, "PONTE_EXPORTER_BATCH_ROWS": str(batch_rows)},
                cwd=ROOT,
                stdout=output,
                stderr=output,
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait(15)

    return run


def say(servers: Servers, body: Any) -> None:
    producer = Producer({"bootstrap.servers": servers.kafka.bootstrap})
    producer.produce(EXPORTS_TOPIC, value=body if isinstance(body, bytes) else orjson.dumps(body))
    assert producer.flush(10) == 0


def queue(servers: Servers, documents: Documents, account: str, job_id: str) -> None:
    """Store a job as the API does, its command message lost."""

    async def insert() -> None:
        async with connect(servers.mongo.uri, service="test") as client:
            command = ExportCommand(id=job_id, account=account).model_dump(mode="json")
            await Jobs(client[documents.name], EXPORTS).insert(command, now=now())

    asyncio.run(insert())


def pieces_of(documents: Documents, account: str) -> list[str]:
    return documents[f"{EXPORT_FILES}.chunks"].distinct("files_id", {"files_id": {"$regex": f"^{account}"}})


def job_of(documents: Documents, account: str, job_id: str, *, of: str = EXPORTS) -> dict[str, Any]:
    return documents[of].find_one({"_id": f"{account}|{job_id}"}) or {"state": "absent", "progress": {}}


def ended(documents: Documents, account: str, job_id: str, *, within: float = 90, of: str = EXPORTS) -> dict[str, Any]:
    return eventually(
        lambda: job_of(documents, account, job_id, of=of), lambda job: job["state"] in FINAL_STATES, within=within
    )


def file_of(documents: Documents, job: dict[str, Any]) -> bytes:
    content = GridFSBucket(documents, EXPORT_FILES).open_download_stream(job["progress"]["file_id"]).read()
    assert job["progress"]["sha256"] == sha256_of(content)
    assert job["progress"]["bytes"] == len(content)
    return content


def rows_of(file: bytes) -> list[dict[str, Any]]:
    rows = openpyxl.load_workbook(io.BytesIO(file), read_only=True).worksheets[0].iter_rows(min_row=2, values_only=True)
    return [dict(zip([column.name for column in COLUMNS], row, strict=False)) for row in rows]


def fill(documents: Documents, account: str, rows: int) -> None:
    entries = (
        make_entry(
            account=account,
            affiliate="AMZ" if number % 3 else "MLC",
            code=f"{number:06}",
            status="error" if number % 2 else "success",
            causes=[{"code": "ORD-SLA", "message": f"No sla for {number}"}] if number % 2 else [],
            processed_at=AT + timedelta(minutes=number),
            aliases={"vtex_order_id": f"V{number}"},
        )
        for number in range(rows)
    )
    documents[LOG_ENTRIES].insert_many([document_of(entry) for entry in entries])


def test_a_command_becomes_a_file_of_exactly_the_rows_asked_for_and_a_wrong_one_a_dead_letter(
    servers: Servers, documents: Documents, start: Start, account: str
) -> None:
    fill(documents, account, 200)
    fill(documents, f"{account}x", 20)
    documents[INTEGRATIONS].insert_one(
        {"_id": f"{account}|AMZ", "account": account, "affiliate": "AMZ", "marketplace": "Amazon"}
    )
    asked: dict[str, dict[str, Any]] = {
        "all": {},
        "chosen": {
            "kind": "order", "language": "en", "time_zone": "UTC",
            "filter": {"status": ["error"], "affiliate": ["AMZ"], "from": "2026-11-23T10:21:12.123Z", "to": "2026-11-23T11:21:12.123Z"},
        },
        "searched": {"filter": {"q": "sla for 77"}, "format": "csv"},
        "empty": {"filter": {"affiliate": ["NOBODY"]}},
    }  # fmt: skip
    with start():
        for job_id, command in asked.items():
            say(servers, {"id": job_id, "account": account, **command})
        say(servers, {"id": "wrong", "account": account, "time_zone": "Nowhere/City"})
        say(servers, b"\xff not json " + account.encode())
        jobs = {job_id: ended(documents, account, job_id) for job_id in asked}
        letters = _dead_letters(servers, account, 2)

    assert {job["state"] for job in jobs.values()} == {"done"}
    files = {job_id: file_of(documents, job) for job_id, job in jobs.items()}
    assert sorted(row["code"] for row in rows_of(files["all"])) == [f"{number:06}" for number in range(200)]
    chosen = rows_of(files["chosen"])
    assert [row["code"] for row in chosen] == [f"{n:06}" for n in range(10, 70) if n % 2 and n % 3]
    assert {row["marketplace"] for row in chosen} == {"Amazon"}
    assert {row["status"] for row in chosen} == {"Processed with error"}
    assert jobs["chosen"]["progress"]["rows"] == jobs["chosen"]["progress"]["rows_done"] == len(chosen)
    searched = list(csv.reader(io.StringIO(files["searched"].decode("utf-8-sig"))))[1:]
    assert [row[1] for row in searched] == ["000077"]
    assert rows_of(files["empty"])[0]["kind"] == "Nenhum item foi encontrado"
    assert job_of(documents, account, "wrong")["state"] == "absent"
    assert sorted(letters) == ["Invalid", "InvalidCommand"]


def test_a_report_that_was_made_edited_and_brought_back_becomes_a_preview_of_the_rows_left_in_it(
    servers: Servers, documents: Documents, start: Start, account: str
) -> None:
    fill(documents, account, 40)
    files = GridFSBucket(documents, IMPORT_FILES)
    with start():
        say(servers, {"id": "report", "account": account, "language": "en"})
        book = openpyxl.load_workbook(io.BytesIO(file_of(documents, ended(documents, account, "report"))))
        book.worksheets[0].delete_rows(12, 100)
        edited = io.BytesIO()
        book.save(edited)
        for job_id, content in (("back", edited.getvalue()), ("broken", b"PK\x03\x04")):
            files.upload_from_stream_with_id(upload_id(account, job_id), "edited.xlsx", content)
            say(servers, {"id": job_id, "account": account, "operation": "import"})
        say(servers, {"id": "wrong", "account": account, "operation": "import", "file_id": "another's"})
        back, broken = [ended(documents, account, job_id, of=IMPORTS) for job_id in ("back", "broken")]
        letters = _dead_letters(servers, account, 1)

    assert (back["state"], back["progress"]["rows"], back["progress"]["eligible"]) == ("done", 10, {"order": 5})
    preview = {"file_id": back["progress"]["file_id"]}
    rows = [row_from_document(one) for one in documents[IMPORT_ROWS].find(preview).sort("number")]
    assert {(row.kind, row.affiliate) for row in rows} == {("order", "AMZ")}
    assert [(row.code, row.state) for row in rows] == [
        (f"{number:06}", "eligible" if number % 2 else "not_failed") for number in range(40) if number % 3
    ][:10]
    assert (broken["state"], broken["error"]) == ("failed", "the workbook is damaged: its end is missing")
    assert letters == ["InvalidCommand"]
    left = documents[f"{IMPORT_FILES}.files"].distinct("_id", {"_id": {"$regex": f"^{account}"}})
    assert left == [upload_id(account, "back")]
    assert documents[IMPORT_ROWS].distinct("file_id", {"account": account}) == [back["progress"]["file_id"]]


def test_a_command_with_odd_headers_is_taken_and_so_are_those_behind_it(
    servers: Servers, documents: Documents, start: Start, account: str
) -> None:
    fill(documents, account, 2)
    commands = {job_id: orjson.dumps({"id": job_id, "account": account}) for job_id in ("name", "null", "behind")}
    with start() as exporter:
        unreadable = KafkaProducer(bootstrap_servers=servers.kafka.bootstrap)
        headers = [("a", b"1"), (NotUtf8("x"), b"2")]
        unreadable.send(EXPORTS_TOPIC, commands["name"], headers=headers, partition=0)
        unreadable.close()
        producer = Producer({"bootstrap.servers": servers.kafka.bootstrap})
        odd = [("a", None), ("a", b""), ("ce_id", b"\xff")]
        producer.produce(EXPORTS_TOPIC, commands["null"], headers=odd, partition=0)
        producer.produce(EXPORTS_TOPIC, commands["behind"], partition=0)
        assert producer.flush(10) == 0
        jobs = [ended(documents, account, job_id) for job_id in commands]
        assert exporter.poll() is None

    assert [(job["state"], job["progress"]["rows"]) for job in jobs] == [("done", 2)] * 3
    assert exporter.returncode == 0


def _dead_letters(servers: Servers, account: str, count: int) -> list[str]:
    consumer = Consumer(
        {
            "bootstrap.servers": servers.kafka.bootstrap,
            "group.id": f"test-{account}",
            "auto.offset.reset": "earliest",
            "log_level": 3,
        }
    )
    consumer.subscribe([DEAD_LETTER_TOPIC])
    found: list[str] = []
    deadline = time.monotonic() + 30
    while len(found) < count and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None and account.encode() in (message.value() or b""):
            found.append(dict(message.headers() or [])["error-class"].decode())
    consumer.close()
    return found


def test_a_killed_writer_leaves_no_part_of_a_file_and_the_next_writes_it_whole(
    servers: Servers, documents: Documents, start: Start, account: str, tmp_path: Path
) -> None:
    fill(documents, account, 30_000)
    with start() as first:
        queue(servers, documents, account, "big")
        eventually(lambda: job_of(documents, account, "big")["progress"].get("rows_done") or 0, lambda rows: rows > 0)
        first.send_signal(signal.SIGKILL)
        first.wait()
    killed = job_of(documents, account, "big")
    assert killed["state"] == "running"
    assert documents[f"{EXPORT_FILES}.files"].count_documents({"metadata.account": account}) == 0
    assert list(tmp_path.iterdir()) == []
    documents[f"{EXPORT_FILES}.chunks"].insert_one({"files_id": f"{account}|big|killed", "n": 0, "data": b"half"})

    with start():
        job = ended(documents, account, "big")

    assert job["state"] == "done"
    assert job["progress"]["starts"] == 2
    assert [row["code"] for row in rows_of(file_of(documents, job))] == sorted(
        (f"{number:06}" for number in range(30_000)), key=lambda code: ("AMZ" if int(code) % 3 else "MLC", code)
    )
    assert pieces_of(documents, account) == [job["progress"]["file_id"]]


def test_a_writer_that_was_frozen_for_longer_than_its_lease_changes_nothing_of_what_another_wrote(
    servers: Servers, documents: Documents, start: Start, account: str, tmp_path: Path
) -> None:
    fill(documents, account, 20_000)
    with start(batch_rows=50) as frozen:
        queue(servers, documents, account, "big")
        eventually(lambda: job_of(documents, account, "big")["progress"].get("rows_done") or 0, lambda rows: rows > 0)
        frozen.send_signal(signal.SIGSTOP)
        with start():
            job = ended(documents, account, "big")
            frozen.send_signal(signal.SIGCONT)
            told = tmp_path.parent / f"{tmp_path.name}.log"
            eventually(told.read_text, lambda text: "export.lost" in text)

    assert (job["state"], job["progress"]["starts"], job["progress"]["rows_done"]) == ("done", 2, 20_000)
    assert job_of(documents, account, "big") == job
    assert pieces_of(documents, account) == [job["progress"]["file_id"]]
    assert len(rows_of(file_of(documents, job))) == 20_000


def test_a_cancelled_report_stops_before_its_end_and_leaves_nothing(
    servers: Servers, documents: Documents, start: Start, account: str
) -> None:
    fill(documents, account, 80_000)
    with start(batch_rows=50):
        queue(servers, documents, account, "big")
        eventually(lambda: job_of(documents, account, "big")["progress"].get("rows_done") or 0, lambda rows: rows > 0)
        documents[EXPORTS].update_one({"_id": f"{account}|big"}, {"$set": {"cancel_requested": True}})
        job = ended(documents, account, "big")

    assert job["state"] == "cancelled"
    assert job["progress"]["rows_done"] < 80_000
    assert pieces_of(documents, account) == []


def test_orphans_are_swept_when_the_exporter_starts(documents: Documents, start: Start, account: str) -> None:
    documents[f"{EXPORT_FILES}.chunks"].insert_one({"files_id": f"{account}|gone|x", "n": 0, "data": b"half"})
    with start():
        eventually(lambda: pieces_of(documents, account), lambda pieces: pieces == [])


def test_a_stopped_exporter_gives_its_job_back_to_the_next(
    servers: Servers, documents: Documents, start: Start, account: str
) -> None:
    fill(documents, account, 20_000)
    with start(batch_rows=50) as first:
        queue(servers, documents, account, "big")
        eventually(lambda: job_of(documents, account, "big")["progress"].get("rows_done") or 0, lambda rows: rows > 0)
        first.terminate()
        assert first.wait(15) == 0
    stopped = job_of(documents, account, "big")

    assert stopped["leased_by"] is None
    assert stopped["progress"]["starts"] == 0
    with start():
        assert ended(documents, account, "big")["state"] == "done"


def test_a_folder_in_which_no_file_can_be_made_is_told_at_the_start(servers: Servers, tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "services.exporter"],
        env={
            **os.environ,
            "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
            "PONTE_MONGO_URI": servers.mongo.uri,
            "PONTE_EXPORTER_TEMP_FOLDER": str(tmp_path / "nowhere"),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert said.returncode == 2
    assert "nowhere (No such file or directory): set PONTE_EXPORTER_TEMP_FOLDER" in said.stderr
    assert "Traceback" not in said.stderr
