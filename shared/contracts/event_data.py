"""The `data` of our own event: its fields and its checks.

The checks are pydantic's, strict: a wrong type is an error that names the field, never a silent conversion. Nearly every event is right,
so what is plainly right is taken by a few comparisons at a fifth of the cost; whatever those are not sure of, pydantic judges. Tests hold
the two against each other.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from shared.contracts.errors import InvalidEvent
from shared.contracts.names import KINDS, Kind
from shared.contracts.times import parse_instant

Status = Literal["success", "error", "warning", "processing"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What an account or an affiliate looks like, for `fullmatch`."""

CODE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,300}")

Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
"""An account or an affiliate: case-sensitive."""

Code = Annotated[str, StringConstraints(pattern=f"^{CODE.pattern}$")]
"""An item's id within its kind: an order id in the marketplace, or a SKU id."""

LARGEST: Final = 2**63 - 1


@dataclass(slots=True)  # not frozen: that costs microseconds, and there is one for each event
class EventData:
    """What one event says. `instant` and `order` are `processed_at` to the microsecond and as an order text (see times.py).

    A cause is `{code, message, field, evidence}` and whatever else the publisher wrote; `evidence` is None or `{request, response}`
    likewise. `extra` holds the unknown fields.
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
    aliases: dict[str, str | None] = field(default_factory=dict)
    causes: list[dict[str, Any]] = field(default_factory=list)
    payload: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


def parse_event_data(raw: object) -> EventData:
    """Return the checked data. Raise InvalidEvent naming every field at fault."""
    try:
        return _plainly_right(raw)  # type: ignore[arg-type]  # of another type it is in doubt
    except (_InDoubt, LookupError, TypeError, ValueError, AttributeError):
        return judged(raw)


def judged(raw: object) -> EventData:
    """Return the same, checked by pydantic alone."""
    try:
        checked = _Data.model_validate(raw)
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'data'}: {item['msg']}" for item in error.errors(include_url=False)
        )
        raise InvalidEvent("InvalidField", found) from error
    instant, order = parse_instant(checked.processed_at)
    told = checked.model_dump()
    extra = {name: told.pop(name) for name in checked.model_extra or {}}
    return EventData(instant=instant, order=order, extra=extra, **told)


class _InDoubt(Exception):  # it is no error, only a reason to look again
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

    @model_validator(mode="after")
    def _processed_at_is_an_instant(self) -> "_Data":
        try:
            parse_instant(self.processed_at)
        except ValueError as error:
            msg = f"processed_at {error}"
            raise ValueError(msg) from error
        return self


_FIELDS: Final = frozenset(_Data.model_fields)
_CAUSE_FIELDS: Final = frozenset(_Cause.model_fields)
_EVIDENCE_FIELDS: Final = frozenset(_Evidence.model_fields)
_KINDS: Final = frozenset(KINDS)
_STATUSES: Final = frozenset(STATUSES)


def _plainly_right(raw: dict[str, Any]) -> EventData:
    """Return the data if every check holds. Raise anything at all if it is in doubt. The values are what JSON gives."""
    account, kind, affiliate, code = raw["account"], raw["kind"], raw["affiliate"], raw["code"]
    status, processed_at = raw["status"], raw["processed_at"]
    sequence, reprocess_id = raw.get("sequence"), raw.get("reprocess_id")
    if not (
        NAME.fullmatch(account)
        and NAME.fullmatch(affiliate)
        and CODE.fullmatch(code)
        and kind in _KINDS
        and status in _STATUSES
        and (sequence is None or (type(sequence) is int and 0 <= sequence <= LARGEST))
        and (reprocess_id is None or type(reprocess_id) is str)
    ):
        raise _InDoubt
    instant, order = parse_instant(processed_at)
    aliases = raw.get("aliases", _EMPTY)
    for value in aliases.values():
        if type(value) is not str and value is not None:
            raise _InDoubt
    extra = {} if raw.keys() <= _FIELDS else _unknown(raw, _FIELDS)
    causes = raw.get("causes", _NONE)
    if type(causes) is not list or type(aliases) is not dict:
        raise _InDoubt
    return EventData(
        account, kind, affiliate, code, status, processed_at, instant, order,
        sequence, reprocess_id, aliases, [_plain_cause(cause) for cause in causes], raw.get("payload"), extra,
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
