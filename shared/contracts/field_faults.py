"""What pydantic finds wrong with a field of an event, as a sentence that tells its publisher what to change."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.contracts.cloudevents import json_type

_NAME: Final = "must be 1 to 64 letters without accents, digits, '.', '_' or '-'"
_FORMS: Final[Mapping[str, str]] = {
    "account": _NAME,
    "affiliate": _NAME,
    "code": "must be 1 to 300 characters, none of them a control character",
}
_OBJECTS: Final[Mapping[str, str]] = {
    "_Data": "an object with the event's fields",
    "_Cause": 'an object such as {"code": "…", "message": "…"}',
    "_Evidence": 'an object such as {"request": …, "response": …}',
}


def fault(found: Mapping[str, Any]) -> str:
    """Return `field: what is wrong` of one of `ValidationError.errors()`."""
    where = ".".join(map(str, found["loc"]))
    say = _SENTENCES.get(found["type"])
    return f"{where or 'data'}: {say(found) if say else found['msg']}"


def no_object(value: object, wanted: str = _OBJECTS["_Data"]) -> str:
    """Return what is wrong with a value that stands where an object should."""
    if value is None and wanted is _OBJECTS["_Data"]:
        return f"is missing; it must be {wanted}"
    return f"must be {wanted}, {this_is(value)}"


def this_is(value: object) -> str:
    """Return what stands where an object should; of one that was written as JSON twice, how to send it."""
    hint = ": send the JSON itself, not as a quoted text" if isinstance(value, str) and value.startswith("{") else ""
    return f"this is {json_type(value)}{hint}"


def _must_be(wanted: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda found: f"must be {wanted}, this is {json_type(found['input'])}"


def _form(found: Mapping[str, Any]) -> str:
    return _FORMS.get(str(found["loc"][-1]), str(found["msg"]))


_SENTENCES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "missing": lambda _: "is missing",
    "string_type": _must_be("a text"),
    "list_type": _must_be("an array"),
    "dict_type": _must_be("an object"),
    "int_type": lambda _: "must be a whole number, not quoted and without decimals",
    "model_type": lambda found: no_object(found["input"], _OBJECTS.get(found["ctx"]["class_name"], "an object")),
    "literal_error": lambda found: f"must be {found['ctx']['expected']}",
    "greater_than_equal": lambda found: f"must be {found['ctx']['ge']} or more",
    "less_than_equal": lambda found: f"must be {found['ctx']['le']} or less",
    "string_pattern_mismatch": _form,
    "value_error": lambda found: str(found["ctx"]["error"]),
}
