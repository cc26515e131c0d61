"""The story of an id: how everything that has it stands, and what happened to it day by day; and the form that asks for one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from services.query.core.story import Moment, Story
from services.query.entrypoints.middleware.paths import Segment
from services.query.entrypoints.pages.address import story_path
from services.query.entrypoints.pages.forms import PageAddress
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.lists import Visitor, rows_of
from services.query.entrypoints.pages.rows import AttemptView, CauseView, RowView, attempt_of, causes_told
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.registry import beside_marketplaces
from services.query.handlers.telling import tell_story
from shared.contracts.entries import LogEntry
from shared.contracts.errors import NotFound
from shared.contracts.names import KINDS, Kind
from shared.contracts.text import fold_id
from shared.contracts.times import in_zone

MOST_NAMED: Final = 20
"""Ids that the page names: entries of one item have a few in common, those of what is none may have thousands."""

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class MomentView:
    """One line of the story: which row was attempted, what came of it and why."""

    row: RowView
    line: AttemptView
    causes: Sequence[CauseView]
    is_current: bool


@dataclass(frozen=True, slots=True)
class DayView:
    """What happened on one day of the visitor's, named by any instant of it."""

    at: datetime
    moments: Sequence[MomentView]


@router.get("/stories")
async def ask_for_story(screen: Visitor, id: str = "") -> Response:  # noqa: A002  # the field's name in the address
    """Lead to the story of what was typed; show the form where nothing was."""
    screen.caller.require("read")
    if wanted := id.strip():
        return RedirectResponse(story_path(wanted), status_code=303)
    return screen.render("story_none.html", item_id="")


@router.get("/stories/{item_id}")
async def show_story(item_id: Segment, screen: Visitor, cursor: str = "", kind: Kind | None = None) -> Response:
    """Show a page of a story; where nothing has the id, the form that held it."""
    services, caller = screen.services, screen.caller
    kinds = [kind] if kind else []
    try:
        found = tell_story(services.stories, caller, item_id, kinds=kinds, cursor=cursor or None)
        story, marketplaces = await beside_marketplaces(services.registry, caller, found)
    except NotFound:
        return screen.render("story_none.html", status=404, item_id=item_id)
    rows = rows_of(screen, story.entries, marketplaces, [])
    return screen.render(
        "story.html",
        item_id=item_id,
        story=story,
        kind=kind,
        told_kinds=[one for one in KINDS if any(entry.kind == one for entry in story.entries)],
        rows=rows,
        cut=[row for row in rows if row.entry.id not in story.whole],
        ids=list(_ids_of(story.entries, item_id, screen))[:MOST_NAMED],
        days=list(_days_of(screen, story, rows)),
        whole=story_path(item_id),
        page=story.line,
        address=PageAddress(story_path(item_id, **({"kind": kind} if kind else {}))),
    )


def _ids_of(entries: Sequence[LogEntry], item_id: str, screen: Screen) -> Iterator[tuple[str, str, bool]]:
    """Yield (name, value, whether it is another id than the story's) of all ids that the entries have, each once."""
    named = dict.fromkeys(
        pair for entry in entries for pair in ((screen.t("column.code"), entry.code), *entry.aliases.items())
    )
    for name, value in named:
        yield name, value, fold_id(value) not in {"", fold_id(item_id)}


def _days_of(screen: Screen, story: Story, rows: Sequence[RowView]) -> Iterator[DayView]:
    by_entry: dict[str, Any] = {row.entry.id: row for row in rows}

    def day_of(moment: Moment) -> object:
        return in_zone(moment.attempt.processed_at, screen.zone).date()

    for _, of_day in groupby(story.line.items, day_of):
        moments = list(of_day)
        yield DayView(
            moments[0].attempt.processed_at,
            [
                MomentView(
                    row=by_entry[moment.entry_id],
                    line=attempt_of(moment.attempt),
                    causes=causes_told(moment.attempt.causes, story.entry_of(moment).kind, screen.t),
                    is_current=story.is_current(moment),
                )
                for moment in moments
            ],
        )
