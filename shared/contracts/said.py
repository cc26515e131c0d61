"""What people say of what they do: names of things, who asks, why. One rule for the API, the panel, the topics and the command line."""

import unicodedata
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

ONE_LINE: Final[dict[str, Any]] = {"pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"}
SOME_LINES: Final[dict[str, Any]] = {"pattern": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"}
A_NAME: Final[dict[str, Any]] = {"pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"}
"""How the schema shows them; a pattern's own words would tell nobody what to change."""

_LINE_BREAKS: Final = frozenset("\t\n\r")
_SEEN: Final = frozenset("LNPS")
"""General categories, by their first letters: letters, numbers, punctuation, symbols. Marks alone have nothing to stand on."""

_BLANKS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols by category, blanks to the eye: the fillers of Hangul, and Braille without a dot."""


def one_line(text: str) -> str:
    """Return a text without control characters. Raise ValueError."""
    return _checked(text, frozenset(), "write it on one line")


def some_lines(text: str) -> str:
    """Return a text without control characters but tabs and line breaks. Raise ValueError."""
    return _checked(text, _LINE_BREAKS, "tabs and line breaks are all that may stand in it")


def one_break(told: object) -> object:
    """Return a text with each line break as one character: forms send two for what their fields count as one."""
    return told.replace("\r\n", "\n") if isinstance(told, str) else told


def visible_name(text: str) -> str:
    """Return a name: one line, in which something can be seen. Raise ValueError."""
    one_line(text)
    if not any(unicodedata.category(letter)[0] in _SEEN and letter not in _BLANKS for letter in text):
        msg = "holds nothing that can be seen: write a letter, a number or a sign"
        raise ValueError(msg)
    return text


def _checked(text: str, allowed: frozenset[str], advice: str) -> str:
    for letter in text:
        if unicodedata.category(letter) == "Cc" and letter not in allowed:
            msg = f"holds the control character U+{ord(letter):04X}: {advice}"
            raise ValueError(msg)
    return text


RequestedBy = Annotated[str, Field(max_length=200, json_schema_extra=ONE_LINE), AfterValidator(one_line)]
"""Who asks."""

JobReason = Annotated[
    str,
    Field(max_length=1000, json_schema_extra=SOME_LINES),
    BeforeValidator(one_break),
    AfterValidator(some_lines),
]
"""Why a job is asked for."""

Reason = Annotated[
    str,
    Field(max_length=500, description="why; kept in the audit", json_schema_extra=SOME_LINES),
    BeforeValidator(one_break),
    AfterValidator(some_lines),
]
"""Why something is changed, or looked at."""
