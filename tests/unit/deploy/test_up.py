import json
from pathlib import Path

import pytest

from deploy.instance import Instance
from deploy.status import tell
from deploy.up import Up
from deploy.watch import last_words


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (json.dumps({"level": "info", "event": "batch.written", "records": 3}), ""),
        (json.dumps({"level": "error", "event": "worker.stuck"}), "worker.stuck"),
        (
            json.dumps({"level": "critical", "event": "it.failed", "exception": "Traceback\n  …\nValueError: x"}),
            "it.failed: ValueError: x",
        ),
        ("PONTE_MONGO_URI is missing", "PONTE_MONGO_URI is missing"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_the_last_words_of_a_service_are_why_it_ended_and_never_what_was_routine(line: str, said: str) -> None:
    assert last_words(line) == said


def test_paths_of_logs_hold_in_every_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Up(data=Path(".ponte"), demo=False, say=print)._log_folder() == tmp_path / ".ponte" / "logs"


def test_a_ponte_that_only_begins_to_start_is_told_of_as_not_ready() -> None:
    server = {"bootstrap": "127.0.0.1:1", "uri": "none", "pid": None, "origin": "given"}
    text, is_well = tell(Instance(1, {"url": "http://127.0.0.1:1", "key": "k"}, server, server))
    assert not is_well
    assert "as given" in text
    assert "sign in" not in text
