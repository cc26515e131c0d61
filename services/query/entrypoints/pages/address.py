"""What the address of a list says, both ways: the filter, the page size, the order and the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from services.query.core.sorting import SORTS
from services.query.entrypoints.pages.language import known_zone
from shared.contracts.entries import LogEntry
from shared.contracts.errors import InvalidFilter
from shared.contracts.filters import PARAMETERS, LogFilter
from shared.contracts.names import Kind
from shared.contracts.segments import write_segment
from shared.contracts.times import format_instant, in_zone, parse_instant

PAGE_SIZES: Final = (15, 30, 50, 100)
DEFAULT_PAGE_SIZE: Final = 30
NEWEST_FIRST: Final = "-processed_at"
OLDEST_FIRST: Final = "processed_at"
FILTER_NAMES: Final = tuple(name for name in PARAMETERS if name != "kind")
UNSEEN: Final = ("group", "retry", "reprocess_id", "stale_since")
"""Filters that come by a link: the form has no field for them."""
INSTANTS: Final = ("from", "to", "stale_since")
TYPED: Final[Mapping[str, str]] = {"typed_affiliate": "affiliate", "typed_error_code": "error_code"}
"""Fields of the form that a person types into, and the filter that each is for: `typed.py` says what is meant."""
SHOWN_ZONE: Final = "zone"
"""The zone that a form showed its period in: a module may have told another one since, which only the next page knows."""
SHOWN_AS: Final = "{}_shown"
"""The whole instant behind a field of the period, which shows minutes: who does not touch the field does not mean to cut it."""

SAME_ID: Final[Mapping[str, str]] = {
    "order": "order",
    "tracking": "order",
    "product": "sku",
    "price": "sku",
    "stock": "sku",
}
"""Kinds whose code means the same thing: a search moves along only between these."""


@dataclass(frozen=True, slots=True)
class ListAddress:
    """The address of one list; every link on the page is this one with something changed."""

    kind: Kind
    rows: LogFilter
    limit: int = DEFAULT_PAGE_SIZE
    sort: str = NEWEST_FIRST

    def parameters(self) -> dict[str, Any]:
        """Return the address's parameters, defaults left out; several values are lists."""
        written = {name: value for name, value in self.rows.to_json().items() if name != "kind"}
        if self.limit != DEFAULT_PAGE_SIZE:
            written["limit"] = str(self.limit)
        if self.sort != NEWEST_FIRST:
            written["sort"] = self.sort
        return written

    def pairs(self) -> list[tuple[str, str]]:
        """Return the filter as (name, value) pairs: the hidden fields of a form."""
        written = {name: value for name, value in self.rows.to_json().items() if name != "kind"}
        return [
            (name, str(item))
            for name, value in written.items()
            for item in (value if isinstance(value, list) else [value])
        ]

    def sort_pairs(self) -> list[tuple[str, str]]:
        """Return the order as a hidden field; nothing for the order that goes without saying."""
        return [("sort", self.sort)] if self.sort != NEWEST_FIRST else []

    def unseen_pairs(self) -> list[tuple[str, str]]:
        """Return what the filter's form shows no field for, as hidden fields: it holds until someone takes its chip away."""
        return [*(pair for pair in self.pairs() if pair[0] in UNSEEN), *self.sort_pairs()]

    @property
    def other_date_order(self) -> str:
        """The order that the date's heading leads to: the other one, or the newest first from any order but these."""
        return OLDEST_FIRST if self.sort == NEWEST_FIRST else NEWEST_FIRST

    def href(self, path: str = "", **more: str) -> str:
        """Return the address, optionally of a sub-page `path`, with further parameters."""
        query = urlencode({**self.parameters(), **{name: value for name, value in more.items() if value}}, doseq=True)
        return f"/logs/{self.kind}{path}" + (f"?{query}" if query else "")

    def page(self, cursor: str) -> str:
        """Return the address of the page that `cursor` names."""
        return self.href(cursor=cursor)

    def tab(self, kind: Kind) -> str:
        """Return the same question asked of another tab: what cannot mean the same there is left out."""
        q = self.rows.q if SAME_ID[kind] == SAME_ID[self.kind] else ""
        rows = self.rows if kind == self.kind else replace(self.rows, error_code=(), group=(), reprocess_id=())
        return replace(self, kind=kind, rows=replace(rows, kind=(kind,), q=q)).href()

    def status(self, kind: Kind, status: str) -> str:
        """Return the address of the rows of `kind` in `status` ("" for all), affiliates and period kept: what the counts count."""
        return replace(self, kind=kind, rows=self._counted(kind, status)).href()

    def searched(self, status: str) -> str:
        """Return the address of the rows in `status` ("" for all) as `status` does, what stands in the search box kept, too."""
        return replace(self, rows=replace(self._counted(self.kind, status), q=self.rows.q)).href()

    def of_error(self, kind: Kind, error_code: str) -> str:
        """Return the address of the rows of `kind` with this error code, in place of a search."""
        rows = self.rows if kind == self.kind else replace(self.rows, group=(), reprocess_id=())
        return replace(self, kind=kind, rows=replace(rows, kind=(kind,), error_code=(error_code,), q="")).href()

    def without(self, name: str, value: str = "") -> str:
        """Return the address with one value of a filter field taken away; with no value, the whole field."""
        held = getattr(self.rows, name)
        kept = tuple(item for item in held if item != value) if value and isinstance(held, tuple) else None
        changes: dict[str, Any] = {name: getattr(LogFilter(), name) if kept is None else kept}
        rows = replace(self.rows, **changes)
        return replace(self, rows=rows).href()

    def unfiltered(self) -> str:
        """Return the address of the whole tab."""
        return replace(self, rows=LogFilter(kind=(self.kind,))).href()

    def as_view(self) -> str:
        """Return the address that the list has as a saved view, whatever its page size."""
        return replace(self, limit=DEFAULT_PAGE_SIZE).href()

    def sorted_by(self, sort: str) -> str:
        """Return the address in another order."""
        return replace(self, sort=sort).href()

    def _counted(self, kind: Kind, status: str) -> LogFilter:
        return LogFilter(
            kind=(kind,),
            affiliate=self.rows.affiliate,
            status=(status,) if status else (),
            from_at=self.rows.from_at,
            to_at=self.rows.to_at,
            date_axis=self.rows.date_axis,
        )


