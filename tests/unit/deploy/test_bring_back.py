import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import main
from deploy.instance import Instance
from tests.support.scripted_server import Said, Script, scripted

PORT = 8080
MADE = {
    "id": "i1",
    "state": "queued",
    "requested_by": "ponte up",
    "created_at": "2026-11-23T10:11:12.123Z",
    "updated_at": "2026-11-23T10:11:12.123Z",
    "finished_at": None,
    "cancel_requested": False,
    "error": None,
    "file_name": "report.csv",
    "bytes": 9,
    "sha256": "0" * 64,
    "rows": None,
    "rows_done": 0,
    "rows_read": None,
    "hidden": None,
    "unmarked": None,
    "counts": {},
    "eligible": {},
}
DONE = {
    **MADE,
    "state": "done",
    "rows": 6,
    "rows_done": 6,
    "rows_read": 9,
    "hidden": 2,
    "unmarked": 1,
    "counts": {"eligible": 3, "not_found": 1, "not_failed": 2},
    "eligible": {"order": 2, "price": 1},
}
ASKED = {
    **{name: MADE[name] for name in ("requested_by", "created_at", "updated_at", "finished_at", "cancel_requested", "error")},
    "state": "queued", "items": [], "filter": None, "reason": "", "max_per_second": None, "dry_run": False, "automatic": False,
    "matched": None, "eligible": None, "sent": None, "failed": None, "failures": [], "skipped": {}, "stalled_since": None, "stalled_why": None,
}  # fmt: skip


def told(body: dict[str, Any], status: int = 200) -> Said:
    return Said(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Script]:
    """The API of the Ponte that runs here; the first two answers are those of a file that is read."""
    for name in ("ACCOUNT", "MONGO_DATABASE", "KAFKA_BOOTSTRAP", "MONGO_URI", "HTTP_PORT"):
        monkeypatch.delenv(f"PONTE_{name}", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with scripted(told(MADE, 202), told(DONE)) as script:
        nowhere = {"pid": None, "origin": "given"}
        api = {"url": script.url, "key": "k"}
        Instance(os.getpid(), api, {**nowhere, "bootstrap": "x:1"}, {**nowhere, "uri": "mongodb://x"}).write(PORT)
        yield script


@pytest.fixture
def report(tmp_path: Path) -> str:
    path = tmp_path / "report.csv"
    path.write_bytes(b"Kind,Code")
    return str(path)


def test_a_preview_is_told_and_nothing_is_sent(script: Script, report: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", report]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "report.csv: 6 of 9 rows are chosen (2 hidden by a filter, 1 without a mark)",
        "would send 3 of 6: 2 order, 1 price; left out: 1 not_found, 2 not_failed",
        "row by row: /imports/i1 in the panel, /v1/imports/i1/rows in the API",
    ]
    upload, look = script.heard
    assert (upload.method, upload.path, upload.body) == ("POST", "/v1/imports?name=report.csv", b"Kind,Code")
    assert (look.method, look.path) == ("GET", "/v1/imports/i1")


def test_with_apply_the_rows_of_each_kind_are_one_job(
    script: Script, report: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script.answers += [told({**ASKED, "id": f"r{kind}", "kind": kind}, 202) for kind in ("order", "price")]

    assert main(["import", report, "--apply", "--reason", "SLA repaired", "--max-per-second", "5"]) == 0

    asked = [line for line in capsys.readouterr().out.splitlines() if line.startswith("asked")]
    assert [line.partition(";")[0] for line in asked] == [
        "asked: job rorder for 2 order",
        "asked: job rprice for 1 price",
    ]
    sent = [(one.path, json.loads(one.body)) for one in script.heard[2:]]
    assert sent == [
        ("/v1/imports/i1/reprocess", {"kind": kind, "reason": "SLA repaired", "max_per_second": 5})
        for kind in ("order", "price")
    ]


def test_where_nothing_can_be_sent_that_is_an_error_after_the_preview(
    script: Script, report: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script.answers[1] = told({**DONE, "counts": {"not_found": 6}, "eligible": {}})

    assert main(["import", report, "--apply"]) == 1

    said = capsys.readouterr()
    assert "would send 0 of 6; left out: 6 not_found" in said.out
    assert said.err == "ponte: none of these rows can be reprocessed now, so nothing was sent\n"


def test_a_file_that_is_no_report_is_told_in_one_sentence(
    script: Script, report: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script.answers[1] = told({**MADE, "state": "failed", "error": "no sheet has the columns"})

    assert main(["import", report]) == 1
    assert capsys.readouterr().err == "ponte: the import ended as failed: no sheet has the columns\n"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["nowhere.xlsx"], "nowhere.xlsx cannot be read: No such file or directory"),
        (["."], ". cannot be read: Is a directory"),
        (["nowhere.xlsx", "--reason", "x"], "nothing is without --apply"),
        (["nowhere.xlsx", "--max-per-second", "5"], "nothing is without --apply"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_asked(
    script: Script, asked: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", *asked]) == 1

    (sentence,) = capsys.readouterr().err.splitlines()
    assert why in sentence
    assert script.heard == []
