"""What pydantic finds wrong with a field of an event, a command or a request, as a sentence that tells its sender what to change."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.contracts.cloudevents import json_type

_NAME: Final = "must be 1 to 64 letters without accents, digits, '.', '_' or '-'"
_JOB: Final = "must be 1 to 128 letters without accents, digits, '.', '_', ':' or '-'"
_FORMS: Final[Mapping[str, str]] = {
    "account": _NAME,
    "affiliate": _NAME,
    "code": "must be 1 to 300 characters, none of them a control character",
    "id": _JOB,
    "job_id": _JOB,
    "letters": "must be the id of a dead letter, as their list tells it",
    "letter_id": "must be the id of a dead letter, as their list tells it",
    "view_id": "must be the id of a view, as their list tells it: 16 of the digits 0 to 9 and a to f",
    "key_id": "must be the id of a key, as their list tells it",
}
_OTHER_FORM: Final = "is not written as this field has to be"
_INSTANT: Final = "an RFC 3339 date and time with a zone, such as 2026-11-23T10:11:12Z"
_OBJECTS: Final[Mapping[str, str]] = {
    "_Data": "an object with the event's fields",
    "_Cause": 'an object such as {"code": "…", "message": "…"}',
    "_Evidence": 'an object such as {"request": …, "response": …}',
}


def fault(found: Mapping[str, Any]) -> str:
    """Return `field: what is wrong` of one of `ValidationError.errors()`."""
    where = ".".join(map(str, found["loc"]))
    return f"{where or 'data'}: {reason(found)}"


def reason(found: Mapping[str, Any]) -> str:
    """Return what is wrong, without the field, of one of `ValidationError.errors()`."""
    say = _SENTENCES.get(found["type"])
    return say(found) if say else str(found["msg"])


def no_object(value: object, wanted: str = _OBJECTS["_Data"]) -> str:
    """Return what is wrong with a value that stands where an object should."""
    if value is None and wanted is _OBJECTS["_Data"]:
        return f"is missing; it must be {wanted}"
    return f"must be {wanted}, {this_is(value)}"


def no_text(value: object) -> str:
    """Return what is wrong with a value that stands where a text should."""
    return f"must be a text, {this_is(value)}"


def this_is(value: object) -> str:
    """Return what stands where an object should; of one that was written as JSON twice, how to send it."""
    hint = ": send the JSON itself, not as a quoted text" if isinstance(value, str) and value.startswith("{") else ""
    return f"this is {json_type(value)}{hint}"


def _must_be(wanted: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda found: f"must be {wanted}, this is {json_type(found['input'])}"


def _form(found: Mapping[str, Any]) -> str:
    named = [step for step in found["loc"] if isinstance(step, str)]
    return _FORMS.get(named[-1], _OTHER_FORM) if named else _OTHER_FORM


def _too_few(found: Mapping[str, Any]) -> str:
    least = found["ctx"]["min_length"]
    return f"must hold at least {least} {'value' if least == 1 else 'values'}"


def _too_short(found: Mapping[str, Any]) -> str:
    least = found["ctx"]["min_length"]
    return "must not be empty" if least == 1 else f"must have at least {least} characters"


_SENTENCES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: "is not known here",
    "string_type": _must_be("a text"),
    "list_type": _must_be("an array"),
    "dict_type": _must_be("an object"),
    "bool_type": _must_be("true or false"),
    "bool_parsing": lambda _: "must be true or false",
    "int_type": lambda _: "must be a whole number, not quoted and without decimals",
    "int_parsing": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "must be a whole number, and not one that long",
    "datetime_type": _must_be(_INSTANT),
    "model_type": lambda found: no_object(found["input"], _OBJECTS.get(found["ctx"]["class_name"], "an object")),
    "model_attributes_type": _must_be("an object"),
    "literal_error": lambda found: f"must be {found['ctx']['expected']}",
    "greater_than_equal": lambda found: f"must be {found['ctx']['ge']} or more",
    "less_than_equal": lambda found: f"must be {found['ctx']['le']} or less",
    "less_than": lambda found: f"must be less than {found['ctx']['lt']}",
    "too_short": _too_few,
    "too_long": lambda found: f"must hold at most {found['ctx']['max_length']} values",
    "string_too_short": _too_short,
    "string_too_long": lambda found: f"must have at most {found['ctx']['max_length']} characters",
    "string_pattern_mismatch": _form,
    "value_error": lambda found: str(found["msg"]).removeprefix("Value error, "),
}