def parse_address(kind: Kind, query: Mapping[str, Sequence[str]], zone: ZoneInfo) -> ListAddress:
    """Return what the query says. Instants without a zone, as native inputs send them, are read in `zone`."""
    values: dict[str, Any] = {name: list(query[name]) for name in FILTER_NAMES if query.get(name)}
    values |= instants_of(query, INSTANTS, zone)
    values["affiliate"] = [text.strip() for text in values.get("affiliate", ())]
    values["error_code"] = [text.strip() for text in values.get("error_code", ())]
    values["attempts_min"] = [text.strip() for text in values.get("attempts_min", ())]
    rows = LogFilter.parse({**values, "kind": [kind]})
    sort = next(iter(query.get("sort", ())), "")
    limit = next(iter(query.get("limit", ())), "")
    return ListAddress(
        kind=kind,
        rows=rows,
        limit=int(limit) if limit in map(str, PAGE_SIZES) else DEFAULT_PAGE_SIZE,
        sort=sort if sort in SORTS else NEWEST_FIRST,
    )


def is_untidy(query: Mapping[str, Sequence[str]]) -> bool:
    """Say whether a form wrote the query: empty or typed values, or instants without a zone; such an address is rewritten."""
    return (
        any(name in query for name in (*TYPED, SHOWN_ZONE, *map(SHOWN_AS.format, INSTANTS)))
        or any(not value.strip() for values in query.values() for value in values)
        or any(len(value) < len("2026-11-23T10:11:12Z") for name in INSTANTS for value in query.get(name, ()))
    )


def entry_path(kind: str, affiliate: str, code: str, page: str = "") -> str:
    """Return the path of an entry's page; `code` is one percent-encoded segment, whatever it holds."""
    return f"/logs/{kind}/{write_segment(affiliate)}/{write_segment(code)}{page}"


def story_path(item_id: str, **asked: str) -> str:
    """Return the path of the story of an id; `item_id` is one percent-encoded segment, whatever it holds."""
    return f"/stories/{write_segment(item_id)}" + (f"?{urlencode(asked)}" if asked else "")


def group_path(kind: str, group: str) -> str:
    """Return the address of all entries of `kind` with one root cause."""
    return f"/logs/{kind}?{urlencode({'group': group})}"


def item_value(entry: LogEntry) -> str:
    """Return an entry as a form's value: `affiliate|code`."""
    return f"{entry.affiliate}|{entry.code}"


def local_input(at: datetime | None, zone: ZoneInfo) -> str:
    """Return an instant as the value of a `datetime-local` input, in `zone`."""
    return in_zone(at, zone).replace(tzinfo=None).isoformat(timespec="minutes") if at else ""


def shown_pairs(pairs: Sequence[tuple[str, str]], zone: ZoneInfo) -> list[tuple[str, str]]:
    """Return as hidden fields what the form of a filter shows of the period: its zone, and the whole instants, for its inputs end at the minute."""
    return [
        (SHOWN_ZONE, zone.key),
        *((SHOWN_AS.format(name), value) for name, value in pairs if name in ("from", "to")),
    ]


def instants_of(query: Mapping[str, Sequence[str]], names: Sequence[str], zone: ZoneInfo) -> dict[str, list[str]]:
    """Return the instants of a query by name, each with a zone: its own, the one that the form showed, or `zone`. Raise InvalidFilter."""
    shown_in = known_zone(next(iter(query.get(SHOWN_ZONE, ())), "")) or zone
    return {name: _instants(name, query, shown_in) for name in names if query.get(name)}


def _instants(name: str, query: Mapping[str, Sequence[str]], zone: ZoneInfo) -> list[str]:
    untouched = {_shown(text, zone): text for text in query.get(SHOWN_AS.format(name), ())}
    texts = [text.strip() for text in query[name] if text.strip()]
    return [untouched.get(text) or with_zone(name, text, zone) for text in texts]


def _shown(text: str, zone: ZoneInfo) -> str:
    try:
        return local_input(parse_instant(text)[0], zone)
    except ValueError:
        return ""  # nothing of ours: what stands in the field is all that is known


def with_zone(name: str, text: str, zone: ZoneInfo) -> str:
    """Return an instant as an input wrote it, with a zone: its own, or `zone`. Raise InvalidFilter."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidFilter(name, "must be a date and time, such as 2026-11-23T10:11") from error
    if instant.tzinfo is not None:
        return text
    try:
        return format_instant(instant.replace(tzinfo=zone))
    except OverflowError as error:
        raise InvalidFilter(name, "lies outside the years 1 to 9999 in UTC") from error
