import os
import socket
from argparse import Namespace

import pytest

from deploy.api import asking
from deploy.cli import main
from deploy.errors import CommandError
from deploy.ops import reprocess
from shared.client import Damaged

ASKED = {
    "kind": "order",
    "codes": [],
    "affiliate": None,
    "filter": [],
    "all": False,
    "dry_run": False,
    "reason": "",
    "max_per_second": None,
}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"codes": ["X1"]}, "add --affiliate"),
        ({"codes": ["X1"], "affiliate": "MLC", "filter": ["status=warning"]}, "codes, --filter or --all, one of them"),
        ({"codes": ["X1"], "affiliate": "MLC", "all": True}, "codes, --filter or --all, one of them"),
        ({"all": True, "filter": ["status=warning"]}, "--all or what narrows it"),
        ({"all": True, "affiliate": "MLC"}, "--all or what narrows it"),
        ({"affiliate": "MLC", "filter": ["affiliate=SHP"]}, "not both"),
        ({"filter": ["status="]}, "filter.status: is empty"),
        ({"filter": ["status=foo"]}, "filter.status: 'foo' is unknown .allowed: success, error, warning, processing"),
        ({"filter": ["colour=red"]}, "NAME one of"),
        ({"max_per_second": 0}, "max_per_second"),
    ],
)
def test_what_would_send_something_else_than_was_asked_is_refused(asked: dict[str, object], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        reprocess(Namespace(**{**ASKED, **asked}))


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """No Ponte runs here, and Kafka's address is one where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", f"127.0.0.1:{taken.getsockname()[1]}")
        yield


@pytest.mark.usefixtures("nobody")
def test_every_failed_item_of_a_kind_is_sent_only_where_that_was_said() -> None:
    with pytest.raises(CommandError, match=r"every failed order.*or say --all"):
        reprocess(Namespace(**ASKED))
    with pytest.raises(CommandError, match=r"every failed order.*or say --all"):
        reprocess(Namespace(**{**ASKED, "filter": ["kind=order"]}))
    with pytest.raises(CommandError, match="does not answer"):  # this one would be sent
        reprocess(Namespace(**{**ASKED, "all": True}))


@pytest.mark.usefixtures("nobody")
def test_a_dry_run_sends_nothing_and_says_where_to_ask() -> None:
    with pytest.raises(CommandError, match="nothing of Ponte runs"):
        reprocess(Namespace(**{**ASKED, "dry_run": True}))


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    "command",
    [
        ["topics"],
        ["publish", "deploy/demo/events.jsonl"],
        ["reprocess", "order", "X1", "--affiliate", "MLC"],
    ],
)
def test_a_kafka_that_is_not_there_is_one_sentence(command, capsys) -> None:
    assert main(command) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "nobody listens there" in sentence
    assert "PONTE_KAFKA_BOOTSTRAP" in sentence


def test_a_report_is_written_to_a_file(tmp_path, capsys) -> None:
    assert main(["export", "order", "--output", str(tmp_path)]) == 1
    assert "is a folder" in capsys.readouterr().err


def test_a_report_that_goes_down_a_pipe_has_no_other_line_in_it(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("deploy.ops.export", lambda _: "2 rows")
    os.mkfifo(pipe := tmp_path / "pipe")
    (report := tmp_path / "report.csv").touch()

    told = []
    for target in (pipe, report):
        assert main(["export", "order", "--output", str(target)]) == 0
        told.append(capsys.readouterr())

    assert [(one.out, one.err) for one in told] == [("", "2 rows\n"), ("2 rows\n", "")]


def test_a_report_that_came_damaged_is_one_sentence() -> None:
    with pytest.raises(CommandError, match="SHA-256"), asking({"url": "http://127.0.0.1:1", "key": "k"}):
        raise Damaged("report.csv: its SHA-256 is another")


@pytest.mark.parametrize("command", [["export", "orders"], ["up", "--ephemeral", "--data", "here"]])
def test_a_wrong_command_line_is_told_with_its_usage(command, capsys) -> None:
    with pytest.raises(SystemExit) as left:
        main(command)
    assert left.value.code == 2
    assert "[]" not in capsys.readouterr().err
