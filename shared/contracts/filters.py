"""What a person means by "these rows": one filter for list, count, summary, reprocess and export.

It parses from a query string (repeated parameters) and from JSON (arrays), and prints to a query string, so a view is an address.
`shared/mongo/queries.py` is its only translation into a query: what is seen is what is done.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from shared.contracts.errors import InvalidFilter
from shared.contracts.events import NAME, STATUSES
from shared.contracts.names import KINDS
from shared.contracts.times import format_instant, parse_instant

MAX_QUERY_LENGTH = 300
MAX_VALUES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Every field narrows; an empty one does not. Several values of one field are alternatives.

    `from_at` is inclusive, `to_at` exclusive, both on `processed_at`; `q` is what stands in the search box.
    """

    kind: tuple[str, ...] = ()
    affiliate: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    error_code: tuple[str, ...] = ()
    q: str = ""
    from_at: datetime | None = None
    to_at: datetime | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "LogFilter":
        """Return the filter that `values` (name → text or texts) write. Raise InvalidFilter for the first field at fault.

        Names are those of the query string: kind affiliate status error_code q from to. Empty texts count as absent.
        """
        refuse_unknown(values, PARAMETERS)
        from_at, to_at = period(values)
        return cls(
            kind=chosen("kind", values.get("kind"), KINDS),
            affiliate=_names("affiliate", values.get("affiliate")),
            status=chosen("status", values.get("status"), STATUSES),
            error_code=texts("error_code", values.get("error_code")),
            q=_query(values.get("q")),
            from_at=from_at,
            to_at=to_at,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the filter as JSON that `parse` reads back; empty fields are left out."""
        written: dict[str, Any] = {
            name: list(getattr(self, name)) for name in ("kind", "affiliate", "status", "error_code")
        }
        written["q"] = self.q
        return written_filter({**written, "from": self.from_at, "to": self.to_at})

    def to_query_string(self) -> str:
        """Return the filter as a query string that `parse` reads back."""
        return urlencode(self.to_json(), doseq=True)

    def is_empty(self) -> bool:
        """Say whether the filter lets every row of its account pass."""
        return all(not getattr(self, field.name) for field in fields(self))


PARAMETERS = ("kind", "affiliate", "status", "error_code", "q", "from", "to")


def refuse_unknown(values: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Raise InvalidFilter for the first name that is no filter."""
    if unknown := sorted(set(values) - set(allowed)):
        raise InvalidFilter(unknown[0], "is not a filter", allowed)


def period(values: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Return `from` and `to`. Raise InvalidFilter when one is no instant, or when nothing lies between them."""
    from_at, to_at = (instant(name, values.get(name)) for name in ("from", "to"))
    if from_at and to_at and from_at >= to_at:
        raise InvalidFilter("to", "must be after `from`; `from` is inclusive, `to` exclusive")
    return from_at, to_at


def written_filter(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that narrow, instants as text: what `parse` reads back."""
    return {
        name: format_instant(value) if isinstance(value, datetime) else value for name, value in values.items() if value
    }


def _listed(name: str, value: object) -> list[str]:
    listed = [value] if isinstance(value, str) else value
    if listed is None:
        return []
    if not isinstance(listed, Sequence) or not all(isinstance(item, str) for item in listed):
        raise InvalidFilter(name, "must be a text or a list of texts")
    if len(listed) > MAX_VALUES:
        raise InvalidFilter(name, f"takes at most {MAX_VALUES} values")
    return [item for item in dict.fromkeys(listed) if item]


def chosen(name: str, value: object, allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the values of a field that has a closed list of them. Raise InvalidFilter."""
    allowed = tuple(allowed)
    picked = _listed(name, value)
    for item in picked:
        if item not in allowed:
            raise InvalidFilter(name, f"{item!r} is unknown", allowed)
    return tuple(picked)


def _names(name: str, value: object) -> tuple[str, ...]:
    names = _listed(name, value)
    for item in names:
        if not NAME.fullmatch(item):
            raise InvalidFilter(name, "must be 1 to 64 letters, digits, `_`, `.` or `-`")
    return tuple(names)


def texts(name: str, value: object) -> tuple[str, ...]:
    """Return the values of a field of free text. Raise InvalidFilter."""
    written = _listed(name, value)
    for item in written:
        _check_text(name, item)
    return tuple(written)


def _query(value: object) -> str:
    found = _listed("q", value)
    if len(found) > 1:
        raise InvalidFilter("q", "may be given once")
    text = found[0].strip() if found else ""
    _check_text("q", text)
    return text


def _check_text(name: str, text: str) -> None:
    if len(text) > MAX_QUERY_LENGTH:
        raise InvalidFilter(name, f"is longer than {MAX_QUERY_LENGTH} characters")
    if any(letter < " " for letter in text):  # MongoDB takes no NUL in a pattern, and no id holds a control character
        raise InvalidFilter(name, "holds a control character")


def instant(name: str, value: object) -> datetime | None:
    """Return the one instant of a field, aware; None when it is absent. Raise InvalidFilter."""
    found = _listed(name, value)
    if not found:
        return None
    if len(found) != 1:
        raise InvalidFilter(name, "may be given once")
    try:
        return parse_instant(found[0])[0]
    except ValueError as error:
        raise InvalidFilter(name, str(error)) from error
