"""A saved view: a filter of one kind and its order, under a name that the whole account sees. A view is an address."""

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlencode

from services.query.core.sorting import DEFAULT_SORT
from shared.contracts.errors import InvalidFilter
from shared.contracts.filters import LogFilter

MAX_VIEWS: Final = 200
"""Of one account: all of them stand in one menu."""
MAX_NAME_LENGTH: Final = 80
MAX_FILTER_LENGTH: Final = 7_500
"""Written as a query string: common proxies take an address of 8 KiB."""


@dataclass(frozen=True, slots=True)
class View:
    """A view as it is kept. `filter` is what LogFilter prints, without the kind, which is the view's own.

    `revision` counts the writes: whoever changes it must know the newest. `created_by` is what people call who made it.
    """

    id: str
    name: str
    kind: str
    filter: str
    sort: str
    created_by: str
    created_at: datetime
    updated_at: datetime
    revision: int = 1

    @property
    def address(self) -> str:
        """The panel's page of the view, as the panel itself writes it."""
        sort = "" if self.sort == DEFAULT_SORT else urlencode({"sort": self.sort})
        query = "&".join(part for part in (self.filter, sort) if part)
        return f"/logs/{self.kind}" + (f"?{query}" if query else "")


def tidy_name(name: str) -> str:
    """Return a name without spaces around it, one space between words, its accents written one way."""
    return unicodedata.normalize("NFC", " ".join(name.split()))


def name_key(name: str) -> str:
    """Return what two names have in common that are the same but for their case."""
    return unicodedata.normalize("NFC", tidy_name(name).casefold())


def read_filter(text: str, kind: str) -> str:
    """Return the filter of a view of `kind` that a query string writes, as LogFilter prints it. Raise InvalidFilter."""
    try:
        values = parse_qs(text, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise InvalidFilter(
            "filter", "must be a query string in UTF-8, such as `status=error&affiliate=MLC`"
        ) from error
    return print_filter(LogFilter.parse(values), kind)


def print_filter(rows: LogFilter, kind: str) -> str:
    """Return the filter of a view of `kind` as LogFilter prints it. Raise InvalidFilter."""
    if rows.kind not in ((), (kind,)):
        raise InvalidFilter("kind", "the filter of a view names no kind but the view's own", [kind])
    printed = replace(rows, kind=()).to_query_string()
    if len(printed) > MAX_FILTER_LENGTH:
        raise InvalidFilter("filter", f"is longer than {MAX_FILTER_LENGTH} characters, too long for an address")
    return printed
