import json
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from pymongo.errors import InvalidName, OperationFailure

from deploy import doctor, up
from deploy.addresses import local_url
from deploy.cli import main
from deploy.errors import CommandError
from deploy.instance import Instance, forget_instance
from deploy.local.servers import KafkaAddress, MongoAddress, Servers
from deploy.status import tell
from deploy.up import Stopped, Up
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


SERVER = {"bootstrap": "127.0.0.1:1", "uri": "none", "pid": None, "origin": "given"}


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """A free port, and a state folder of the test's own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free: int = taken.getsockname()[1]
    monkeypatch.setenv("PONTE_HTTP_PORT", str(free))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(up.signal, "signal", lambda *_: None)
    return free


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Servers:
    """Servers that somebody else runs."""
    servers = Servers(KafkaAddress("k:1", None, "given"), MongoAddress("mongodb://m", None, "given"), ExitStack())
    monkeypatch.setattr(up, "start_servers", lambda *_args, **_named: servers)
    return servers


@pytest.mark.parametrize(
    ("error", "setting"),
    [
        (KafkaException("topic a: not allowed"), "PONTE_KAFKA_BOOTSTRAP"),
        (InvalidName("database names cannot contain the character ' '"), "PONTE_MONGO_DATABASE is 'a b'"),
        (OperationFailure("not authorized", 13, {"secret": 1}), "PONTE_MONGO_URI"),
    ],
)
@pytest.mark.usefixtures("given", "port")
def test_a_server_that_refuses_is_one_sentence_with_its_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, setting: str
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setenv("PONTE_MONGO_DATABASE", "a b")
    monkeypatch.setattr(up, "provision", refuse)
    assert main(["up", "--ephemeral"]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert setting in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_while_servers_start_ends_what_was_started_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, port: int, number: signal.Signals
) -> None:
    it = Up(data=None, demo=False, say=print)
    undone: list[str] = []

    def start_slowly(*_args: object, **_named: object) -> Servers:
        with ExitStack() as undo:
            undo.callback(lambda: it._on_signal(number, None))  # once more, while it stops
            undo.callback(undone.append, "servers")
            it._on_signal(number, None)
            raise AssertionError("it waited on")

    monkeypatch.setattr(up, "start_servers", start_slowly)
    it.run()
    assert undone == ["servers"]


@pytest.mark.usefixtures("port")
def test_a_stop_while_the_services_start_is_no_failure() -> None:
    it = Up(data=None, demo=False, say=print)
    it._on_signal(signal.SIGTERM, None)
    with pytest.raises(Stopped):
        it._wait_for("the API", lambda: None)


def test_a_port_is_looked_at_where_the_api_will_listen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: int
) -> None:
    monkeypatch.setenv("PONTE_QUERY_HOST", "127.0.0.2")
    with socket.create_server(("127.0.0.2", port)):
        assert main(["up", "--ephemeral"]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert f"cannot listen on 127.0.0.2:{port}: Address already in use; set PONTE_HTTP_PORT" in sentence


@pytest.mark.parametrize("setting", ["PONTE_QUERY_HOST", "PONTE_HEALTH_HOST"])
@pytest.mark.usefixtures("port")
def test_an_address_of_another_machine_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: str
) -> None:
    monkeypatch.setattr(up, "start_servers", lambda *_args, **_named: pytest.fail("it was told too late"))
    monkeypatch.setenv(setting, "192.0.2.1")  # of the documents (RFC 5737): no machine has it
    assert main(["up", "--ephemeral"]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert f"set {setting} to an address of this machine" in sentence


@pytest.mark.usefixtures("given", "port")
def test_a_key_of_another_account_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PONTE_ACCOUNT", "acme")
    monkeypatch.setattr(up, "provision", lambda *_: None)
    monkeypatch.setattr(up, "account_of", lambda *_: "loja")
    assert main(["up", "--ephemeral"]) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "the API key is of the account loja, and PONTE_ACCOUNT is acme" in sentence


@pytest.mark.parametrize(
    ("listens_on", "asked"),
    [
        ("127.0.0.1", "http://127.0.0.1:8"),
        ("", "http://127.0.0.1:8"),
        ("0.0.0.0", "http://127.0.0.1:8"),
        ("::", "http://[::1]:8"),
        ("10.0.0.7", "http://10.0.0.7:8"),
        ("fd00::7", "http://[fd00::7]:8"),
        ("panel.example", "http://panel.example:8"),
    ],
)
def test_a_service_is_asked_where_it_listens(listens_on: str, asked: str) -> None:
    assert local_url(listens_on, 8) == asked


def test_the_api_and_the_health_are_asked_where_the_settings_have_them_listen(
    monkeypatch: pytest.MonkeyPatch, port: int, given: Servers, tmp_path: Path
) -> None:
    monkeypatch.setenv("PONTE_QUERY_HOST", "::")
    monkeypatch.setenv("PONTE_HEALTH_HOST", "10.0.0.7")
    monkeypatch.setattr(up.ChildProcess, "start", lambda _: None)
    monkeypatch.setattr(up.ChildProcess, "pid", 1)
    it = Up(data=tmp_path, demo=False, say=print)
    it._start_services(given, "k" * 32)

    assert it._instance.api["url"] == it._environment["PONTE_API_URL"] == f"http://[::1]:{port}"
    asked = {}
    monkeypatch.setattr(doctor, "_ask", lambda name, address, _: asked.update({name: address}))
    doctor.ask_services(it._instance)
    assert asked["query"] == f"http://[::1]:{port}"
    assert asked["ingest"] == f"http://10.0.0.7:{it._instance.services['ingest']['health_port']}"


def test_a_state_folder_that_cannot_be_written_is_told(tmp_path: Path, port: int) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(CommandError, match="set XDG_STATE_HOME"):
        Instance(1, {}, SERVER, SERVER).write(port)
    with pytest.raises(CommandError, match="set XDG_STATE_HOME"):
        forget_instance(port)


def test_a_signal_that_comes_while_another_is_handled_leaves_nobody_waiting(port: int) -> None:
    ponte = Up(data=None, demo=False, say=lambda _: None)

    def interrupt(_frame: object, event: str, _argument: object) -> None:
        if event == "return":
            sys.setprofile(None)  # what comes in between is not interrupted in turn
            ponte._on_signal(signal.SIGTERM, None)
            sys.setprofile(interrupt)

    sys.setprofile(interrupt)
    try:
        ponte._on_signal(signal.SIGTERM, None)
    finally:
        sys.setprofile(None)
    with pytest.raises(Stopped):
        ponte._wait_for("the API", lambda: None)
