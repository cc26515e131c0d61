"""JSON lines on standard error: one event a line, `<noun>.<past verb>`, with its facts beside it; no secrets, no line breaks.

log = get_logger(__name__)
log.info("batch.written", extra={"facts": {"records": 1000}})
"""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final

import orjson

_PASSWORD: Final = re.compile(r"(\w+://[^:/@\s]+:)[^@\s]+@")
_BEARER: Final = re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+")


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


def without_secrets(text: str) -> str:
    """Return `text` with passwords of connection strings and bearer tokens taken out."""
    return _BEARER.sub(r"\1***", _PASSWORD.sub(r"\1***@", text))


def configure_logging(service: str, level: str) -> None:
    """Send every logger of the process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("aiokafka", "faust", "mode", "kafka", "pymongo", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module."""
    return logging.getLogger(name)
