"""What people look at, each as the addresses of the API and as what the bare driver would ask for the same."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from pymongo import MongoClient
from pymongo.database import Database

from services.query.adapters.log.mongo_entry_walk import WITHOUT_CONTENT
from services.query.adapters.mongo_rolled_counts import MAX_REMEMBERED
from services.query.core.cursor import Binding, Position, encode_cursor
from services.query.core.sorting import DEFAULT_SORT
from services.query.handlers.reading import REMEMBERED_ROWS
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.names import ATTEMPTS, KINDS, LOG_ENTRIES
from shared.contracts.segments import write_segment
from shared.contracts.text import asked_words
from shared.contracts.times import aware, format_instant
from shared.mongo.queries import id_search, query_of, word_search
from tests.bench.contender import DATABASE
from tests.bench.query_shop import ACCOUNT, AFFILIATES, CAUSES, HISTORY, NEWEST_AT, RARE_CAUSE

LIMIT: Final = 50
DEEP_PAGE: Final = 10_000
VARIANTS: Final = 40
PERIODS: Final = 2 * MAX_REMEMBERED
WEEK: Final = timedelta(days=7)
TAB: Final = LogFilter.parse({"kind": "order"})
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """`paths` of the API and `finds` of the driver, taken in turn; `filters` tell what a list examines. `kind` chooses its targets."""

    name: str
    kind: str
    paths: Sequence[str]
    finds: Sequence[Document] = ()
    filters: Sequence[tuple[LogFilter, Position | None]] = ()


def make_views(uri: str) -> list[View]:
    """Return the views of a shop; what they ask for is taken from it."""
    with MongoClient[Document](uri, tz_aware=True) as client:
        database = client[DATABASE]
        return [
            *_lists(),
            _in_turn(database),
            _deep(database),
            *_searches(database),
            *_rare(),
            *_details(database),
            *_counts(),
        ]


def _lists() -> list[View]:
    return [
        _list("tab", [{}]),
        _list("+ status", [{"status": status} for status in ("error", "warning")]),
        _list("+ status=success", [{"status": "success"}]),
        _list("+ affiliate", [{"affiliate": affiliate} for affiliate in AFFILIATES]),
        _list("+ both", [{"affiliate": affiliate, "status": "error"} for affiliate in AFFILIATES]),
        _list("+ error code", [{"error_code": code} for code in CAUSES]),
    ]


def _searches(database: Database[Document]) -> list[View]:
    some = _some(database, {"kind": "order"})
    failed = _some(database, {"kind": "order", "state.status": "error"})
    words = [" ".join(one["state"]["causes"][0]["message"].split()[:2]) for one in failed]
    return [
        _list("alias, exact", [{"q": one["ids"][-1]} for one in some], hint="by_ids"),
        _list("alias, prefix", [{"q": one["code"][:6]} for one in some], "search", "by_ids"),
        _list("words of a message", [{"q": text} for text in dict.fromkeys(words)], "search", "by_message_words"),
    ]


def _rare() -> list[View]:
    stale = {"stale_since": "2026-11-01T00:00:00Z"}
    return [
        _list(
            "rare mix",
            [{"error_code": RARE_CAUSE, "affiliate": one, "attempts_min": "2", **stale} for one in AFFILIATES],
            "mix",
            "by_cause",
        ),
        _list("retry=never, warning", [{"retry": "never", "status": "warning"}], "mix", "by_status"),
        _list("by code, one cause", [{"error_code": code, "sort": "code"} for code in CAUSES], "mix"),
        _list("by code", [{"sort": "code"}, {"sort": "-code"}], "mix"),
    ]


def _deep(database: Database[Document]) -> View:
    rows = database[LOG_ENTRIES].count_documents(query_of(ACCOUNT, TAB), hint="by_time")
    depth = min(DEEP_PAGE * LIMIT, rows * 9 // 10)
    return _pages(f"page {depth // LIMIT:,}", "deep", _places(database, depth, 1))


def _in_turn(database: Database[Document]) -> View:
    """One page after the other: each is read anew, as nobody has looked at it."""
    return _pages("pages in turn", "list", _places(database, 0, 3 * REMEMBERED_ROWS // LIMIT))


def _places(database: Database[Document], depth: int, pages: int) -> list[Position]:
    """Return the last row of each of so many pages of the tab, `depth` rows down."""
    order = [("state.processed_at", -1), ("_id", -1)]
    keys = database[LOG_ENTRIES].find(query_of(ACCOUNT, TAB), {"state.processed_at": 1}).sort(order).hint("by_time")
    found = list(keys.skip(depth).limit(pages * LIMIT))[::LIMIT]
    return [Position(aware(key["state"]["processed_at"]), key["_id"]) for key in found]


def _pages(name: str, kind: str, places: Sequence[Position]) -> View:
    """The pages of the tab beyond `places`."""
    binding, tab = Binding(ACCOUNT, TAB.to_query_string(), DEFAULT_SORT), query_of(ACCOUNT, TAB)
    cursors = [urlencode({"limit": LIMIT, "cursor": encode_cursor(place, binding)}) for place in places]
    finds = [_find({**tab, "state.processed_at": {"$lt": place.at}}) for place in places]
    told = [(TAB, place) for place in places[:VARIANTS]]
    return View(name, kind, [f"/v1/logs/order?{cursor}" for cursor in cursors], finds, told)


def _details(database: Database[Document]) -> list[View]:
    some = _some(database, {"kind": "order"})
    tried = _some(database, {"attempts": {"$eq": HISTORY}, "kind": "order"})
    entries = [{"collection": LOG_ENTRIES, "filter": {"_id": one["_id"]}, "limit": 1} for one in some]
    histories = [
        {
            "collection": ATTEMPTS,
            "filter": {"_id": {"$gte": f"{one['_id']}\x1f", "$lt": f"{one['_id']}\x20"}},
            "limit": LIMIT,
        }
        for one in tried
    ]
    return [
        View("entry", "detail", [_path(one) for one in some], entries),
        View("attempts", "detail", [_path(one, "/attempts") for one in tried], histories),
        View("story", "search", [f"/v1/stories/{write_segment(one['code'])}" for one in tried]),
    ]


def _counts() -> list[View]:
    """An answer is remembered until the rollups move on; so many periods are asked for that none is remembered until its turn comes again. Root
    causes are told again for up to half a minute, as to several people who look at them.
    """
    last = [NEWEST_AT - timedelta(hours=back) for back in range(PERIODS)]
    periods = [urlencode({"from": format_instant(end - WEEK), "to": format_instant(end)}) for end in last]
    affiliates = [f"/v1/summary?kind=order&affiliate={one}" for one in AFFILIATES]
    return [
        View("counts", "counts", ["/v1/summary"]),
        View("counts of a kind", "counts", ["/v1/summary?kind=order", "/v1/summary?kind=price"]),
        View("counts of an affiliate", "counts", affiliates),
        View("counts of a period", "counts", [f"/v1/summary?{period}" for period in periods]),
        View("root causes", "counts", [f"/v1/groups?kind={kind}" for kind in KINDS]),
    ]


def _list(name: str, asked: Sequence[dict[str, str]], kind: str = "list", hint: str = "") -> View:
    """Filters on kind order; `sort` among them is the order, in which the driver has no index and is not asked.

    `hint` is for the driver: left to its planner, a search by id takes seconds.
    """
    filters = [LogFilter.parse({"kind": "order", **{k: v for k, v in one.items() if k != "sort"}}) for one in asked]
    paths = [f"/v1/logs/order?{urlencode({'limit': LIMIT, **one})}" for one in asked]
    is_ordered = "sort" not in asked[0]
    finds = [_find(_plainly(rows), hint) for rows in filters] if is_ordered else []
    told = [(rows, None) for rows in filters] if is_ordered else []
    return View(name, kind, paths, finds, told)


def _plainly(rows: LogFilter) -> Document:
    """Return the query as somebody would write it who knows the indexes: a search looks where its text is known to be.

    An affiliate's rows are merged status by status. Left to its planner the driver walks the tab instead, beside ingest for seconds.
    """
    others = query_of(ACCOUNT, replace(rows, q=""))
    if rows.affiliate:
        others.setdefault("state.status", {"$in": list(STATUSES)})
    if not rows.q:
        return others
    return {**others, **(word_search(asked_words(rows.q)) if " " in rows.q else id_search(rows.q))}


def _find(query: Document, hint: str = "") -> Document:
    order = [("state.processed_at", -1), ("_id", -1)]
    asked = {"collection": LOG_ENTRIES, "filter": query, "projection": WITHOUT_CONTENT, "sort": order, "limit": LIMIT}
    return {**asked, "hint": hint} if hint else asked


def _some(database: Database[Document], query: Document) -> list[Document]:
    found: list[Document] = []
    for affiliate in AFFILIATES:
        wanted = {"account": ACCOUNT, "affiliate": affiliate, **query}
        found += database[LOG_ENTRIES].find(wanted, {"ids": 1, "code": 1, "affiliate": 1, "state.causes": 1}).limit(2)
    return found[:VARIANTS]


def _path(one: Document, page: str = "") -> str:
    return f"/v1/logs/order/{one['affiliate']}/{one['code']}{page}"
