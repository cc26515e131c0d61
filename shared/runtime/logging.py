"""JSON lines on standard error: one event a line, `<noun>.<past verb>`, with its facts beside it; no secrets, no line breaks.

log = get_logger(__name__)
log.info("batch.written", extra={"facts": {"records": 1000}})
"""

import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import orjson

_PASSWORD: Final = re.compile(r"(\w+://[^:/@\s]+:)[^@\s]+@")
_BEARER: Final = re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+")
_NUMBERS: Final = re.compile(r"\d+")
_FOR_A_PERSON: Final = re.compile(r"(?i)authenti|authori[sz]|certificate|handshake")
"""Of what a client says: no other broker will think otherwise."""

REPEAT_SECONDS: Final = 30.0
REMEMBERED: Final = 200
"""Sayings of which it is known when they were told last."""

SELF_HEALING: Final = frozenset({"aiokafka", "librdkafka"})
"""Libraries that look for another broker by themselves."""


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "event": record.getMessage(),
            "logger": record.name,
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return without_secrets(orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode())


class Repeats(logging.Filter):
    """Lets a library warn of the same thing once in `REPEAT_SECONDS`; the next such line says how often it was `repeated` meanwhile.

    While Kafka is away its clients warn hundreds of times a second. What differs only in numbers is the same; our own lines, which
    have facts, always pass, and so does a trace.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told_at: dict[tuple[str, str], float] = {}
        self._kept_back: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the line is written."""
        if record.levelno < logging.WARNING or hasattr(record, "facts") or record.exc_info:
            return True
        saying, now = (record.name, _NUMBERS.sub("", record.getMessage())), self._clock()
        if now < self._told_at.get(saying, -REPEAT_SECONDS) + REPEAT_SECONDS:
            self._kept_back[saying] = self._kept_back.get(saying, 0) + 1
            return False
        if len(self._told_at) >= REMEMBERED:
            self._told_at, self._kept_back = {}, {}
        self._told_at[saying] = now
        if repeated := self._kept_back.pop(saying, 0):
            record.facts = {"repeated": repeated}
        return True


class Lenient(logging.Filter):
    """Takes for a warning what a library of `SELF_HEALING` calls an error: one broker of three that is away is none, and what comes of
    it, such as a batch that is postponed or a worker that is not ready, our own lines say. Passwords and certificates stay errors.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line be written."""
        if _heals_by_itself(record):
            record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        return True


def _heals_by_itself(record: logging.LogRecord) -> bool:
    is_of_a_client = record.name.partition(".")[0] in SELF_HEALING and not record.exc_info
    return is_of_a_client and record.levelno == logging.ERROR and not _FOR_A_PERSON.search(record.getMessage())


def without_secrets(text: str) -> str:
    """Return `text` with passwords of connection strings and bearer tokens taken out."""
    return _BEARER.sub(r"\1***", _PASSWORD.sub(r"\1***@", text))


def configure_logging(service: str, level: str) -> None:
    """Send every logger of the process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    handler.addFilter(Lenient())
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("aiokafka", "faust", "mode", "kafka", "pymongo", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def log_ended_threads() -> None:
    """Have an error that ends a thread told as a line of the log; Python would print its trace between the lines."""
    threading.excepthook = _tell_of_ended_thread


def _tell_of_ended_thread(ended: threading.ExceptHookArgs) -> None:
    name = ended.thread.name if ended.thread else ""
    get_logger(__name__).error("thread.ended", exc_info=ended.exc_value, extra={"facts": {"thread": name}})


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module."""
    return logging.getLogger(name)
