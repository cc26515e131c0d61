"""The `data` of our own event: its fields and its checks.

The checks are pydantic's, strict: a wrong type is an error that names the field, never a silent conversion. Nearly every event is right,
so what is plainly right is taken by a few comparisons at a fifth of the cost; whatever those are not sure of, pydantic judges. Tests hold
the two against each other. Ingest reads most events from their bytes (services/ingest/core/read_at_once.py) and shares the checks.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from shared.contracts.errors import InvalidEvent
from shared.contracts.field_faults import fault
from shared.contracts.names import KINDS, Kind
from shared.contracts.times import parse_instant

Status = Literal["success", "error", "warning", "processing"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

LONGEST_NAME: Final = 64
"""Characters of an account or an affiliate; what is longer is not remembered either."""

NAME: Final = re.compile(rf"[A-Za-z0-9_.-]{{1,{LONGEST_NAME}}}")
"""What an account or an affiliate looks like, for `fullmatch`."""

CODE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,300}")

Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
"""An account or an affiliate: case-sensitive."""

Code = Annotated[str, StringConstraints(pattern=f"^{CODE.pattern}$")]
"""An item's id within its kind: an order id in the marketplace, or a SKU id."""

LARGEST: Final = 2**63 - 1

_is_name = lru_cache(4096)(NAME.fullmatch)  # few shops and affiliates, and two looks for each event


class EventData(msgspec.Struct, gc=False):  # made three times as fast as a dataclass, and there is one for each event
    """What one event says. `instant` and `order` are `processed_at` to the microsecond and as an order text (see times.py).

    A cause is `{code, message, field, evidence}` and whatever else the publisher wrote; `evidence` is None or `{request, response}`
    likewise. `payload_json` is the payload as JSON text, as it came where it came so; None for null. `extra` holds the unknown fields.
    """

    account: str
    kind: Kind
    affiliate: str
    code: str
    status: Status
    processed_at: str
    instant: datetime
    order: str
    sequence: int | None = None
    reprocess_id: str | None = None
    aliases: dict[str, str | None] = {}
    causes: list[dict[str, Any]] = []
    payload_json: str | None = None
    extra: dict[str, Any] = {}

    @property
    def payload(self) -> Any:
        """The payload as a JSON value, read anew each time."""
        return None if self.payload_json is None else orjson.loads(self.payload_json)


def json_text(value: Any) -> str | None:
    """Return a JSON value as compact text, None for null."""
    return None if value is None else orjson.dumps(value).decode()


def parse_event_data(raw: object) -> EventData:
    """Return the checked data. Raise InvalidEvent naming every field at fault."""
    try:
        return _plainly_right(raw)  # type: ignore[arg-type]  # of another type it is in doubt
    except (LookupError, TypeError, ValueError, AttributeError):
        return judged(raw)


def judged(raw: object) -> EventData:
    """Return the same, checked by pydantic alone."""
    try:
        checked = _Data.model_validate(raw)
    except ValidationError as error:
        found = "; ".join(fault(item) for item in error.errors(include_url=False))
        raise InvalidEvent("InvalidField", found) from error
    instant, order = parse_instant(checked.processed_at)
    told = checked.model_dump()
    extra = {name: told.pop(name) for name in checked.model_extra or {}}
    payload = json_text(told.pop("payload"))
    return EventData(instant=instant, order=order, payload_json=payload, extra=extra, **told)


class _InDoubt(ValueError):  # it is no error, only a reason to look again
    pass


class _Evidence(BaseModel):
    """What was asked of the marketplace, and what it answered."""

    model_config = ConfigDict(strict=True, extra="allow")
    request: Any = None
    response: Any = None


class _Cause(BaseModel):
    """Why an attempt failed. A cause without `code` is classified by its message."""

    model_config = ConfigDict(strict=True, extra="allow")
    code: str | None = None
    message: str = ""
    field: str | None = None
    evidence: _Evidence | None = None


