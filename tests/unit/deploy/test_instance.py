import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import main
from deploy.instance import Instance, account_name, database_name, find_instance, hold_port, start_of
from deploy.local.errors import LocalServerError
from deploy.local.lock import hold, let_go

PORT = 8080
KAFKA = {"bootstrap": "127.0.0.1:1", "pid": None, "origin": "given"}
MONGO = {"uri": "mongodb://m", "pid": None, "origin": "given"}


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the files of instances stand; the environment names nothing."""
    for name in ("ACCOUNT", "MONGO_DATABASE", "KAFKA_BOOTSTRAP", "MONGO_URI", "HTTP_PORT"):
        monkeypatch.delenv(f"PONTE_{name}", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "ponte"


def write(**facts: Any) -> None:
    Instance(**{"pid": os.getpid(), "api": {}, "kafka": KAFKA, "mongo": MONGO, **facts}).write(PORT)


def named() -> tuple[str, str]:
    return account_name(), database_name()


def test_commands_act_for_the_account_and_in_the_database_of_the_ponte_that_runs() -> None:
    assert named() == ("loja", "ponte")
    write(account="acme", database="other")
    assert named() == ("acme", "other")


def test_what_the_environment_names_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    write(account="acme", database="other")
    monkeypatch.setenv("PONTE_ACCOUNT", "mine")
    monkeypatch.setenv("PONTE_MONGO_DATABASE", "ours")
    assert named() == ("mine", "ours")


@pytest.mark.parametrize(("address", "account"), [("127.0.0.1:1", "acme"), ("", "acme"), ("elsewhere:9092", "loja")])
def test_an_environment_that_names_other_servers_means_another_ponte(
    monkeypatch: pytest.MonkeyPatch, address: str, account: str
) -> None:
    write(account="acme", database="other")
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", address)
    assert account_name() == account


def test_a_file_of_an_older_version_still_holds(folder: Path) -> None:
    folder.mkdir()
    old = {"pid": os.getpid(), "api": {"key": "k"}, "kafka": KAFKA, "mongo": MONGO, "services": {}}
    (folder / f"instance-{PORT}.json").write_text(json.dumps(old))

    found = find_instance(PORT)
    assert found is not None
    assert found.api == {"key": "k"}
    assert named() == ("loja", "ponte")


def test_another_process_that_got_the_same_number_is_not_ponte(folder: Path) -> None:
    began = start_of(os.getpid())
    assert began is not None
    write(started_at=began)
    assert find_instance(PORT) is not None

    write(started_at=began - 3600)
    assert find_instance(PORT) is None
    assert list(folder.iterdir()) == []  # the key does not lie about


def test_a_second_one_on_the_port_says_who_is_the_first_and_leaves_its_file_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with hold_port(PORT):
        write()
        assert main(["up", "--ephemeral"]) == 1
        assert find_instance(PORT) is not None
    (sentence,) = capsys.readouterr().err.splitlines()
    assert f"Ponte runs already on port {PORT} (process {os.getpid()}): stop it" in sentence


def test_a_port_is_held_by_one_at_a_time_and_leaves_nothing_behind(folder: Path) -> None:
    for _ in range(2):
        with hold_port(PORT), hold_port(PORT + 1), pytest.raises(LocalServerError), hold_port(PORT):
            pass
    assert list(folder.iterdir()) == []


def test_who_waits_for_a_file_that_is_let_go_holds_the_next_of_that_name(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = hold(path, str, patience_seconds=0)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(hold, path, str, patience_seconds=60)
        let_go(path, first)
        second = waiting.result()
    assert os.path.samestat(os.fstat(second), path.stat())
    let_go(path, second)


def test_a_file_whose_holder_was_killed_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(str(os.getpid()))  # with a number that somebody else has got
    let_go(path, hold(path, str))
