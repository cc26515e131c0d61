import io
import json
import logging
import threading

from shared.runtime.logging import (
    REMEMBERED,
    REPEAT_SECONDS,
    JsonLines,
    Lenient,
    Repeats,
    log_ended_threads,
    without_secrets,
)
from tests.support.clock import Clock


def line_of(message, *, facts=None, error=None):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines("ingest"))
    logger = logging.Logger("test", logging.INFO)
    logger.addHandler(handler)
    logger.info(message, extra={"facts": facts or {}}, exc_info=error)
    return stream.getvalue()


def test_a_line_break_in_a_value_stays_one_line():
    line = line_of("key.seen", facts={"key": "a\r\nb"})
    assert line.count("\n") == 1
    assert json.loads(line)["key"] == "a\r\nb"


def test_passwords_and_tokens_never_reach_the_log():
    text = without_secrets("mongodb://user:s3cret@host/db Authorization: Bearer abc.def")
    assert "s3cret" not in text
    assert "abc.def" not in text
    assert "host/db" in text


def test_an_exception_is_told_with_its_trace():
    try:
        raise ValueError("wrong")
    except ValueError as error:
        line = json.loads(line_of("it.failed", error=error))
    assert "ValueError: wrong" in line["exception"]


def test_an_error_that_ends_a_thread_is_a_line_of_the_log(monkeypatch, caplog, capsys):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    log_ended_threads()
    thread = threading.Thread(target=[].pop, name="reader")
    thread.start()
    thread.join()
    (told,) = caplog.records
    assert (told.getMessage(), told.facts) == ("thread.ended", {"thread": "reader"})
    assert told.exc_info[0] is IndexError
    assert capsys.readouterr().err == ""


def told_by(repeats, message, *args, level=logging.ERROR, name="aiokafka", facts=None):
    record = logging.LogRecord(name, level, __file__, 1, message, args, None)
    if facts is not None:
        record.facts = facts
    return getattr(record, "facts", {}) if repeats.filter(record) else None


def test_a_library_warns_of_the_same_thing_once_in_a_while_and_the_next_line_says_how_often():
    clock = Clock()
    repeats = Repeats(clock)
    assert told_by(repeats, "Unable connect to node with id %s", 1) == {}
    assert [told_by(repeats, "Unable connect to node with id %s", node) for node in (1, 2, 3)] == [None] * 3
    assert told_by(repeats, "Unable to update metadata from %s", [1]) == {}  # something else
    assert told_by(repeats, "Unable connect to node with id %s", 1, name="kafka") == {}  # somebody else
    clock.now += REPEAT_SECONDS
    assert told_by(repeats, "Unable connect to node with id %s", 1) == {"repeated": 3}
    clock.now += REPEAT_SECONDS
    assert told_by(repeats, "Unable connect to node with id %s", 1) == {}


def test_what_we_say_ourselves_and_what_is_no_warning_is_always_written():
    repeats = Repeats(Clock())
    assert [told_by(repeats, "batch.postponed", facts={"attempt": n}) for n in range(2)] == [
        {"attempt": 0},
        {"attempt": 1},
    ]
    assert [told_by(repeats, "Joined group", level=logging.INFO) for _ in range(2)] == [{}, {}]


def test_however_many_things_are_said_only_so_many_are_remembered():
    repeats = Repeats(Clock())
    for n in range(REMEMBERED):
        assert told_by(repeats, "x" * n) == {}
        assert told_by(repeats, "x" * n) is None
    assert told_by(repeats, "another") == {}
    assert told_by(repeats, "x") == {}


def test_a_client_that_looks_for_another_broker_by_itself_warns_and_others_say_what_they_say():
    def level_of(name, *, level=logging.ERROR, error=None, said="sasl_ssl://a:1/1: Connection refused"):
        record = logging.LogRecord(name, level, __file__, 1, said, (), error)
        assert Lenient().filter(record)
        return record.levelname, record.levelno

    assert level_of("librdkafka") == level_of("aiokafka.consumer") == ("WARNING", logging.WARNING)
    assert level_of("shared.kafka.holds") == level_of("pymongo") == ("ERROR", logging.ERROR)
    assert level_of("librdkafka", level=logging.CRITICAL) == ("CRITICAL", logging.CRITICAL)
    assert level_of("librdkafka", said="SASL authentication error: wrong")[0] == "ERROR"
    assert level_of("librdkafka", said="SSL handshake failed: certificate verify failed")[0] == "ERROR"
    assert level_of("aiokafka", error=(ValueError, ValueError(), None)) == ("ERROR", logging.ERROR)
