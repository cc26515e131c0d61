"""Reading a message that we did not design: names in any casing, ids as texts, and what the record around it knows.

Nothing is guessed in silence: what is missing or of a wrong type is an InvalidEvent that names the field as its publisher writes it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from shared.contracts.cloudevents import CloudEvent
from shared.contracts.errors import InvalidEvent
from shared.contracts.events import EventData, parse_event_data
from shared.contracts.field_faults import no_object
from shared.contracts.records import Record
from shared.contracts.text import remember_short
from shared.contracts.times import order_text, parse_instant

KEY_FORM: Final = "account|kind|affiliate|code"
_EXACT: Final = 2**53 - 1
"""Up to here each whole number has a double of its own: some publishers write 88 as 88.0."""

_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
"""As people write one: `int` also takes 1_000, the digits of every script, and thousands of them."""

_NO_WHOLE_NUMBER: Final = "must be a whole number"
_YES_NO: Final = {"true": True, "false": False}


class ItemKey(NamedTuple):
    """The four parts of a record's key; a part may be empty."""

    account: str = ""
    kind: str = ""
    affiliate: str = ""
    code: str = ""


class Foreign:
    """A message and its record. Raise InvalidEvent if its data is no object."""

    def __init__(self, message: CloudEvent, record: Record) -> None:
        if not isinstance(message.data, dict):
            raise invalid("data", no_object(message.data))
        self.body: Mapping[str, Any] = message.data
        self._message = message
        self._record = record
        self._fields = by_plain_name(message.data)
        self.key = _key_of(message, record)

    def value(self, name: str) -> Any:
        """Return the value of a field, whatever its casing; None if it is absent."""
        return self._fields.get(plain_name(name))

    def has(self, name: str) -> bool:
        """Tell whether the field is there and not null."""
        return self.value(name) is not None

    def text(self, name: str) -> str:
        """Return a text or a whole number as a text without blanks around it; "" if it is absent."""
        return text_of(self._fields, name)

    def inner(self, name: str) -> Mapping[str, Any]:
        """Return the fields of an object by plain name; an absent one has none."""
        found = self.value(name)
        if found is not None and not isinstance(found, dict):
            raise invalid(name, "must be an object")
        return by_plain_name(found or {})

    def flag(self, name: str) -> bool | None:
        """Return true, false, or None if it is absent; some publishers write them as texts."""
        found = self.value(name)
        if isinstance(found, str):
            found = _YES_NO.get(found.strip().lower(), found)
        if found is not None and not isinstance(found, bool):
            raise invalid(name, "must be true or false")
        return found

    def number(self, name: str) -> int | None:
        """Return a whole number, None if it is absent."""
        try:
            found = self.text(name)
        except InvalidEvent as error:
            raise invalid(name, _NO_WHOLE_NUMBER) from error
        if not found:
            return None
        if _WHOLE_NUMBER.fullmatch(found) is None:
            raise invalid(name, _NO_WHOLE_NUMBER)
        return int(found)

    def items(self, name: str) -> Sequence[Any]:
        """Return a list; an absent one is empty."""
        found = self.value(name)
        if found is not None and not isinstance(found, list):
            raise invalid(name, "must be a list")
        return found or ()

    def source_parameter(self, name: str) -> str:
        """Return a query parameter of the CloudEvents source, as in `/api/order-integration/orders?an=loja&affiliateId=MKP`."""
        try:
            return next(iter(parse_qs(urlsplit(self._message.source).query).get(name, ())), "")
        except ValueError:  # a source that is no address
            return ""

    def first(self, field: str, candidates: Sequence[str], *, told_by: str) -> str:
        """Return the first candidate that is not empty. Raise InvalidEvent saying where `field` could have stood."""
        for candidate in candidates:
            if candidate:
                return candidate
        raise invalid(field, f"is missing; it is read from {told_by}")

    def instant(self, own: str = "", *, name: str = "time") -> str:
        """Return when it happened: what the message says itself, else its CloudEvents time, else when the broker took it in."""
        for field, written in ((name, own), ("time", self._message.time)):
            if written:
                try:
                    parse_instant(written)
                except ValueError as error:
                    raise invalid(field, str(error)) from error
                return written
        return f"{order_text(self._record.timestamp)}Z"

    def event(self, **data: Any) -> EventData:
        """Return the checked data of one event; an answer to a retry says so by the extension `reprocessid` or a field."""
        reprocess_id = self._message.extensions.get("reprocessid") or self.text("reprocess_id") or None
        return parse_event_data({"reprocess_id": reprocess_id, "payload": self.body, **data})


def invalid(field: str, reason: str) -> InvalidEvent:
    """Return the error about one field."""
    return InvalidEvent("InvalidField", f"{field}: {reason}")


@remember_short(4096)
def plain_name(name: str) -> str:
    """Return a field's name without case, `_` and `-`: `IdSku`, `idSKU` and `id_sku` are one."""
    return name.lower().replace("_", "").replace("-", "")


def by_plain_name(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields by plain name; of several spellings the first that is not null stands."""
    fields: dict[str, Any] = {}
    for name, value in body.items():
        if fields.get(plain_name(name)) is None:
            fields[plain_name(name)] = value
    return fields


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """Return a field of `by_plain_name` as `Foreign.text` does."""
    found = fields.get(plain_name(name))
    if found is None:
        return ""
    if isinstance(found, float) and found.is_integer() and abs(found) <= _EXACT:
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise invalid(name, "must be a text")
    return str(found).strip()


def _key_of(message: CloudEvent, record: Record) -> ItemKey:
    for written in (_text_key(record.key), message.subject or ""):
        parts = written.split("|", 3)
        if len(parts) == len(ItemKey._fields):
            return ItemKey(*parts)
    return ItemKey()


def _text_key(key: bytes | None) -> str:
    """Return a record's key; "" for one that is no UTF-8: with its letters replaced it would name another item."""
    try:
        return (key or b"").decode()
    except UnicodeDecodeError:
        return ""
