from collections.abc import Mapping
from typing import Annotated

import pytest
from pydantic import Field

from shared.contracts.errors import (
    Defect,
    InvalidCommand,
    InvalidEvent,
    NotEligible,
    OutcomeUnknown,
    StoreUnavailable,
)
from shared.mongo.client import connect
from shared.runtime import retry, worker
from shared.runtime.disposition import disposition_of
from shared.runtime.settings import Settings, read_settings
from shared.runtime.start import EXIT_DEFECT, start


@pytest.mark.parametrize(
    ("error", "disposition"),
    [
        (None, "commit"),
        (InvalidEvent("NotUtf8", "…"), "dead letter"),
        (InvalidCommand("kind", "…"), "dead letter"),
        (NotEligible(), "dead letter"),
        (StoreUnavailable(), "pause"),
        (OutcomeUnknown(), "pause"),
        (Defect(), "stop"),
        (ZeroDivisionError(), "stop"),
    ],
)
def test_an_error_decides_what_becomes_of_its_record(error, disposition):
    assert disposition_of(error) == disposition


async def test_what_may_pass_is_tried_again_until_it_passed(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_DELAY_SECONDS", 0.0)
    failures = [StoreUnavailable("one"), OutcomeUnknown("two")]

    async def operation():
        if failures:
            raise failures.pop(0)
        return "done"

    assert await retry.until_done(operation, what="a test") == "done"


async def test_what_cannot_pass_is_raised_at_once():
    async def operation():
        raise Defect("ours")

    with pytest.raises(Defect):
        await retry.until_done(operation, what="a test")


def test_waiting_grows_and_has_a_ceiling():
    assert retry.delay_before(1) <= retry.FIRST_DELAY_SECONDS
    assert retry.LONGEST_DELAY_SECONDS / 2 <= retry.delay_before(50) <= retry.LONGEST_DELAY_SECONDS


def test_a_wrong_setting_is_named_by_its_variable(monkeypatch):
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.delenv("PONTE_MONGO_URI", raising=False)
    monkeypatch.setenv("PONTE_HEALTH_PORT", "many")
    with pytest.raises(Defect, match=r"PONTE_MONGO_URI.*PONTE_HEALTH_PORT"):
        read_settings(Settings)


@pytest.mark.parametrize("value", ["", "ops=read", "{"])
def test_a_setting_that_is_no_json_is_named_with_what_is_expected(monkeypatch, value):
    class WithRoles(Settings):
        roles: Annotated[Mapping[str, str], Field(description="scopes of each role, as JSON")] = {}

    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("PONTE_MONGO_URI", "mongodb://h/")
    monkeypatch.setenv("PONTE_ROLES", value)
    with pytest.raises(Defect, match=r"^settings are wrong: PONTE_ROLES: it is no JSON.*scopes of each role"):
        read_settings(WithRoles)


def test_the_summary_of_the_settings_holds_no_secret(monkeypatch):
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("PONTE_MONGO_URI", "mongodb://u:s3cret@h/")
    assert "s3cret" not in str(read_settings(Settings).summary())


def test_a_service_that_cannot_start_says_so_in_one_line(capsys):
    def service():
        raise Defect("settings are wrong: PONTE_MONGO_URI: Field required")

    with pytest.raises(SystemExit) as left:
        start(service)
    assert left.value.code == 2
    assert capsys.readouterr().err == "ponte: settings are wrong: PONTE_MONGO_URI: Field required\n"


@pytest.mark.parametrize("uri", ["mongodb://u:s3c@ret@h/", "mongodb://u:s3c/ret@h/", "postgres://h/s3c"])
async def test_a_wrong_connection_string_is_told_without_quoting_it(uri):
    with pytest.raises(Defect, match="PONTE_MONGO_URI is no connection string") as told:
        connect(uri, service="test")
    assert "s3c" not in str(told.value)
    assert told.value.__cause__ is None


@pytest.mark.parametrize("name", ["", "a b", "a.b", "x" * 64])
def test_a_name_that_no_database_can_have_is_refused_at_the_start(monkeypatch, name):
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("PONTE_MONGO_URI", "mongodb://h/")
    monkeypatch.setenv("PONTE_MONGO_DATABASE", name)
    with pytest.raises(Defect, match=r"PONTE_MONGO_DATABASE: .* is no name of a database"):
        read_settings(Settings)


@pytest.mark.parametrize("value", ["inf", "1e300", "nan", "-1"])
def test_a_time_that_nobody_can_wait_is_refused(monkeypatch, value):
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("PONTE_MONGO_URI", "mongodb://h/")
    monkeypatch.setenv("PONTE_STOP_SECONDS", value)
    with pytest.raises(Defect, match="PONTE_STOP_SECONDS"):
        read_settings(Settings)


def test_a_worker_that_has_no_memory_left_to_say_why_ends_all_the_same(monkeypatch):
    def say(*_, **__):
        raise MemoryError

    def end(code):
        raise SystemExit(code)

    monkeypatch.setattr(worker.log, "critical", say)
    monkeypatch.setattr(worker.os, "_exit", end)

    with pytest.raises(SystemExit) as ended:
        worker.leave_loudly("a.failed", MemoryError())

    assert ended.value.code == EXIT_DEFECT
