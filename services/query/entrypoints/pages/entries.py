"""One entry: its own page, and the part of it that an opened row loads."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from services.query.core.leaf import Leaf
from services.query.core.masking import hides
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
from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.errors import TooBroad
from shared.contracts.names import Kind

IN_A_ROW = 10
ON_A_PAGE = 50

TOO_LONG: Leaf[Attempt] = Leaf([], None, None)
"""In place of a history that takes too long to be put in order: all else of the item is told."""

Key = tuple[Kind, str, str]
"""Kind, affiliate and code."""

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/logs/{kind}/{affiliate}/{code}")
async def show_entry(
    kind: Kind, affiliate: Segment, code: Segment, screen: Visitor, cursor: str = "", job: str = ""
) -> Response:
    """Show everything about one entry; a module that waits for an answer asks for what changes alone."""
    shown = await entry_shown(screen, (kind, affiliate, code), cursor=cursor, job_id=job)
    return screen.render("parts/entry.html", **shown) if screen.wants_fragment else entry_page(screen, shown)


@router.get("/logs/{kind}/{affiliate}/{code}/details")
async def show_details(kind: Kind, affiliate: Segment, code: Segment, screen: Visitor) -> Response:
    """Show evidence, content and the newest attempts, to be put into an opened row."""
    shown = await entry_shown(screen, (kind, affiliate, code), limit=IN_A_ROW)
    return screen.render("parts/details.html", **shown)


def entry_page(screen: Screen, shown: dict[str, Any], *, reason: str = "", is_wrong: bool = False) -> Response:
    """Return the page of what `entry_shown` gave. `reason`: what was typed to see it unmasked, where that `is_wrong`."""
    may_reveal = screen.caller.may("admin") and _is_masked(shown["row"].entry, shown["attempts"].items)
    typed = {"may_reveal": may_reveal or is_wrong, "reason": reason, "is_wrong": is_wrong}
    return screen.render("entry.html", status=422 if is_wrong else 200, **shown, **typed)


async def entry_shown(
    screen: Screen, key: Key, *, cursor: str = "", limit: int = ON_A_PAGE, job_id: str = "", is_revealed: bool = False
) -> dict[str, Any]:
    """Return what the templates of an entry show, masked unless `is_revealed`, which only `revealing.py` may say."""
    services, caller = screen.services, screen.caller
    entry, attempts, marketplaces, job = await asyncio.gather(
        get_entry(services.log, caller, *key, is_revealed=is_revealed),
        _in_time(
            list_attempts(services.log, caller, *key, cursor=cursor or None, limit=limit, is_revealed=is_revealed)
        ),
        marketplace_names(services.registry, caller),
        find_job(screen, job_id),
    )
    row = rows_of(screen, [entry], marketplaces, [job] if job else [])[0]
    behind = list_behind(screen.request, f"/logs/{key[0]}")
    return {
        "row": row,
        "kind": key[0],
        "history": [attempt_of(attempt) for attempt in attempts.items],
        "attempts": attempts,
        "is_history_too_long": attempts is TOO_LONG,
        "job": job,
        "streak": await find_streak(services.log, caller, entry),
        "retry_at": coming_retry(entry, marketplaces, services.settings.retry_delays, now=services.now()),
        "behind": behind,
        "is_revealed": is_revealed,
        "diff": diff_address(entry, behind),
        "itself": opened_from(row.path(), behind),
        "shown_at": opened_from(row.path(), behind, cursor=cursor, job=job_id),
        "unmasked": opened_from(row.path("/revealed"), behind, cursor=cursor),
        "older": opened_from(row.path(), behind, cursor=attempts.next_cursor or ""),
        "newer": opened_from(row.path(), behind, cursor=attempts.previous_cursor or ""),
    }


async def _in_time(listing: Awaitable[Leaf[Attempt]]) -> Leaf[Attempt]:
    try:
        return await listing
    except TooBroad:
        return TOO_LONG


def _is_masked(entry: LogEntry, attempts: Sequence[Attempt]) -> bool:
    """Say whether the page of a masked entry and its attempts hides something that is stored."""
    seen: list[LogEntry | Attempt] = [entry, *attempts]
    told = [(one.causes, one.log) for one in seen if not one.payload_masked]
    return hides(told) or (hides(entry.payload) and not entry.payload_masked)
