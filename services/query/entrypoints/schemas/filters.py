"""The filters as the schema shows them, in query strings and in bodies. `LogFilter.parse` and `LetterFilter.parse` read and check them."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from services.query.core.actions import ACTIONS
from shared.contracts.catalogue.model import RetryAdvice
from shared.contracts.dead_letters import LETTER_TOPICS
from shared.contracts.events import NAME, Status
from shared.contracts.filters import MAX_ATTEMPTS, MAX_QUERY_LENGTH, MAX_VALUES, DateAxis
from shared.contracts.groups import GROUP
from shared.contracts.letter_classes import ERROR_CLASSES
from shared.contracts.names import Kind

PLAIN: Final = r"^[^\x00-\x1f]*$"
"""Text without control characters; empty is the same as not said."""

SAID: Final = r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$"
"""The same, but not blank: in a body empty is no value, see `refuse_blank`."""

TEXT: Final = {"type": "string", "maxLength": MAX_QUERY_LENGTH, "pattern": PLAIN}
SAID_TEXT: Final = {**TEXT, "pattern": SAID}
NAME_OR_NOTHING: Final = {"type": "string", "pattern": f"^({NAME.pattern})?$"}
GROUP_OR_NOTHING: Final = {"type": "string", "pattern": f"^({GROUP.pattern})?$"}
INSTANT: Final = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "maxLength": 0}]}

InstantText = Annotated[str, WithJsonSchema(INSTANT)]


def _one_of(known: Sequence[str], *, or_nothing: bool) -> dict[str, Any]:
    """A pattern and no enumeration: generated clients had plain texts here before the list was closed, and keep them."""
    found = "|".join(map(re.escape, known))
    return {"type": "string", "pattern": f"^({found}){'?' if or_nothing else ''}$"}


def _any_of(known: Sequence[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": _one_of(known, or_nothing=True), "maxItems": MAX_VALUES})


ErrorClasses = Annotated[list[str], _any_of(ERROR_CLASSES)]
LetterTopics = Annotated[list[str], _any_of(LETTER_TOPICS)]
Actions = Annotated[list[str], _any_of(ACTIONS)]
Texts = Annotated[list[str], WithJsonSchema({"type": "array", "items": TEXT, "maxItems": MAX_VALUES})]
Names = Annotated[list[str], WithJsonSchema({"type": "array", "items": NAME_OR_NOTHING, "maxItems": MAX_VALUES})]
Groups = Annotated[list[str], WithJsonSchema({"type": "array", "items": GROUP_OR_NOTHING, "maxItems": MAX_VALUES})]
SearchText = Annotated[str, WithJsonSchema(TEXT)]


def _several(one: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": one, "minItems": 1, "maxItems": MAX_VALUES})


SaidText = Annotated[str, WithJsonSchema(SAID_TEXT)]
SaidTexts = Annotated[list[str], _several(SAID_TEXT)]
SaidNames = Annotated[list[str], _several({"type": "string", "pattern": f"^{NAME.pattern}$"})]
SaidGroups = Annotated[list[str], _several({"type": "string", "pattern": f"^{GROUP.pattern}$"})]
SaidErrorClasses = Annotated[list[str], _several(_one_of(ERROR_CLASSES, or_nothing=False))]
SaidLetterTopics = Annotated[list[str], _several(_one_of(LETTER_TOPICS, or_nothing=False))]
SaidInstant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
AtLeastOne = Field(min_length=1)

SHOWN_AS: Final = "x-shown-as"


class FilterBody(BaseModel):
    """Which entries: a LogFilter as JSON. Several values of one field are alternatives, different fields narrow."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"status": ["error"], "error_code": ["ORD-SLA"]}]}
    )
    kind: Annotated[list[Kind], AtLeastOne] | None = None
    affiliate: SaidNames | None = None
    status: Annotated[list[Status], AtLeastOne] | None = None
    error_code: SaidTexts | None = None
    group: SaidGroups | None = None
    retry: Annotated[list[RetryAdvice], AtLeastOne] | None = None
    reprocess_id: SaidTexts | None = None
    q: SaidText | None = None
    from_: Annotated[SaidInstant | None, Field(alias="from")] = None
    to: SaidInstant | None = None
    date_axis: DateAxis | None = None
    attempts_min: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] | None = None
    stale_since: SaidInstant | None = None


class LetterFilterBody(BaseModel):
    """Which dead letters."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"error_class": ["UnknownAccount"]}]})
    error_class: SaidErrorClasses | None = None
    topic: SaidLetterTopics | None = None
    from_: Annotated[SaidInstant | None, Field(alias="from")] = None
    to: SaidInstant | None = None


class ShownAs:
    """Annotates a value that is read by other means than `model`, and that the schema shows as `model`."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return a mark, in whose place openapi.py writes a reference: pydantic would write the model out each time."""
        return {SHOWN_AS: self._model.__name__}


LogFilterJson = Annotated[dict[str, Any], ShownAs(FilterBody)]
LetterFilterJson = Annotated[dict[str, Any], ShownAs(LetterFilterBody)]
