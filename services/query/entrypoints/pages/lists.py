"""The five tabs: a page of rows under a filter, and the parts of it that modules ask for again."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.query.core.cursor import Value
from services.query.core.integration import Marketplaces
from services.query.core.jobs import Job
from services.query.entrypoints.pages.address import (
    OLDEST_FIRST,
    PAGE_SIZES,
    ListAddress,
    is_untidy,
    local_input,
    parse_address,
    story_path,
)
from services.query.entrypoints.pages.counts import count_rows, counts_or_none
from services.query.entrypoints.pages.forms import DONE, NAMED, is_none_chosen
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.live import live_of
from services.query.entrypoints.pages.rows import RowView, row_of, waiting_job
from services.query.entrypoints.pages.screen import Screen, given_screen
from services.query.entrypoints.pages.suggestions import errors_meant
from services.query.entrypoints.pages.typed import as_meant
from services.query.handlers.commanding import get_reprocess
from services.query.handlers.reading import get_entry
from services.query.handlers.registry import marketplace_names
from services.query.handlers.searching import search_logs
from services.query.handlers.views import list_views
from shared.contracts.catalogue import CATALOGUE
from shared.contracts.entries import LogEntry
from shared.contracts.errors import NotFound
from shared.contracts.events import STATUSES
from shared.contracts.filters import DATE_AXES
from shared.contracts.names import Kind
from shared.contracts.text import asked_words, fold, fold_id, fold_ids

MOST_POLLED: Final = 100

router = APIRouter(include_in_schema=False, route_class=PageRoute)
Visitor = Annotated[Screen, Depends(given_screen)]


@router.get("/")
async def start(screen: Visitor) -> Response:
    """Lead to the first tab."""
    _ = screen.caller
    return RedirectResponse("/logs/order", status_code=303)


@router.get("/logs/{kind}")
async def show_list(kind: Kind, request: Request, screen: Visitor) -> Response:
    """Show one page of a tab. An address that a form wrote is tidied first."""
    caller, services = screen.caller, screen.services
    query = values_of(request)
    cursor = first(query, "cursor")
    if is_untidy(query):
        caller.require("read")  # what was typed is looked up among the names of the account
        meant = parse_address(kind, await as_meant(screen, query), screen.zone)
        return RedirectResponse(meant.href(cursor=cursor, job=first(query, "job")), status_code=303)
    address = parse_address(kind, query, screen.zone)
    live = live_of(address, caller, screen.t.language, services.now())
    page, marketplaces, counts, job, views = await asyncio.gather(
        search_logs(services.log, caller, address.rows, cursor=cursor or None, limit=address.limit, sort=address.sort),
        marketplace_names(services.registry, caller),
        counts_or_none(screen, address.rows),
        find_job(screen, first(query, "job")),
        list_views(services.views, caller),
    )
    chosen = {name: marketplaces.get(name, name) for name in address.rows.affiliate}
    return screen.render(
        "logs.html",
        address=address,
        kind=kind,
        page=page,
        cursor=cursor,
        rows=rows_of(screen, page.items, marketplaces, [job] if job else []),
        affiliates=by_name({**marketplaces, **chosen}),
        counts=counts,
        job=job,
        views=views,
        done=view_done(screen, first(query, DONE)),
        named=first(query, NAMED),
        is_none_chosen=is_none_chosen(request),
        statuses=STATUSES,
        sizes=PAGE_SIZES,
        catalogue=[code for code in CATALOGUE.values() if kind in code.kinds],
        from_input=local_input(address.rows.from_at, screen.zone),
        to_input=local_input(address.rows.to_at, screen.zone),
        date_axes=DATE_AXES,
        is_oldest_first=address.sort == OLDEST_FIRST,
        live=live,
        suggestions=[] if page.items or cursor else errors_meant(address, screen.t.language),
        story=story_of(address.rows.q, page.items),
        is_wordless=bool(address.rows.q) and not asked_words(address.rows.q),
        searched_until=page.searched_until if page.searched_until is None else searched(screen, page.searched_until),
    )


@router.get("/logs/{kind}/summary")
async def show_summary(kind: Kind, request: Request, screen: Visitor) -> Response:
    """Show the counts of the tabs, however long they take."""
    address = parse_address(kind, values_of(request), screen.zone)
    counts = await count_rows(screen, address.rows)
    return screen.render("parts/counts.html", address=address, kind=kind, counts=counts)


@router.get("/logs/{kind}/rows")
async def show_rows(kind: Kind, request: Request, screen: Visitor) -> Response:
    """Show the named rows as they stand now: a page that waits for answers asks every little while."""
    query = values_of(request)
    items = [item.partition("|") for item in query.get("item", ())[:MOST_POLLED]]
    entries = await find_entries(screen, kind, [(affiliate, code) for affiliate, _, code in items])
    jobs = [job for job_id in dict.fromkeys(query.get("job", ())) if (job := await find_job(screen, job_id))]
    marketplaces = await marketplace_names(screen.services.registry, screen.caller)
    return screen.render("parts/rows.html", kind=kind, rows=rows_of(screen, entries, marketplaces, jobs), message="")


def story_of(text: str, found: Sequence[LogEntry]) -> str:
    """Return the address of the story of what was searched for, "" where it is none of the ids of what was found."""
    wanted = fold_id(text)
    ids = {one for entry in found for one in fold_ids((entry.code, *entry.aliases.values()))}
    return story_path(text) if wanted in ids else ""


def by_name(affiliates: Mapping[str, str]) -> dict[str, str]:
    """Return affiliate → marketplace name in the order in which a reader looks for names, whatever their case and accents."""
    return dict(sorted(affiliates.items(), key=lambda named: (fold(named[1]), named[0])))


def searched(screen: Screen, until: Value) -> str:
    """Return how far a search came, as the visitor writes it."""
    return screen.moment(until) if isinstance(until, datetime) else str(until)


def view_done(screen: Screen, done: str) -> str:
    """Return what became of a form of the menu of views, "" for a word that none of them says."""
    return done if screen.t.has(f"views.done.{done}") else ""


def values_of(request: Request) -> dict[str, list[str]]:
    """Return the query's values by name."""
    return {name: request.query_params.getlist(name) for name in request.query_params}


