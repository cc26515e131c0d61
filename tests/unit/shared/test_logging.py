import io
import json
import logging

from shared.runtime.logging import JsonLines, without_secrets


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
