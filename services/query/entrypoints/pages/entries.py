"""One entry: its own page, and the part of it that an opened row loads."""

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from services.query.core.retries import coming_retry
from services.query.entrypoints.middleware.paths import Segment
from services.query.entrypoints.pages.diff import diff_address
from services.query.entrypoints.pages.forms import list_behind, opened_from
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.lists import Visitor, find_job, rows_of
from services.query.entrypoints.pages.rows import attempt_of
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.reading import find_streak, get_entry, list_attempts
from services.query.handlers.registry import marketplace_names
from shared.contracts.names import Kind

IN_A_ROW = 10
ON_A_PAGE = 50

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/logs/{kind}/{affiliate}/{code}")
async def show_entry(
    kind: Kind, affiliate: Segment, code: Segment, screen: Visitor, cursor: str = "", job: str = ""
) -> Response:
    """Show everything about one entry; a module that waits for an answer asks for what changes alone."""
    template = "parts/entry.html" if screen.wants_fragment else "entry.html"
    return await _show(screen, template, (kind, affiliate, code), cursor=cursor, limit=ON_A_PAGE, job_id=job)


@router.get("/logs/{kind}/{affiliate}/{code}/details")
async def show_details(kind: Kind, affiliate: Segment, code: Segment, screen: Visitor) -> Response:
    """Show evidence, content and the newest attempts, to be put into an opened row."""
    return await _show(screen, "parts/details.html", (kind, affiliate, code), cursor="", limit=IN_A_ROW, job_id="")


async def _show(
    screen: Screen, template: str, key: tuple[Kind, str, str], *, cursor: str, limit: int, job_id: str
) -> Response:
    services, caller = screen.services, screen.caller
    entry, attempts, marketplaces, job = await asyncio.gather(
        get_entry(services.log, caller, *key),
        list_attempts(services.log, caller, *key, cursor=cursor or None, limit=limit),
        marketplace_names(services.registry, caller),
        find_job(screen, job_id),
    )
    row = rows_of(screen, [entry], marketplaces, [job] if job else [])[0]
    streak = await find_streak(services.log, caller, entry)
    history = [attempt_of(attempt) for attempt in attempts.items]
    behind = list_behind(screen.request, f"/logs/{key[0]}")
    return screen.render(
        template,
        row=row,
        kind=key[0],
        history=history,
        attempts=attempts,
        job=job,
        streak=streak,
        retry_at=coming_retry(entry, marketplaces, services.settings.retry_delays, now=services.now()),
        behind=behind,
        diff=diff_address(entry, behind),
        itself=opened_from(row.path(), behind),
        shown_at=opened_from(row.path(), behind, cursor=cursor, job=job_id),
        older=opened_from(row.path(), behind, cursor=attempts.next_cursor or ""),
        newer=opened_from(row.path(), behind, cursor=attempts.previous_cursor or ""),
    )