def first(values: Mapping[str, Sequence[str]], name: str) -> str:
    """Return the first value of `name`, "" when there is none."""
    return next(iter(values.get(name, ())), "")


def rows_of(
    screen: Screen, entries: Sequence[LogEntry], marketplaces: Marketplaces, jobs: Sequence[Job]
) -> list[RowView]:
    """Return entries as rows; those that an unfinished job among `jobs` will take show as under way."""
    commands: list[Mapping[str, Any]] = [{**job.command, "id": job.id} for job in jobs if not job.is_finished]
    return [
        row_of(entry, screen.caller, screen.t, marketplaces=marketplaces, waiting_for=waiting_job(entry, commands))
        for entry in entries
    ]


async def find_entries(screen: Screen, kind: Kind, items: Sequence[tuple[str, str]]) -> list[LogEntry]:
    """Return the entries of (affiliate, code) pairs; what does not exist is left out."""
    log, caller = screen.services.log, screen.caller
    asked = (get_entry(log, caller, kind, affiliate, code) for affiliate, code in items)
    found = await asyncio.gather(*asked, return_exceptions=True)
    for answer in found:
        if isinstance(answer, BaseException) and not isinstance(answer, NotFound):
            raise answer
    return [answer for answer in found if isinstance(answer, LogEntry)]


async def find_job(screen: Screen, job_id: str) -> Job | None:
    """Return a reprocess job of the account, None when there is none of that id."""
    try:
        return await get_reprocess(screen.services.reprocesses, screen.caller, job_id) if job_id else None
    except NotFound:
        return None


def address_of(kind: Kind, request: Request, screen: Screen) -> ListAddress:
    """Return the list that the request's query describes."""
    return parse_address(kind, values_of(request), screen.zone)
