"""The forms of API keys, both ways: what their fields show, what they sent, and which of them cannot be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from services.query.core.keys import check_expiry
from services.query.entrypoints.pages.address import SHOWN_ZONE, with_zone
from services.query.entrypoints.pages.forms import field
from services.query.entrypoints.pages.language import known_zone
from services.query.entrypoints.parameters import CancelAsked
from services.query.entrypoints.schemas.keys import ONE_DAY, KeyBody, RotateBody
from shared.contracts.errors import InvalidField, InvalidFilter

Sent = Mapping[str, Sequence[str]]
Form = TypeVar("Form", bound=BaseModel)

ONE_HOUR: Final = 3_600
OVERLAPS: Final = (0, ONE_HOUR, ONE_DAY, 7 * ONE_DAY, 30 * ONE_DAY)
"""Seconds that an old key works beside its successor, to choose from."""
NO_NUMBER: Final = -1
"""Stands for what is no number: the check refuses it and names the field."""


@dataclass(frozen=True, slots=True)
class KeyForm:
    """What stands in the fields of a form. `zone`: the one that `expires_at` is written in; `errors`: fields that cannot be as they are."""

    zone: ZoneInfo
    name: str = ""
    scopes: frozenset[str] = frozenset({"read"})
    expires_at: str = ""
    overlap: str = str(ONE_DAY)
    reason: str = ""
    errors: frozenset[str] = frozenset()


def form_as_sent(sent: Sent, zone: ZoneInfo, errors: frozenset[str]) -> KeyForm:
    """Return the form as its sender left it. `zone`: the one of a form that names none."""
    return KeyForm(
        zone=_zone_of(sent, zone),
        name=field(sent, "name"),
        scopes=frozenset(sent.get("scopes", ())),
        expires_at=field(sent, "expires_at"),
        overlap=field(sent, "overlap_seconds"),
        reason=field(sent, "reason"),
        errors=errors,
    )


def read_new_key(sent: Sent, zone: ZoneInfo, *, now: datetime) -> tuple[KeyBody | None, frozenset[str]]:
    """Return what the form of a new key says, or None and the names of the fields at fault."""
    raw = {
        "name": field(sent, "name"),
        "scopes": list(dict.fromkeys(sent.get("scopes", ()))),
        "expires_at": _expiry(sent, zone),
        "reason": field(sent, "reason"),
    }
    return _checked(KeyBody, raw, now)


def read_rotation(sent: Sent, zone: ZoneInfo, *, now: datetime) -> tuple[RotateBody | None, frozenset[str]]:
    """Return what the form says that replaces a key, or None and the names of the fields at fault."""
    raw = {
        "overlap_seconds": _whole(field(sent, "overlap_seconds")),
        "expires_at": _expiry(sent, zone),
        "reason": field(sent, "reason"),
    }
    return _checked(RotateBody, raw, now)


def read_revocation(sent: Sent, *, now: datetime) -> tuple[CancelAsked | None, frozenset[str]]:
    """Return what the form says that takes a key away, or None and the names of the fields at fault."""
    return _checked(CancelAsked, {"reason": field(sent, "reason")}, now)


def _checked(model: type[Form], raw: Mapping[str, Any], now: datetime) -> tuple[Form | None, frozenset[str]]:
    try:
        said = model.model_validate(raw)
        check_expiry(getattr(said, "expires_at", None), now)
    except ValidationError as error:
        return None, frozenset(str(one["loc"][0]) for one in error.errors())
    except InvalidField as error:
        return None, frozenset({error.field})
    return said, frozenset()


def _expiry(sent: Sent, zone: ZoneInfo) -> str | None:
    """Return the end that was typed, with a zone; as it is where it is no date, for the check to refuse."""
    text = field(sent, "expires_at")
    try:
        return with_zone("expires_at", text, _zone_of(sent, zone)) if text else None
    except InvalidFilter:
        return text


def _zone_of(sent: Sent, zone: ZoneInfo) -> ZoneInfo:
    return known_zone(field(sent, SHOWN_ZONE)) or zone


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(OVERLAPS[-1])) else NO_NUMBER