class _Data(BaseModel):
    """The `data` of an `integration.<kind>.processed` CloudEvent. Unknown fields are kept."""

    model_config = ConfigDict(strict=True, extra="allow")
    account: Name
    kind: Kind
    affiliate: Name
    code: Code
    status: Status
    processed_at: str
    sequence: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    reprocess_id: str | None = None
    aliases: dict[str, str | None] = Field(default_factory=dict)
    causes: list[_Cause] = Field(default_factory=list)
    payload: Any = None

    @field_validator("processed_at")
    @classmethod
    def _is_an_instant(cls, text: str) -> str:
        parse_instant(text)
        return text


_FIELDS: Final = frozenset(_Data.model_fields)
_CAUSE_FIELDS: Final = frozenset(_Cause.model_fields)
_EVIDENCE_FIELDS: Final = frozenset(_Evidence.model_fields)
_KINDS: Final = frozenset(KINDS)
_STATUSES: Final = frozenset(STATUSES)


def _plainly_right(raw: dict[str, Any]) -> EventData:
    """Return the data if every check holds. Raise anything at all if it is in doubt. The values are what JSON gives."""
    kind, status, reprocess_id = raw["kind"], raw["status"], raw.get("reprocess_id")
    aliases, causes = raw.get("aliases", _EMPTY), raw.get("causes", _NONE)
    if (
        kind not in _KINDS
        or status not in _STATUSES
        or (reprocess_id is not None and type(reprocess_id) is not str)
        or type(aliases) is not dict
        or type(causes) is not list
    ):
        raise _InDoubt
    for value in aliases.values():
        if type(value) is not str and value is not None:
            raise _InDoubt
    return checked_event_data(
        raw["account"], kind, raw["affiliate"], raw["code"], status, raw["processed_at"], raw.get("sequence"), reprocess_id,
        aliases, [_plain_cause(cause) for cause in causes], json_text(raw.get("payload")),
        {} if raw.keys() <= _FIELDS else _unknown(raw, _FIELDS),
    )  # fmt: skip


def checked_event_data(
    account: str, kind: Kind, affiliate: str, code: str, status: Status, processed_at: str, sequence: Any, reprocess_id: str | None,
    aliases: dict[str, str | None], causes: list[dict[str, Any]], payload_json: str | None, extra: dict[str, Any],
) -> EventData:  # fmt: skip
    """Return the data of fields that have their types, but for `sequence`. Raise ValueError where one has not its form."""
    if (
        len(account) > LONGEST_NAME
        or len(affiliate) > LONGEST_NAME
        or _is_name(account) is None
        or _is_name(affiliate) is None
        or CODE.fullmatch(code) is None
        or (sequence is not None and (type(sequence) is not int or not 0 <= sequence <= LARGEST))
    ):
        raise _InDoubt
    instant, order = parse_instant(processed_at)
    return EventData(
        account, kind, affiliate, code, status, processed_at, instant, order,
        sequence, reprocess_id, aliases, causes, payload_json, extra,
    )  # fmt: skip


_EMPTY: Final[dict[str, Any]] = {}
_NONE: Final[list[Any]] = []


def _plain_cause(raw: dict[str, Any]) -> dict[str, Any]:
    code, message, where = raw.get("code"), raw.get("message", ""), raw.get("field")
    if (code is not None and type(code) is not str) or type(message) is not str:
        raise _InDoubt
    if where is not None and type(where) is not str:
        raise _InDoubt
    evidence = raw.get("evidence")
    if evidence is not None:
        told = {"request": evidence.get("request"), "response": evidence.get("response")}
        evidence = told if evidence.keys() <= _EVIDENCE_FIELDS else {**told, **_unknown(evidence, _EVIDENCE_FIELDS)}
    cause = {"code": code, "message": message, "field": where, "evidence": evidence}
    return cause if raw.keys() <= _CAUSE_FIELDS else {**cause, **_unknown(raw, _CAUSE_FIELDS)}


def _unknown(raw: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in known}
