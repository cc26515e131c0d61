"""What is masked on an entry's page, shown to an admin who says why. It is the answer to a form alone: no address leads to it, no module loads it."""

from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.query.core.actions import Revealed
from services.query.entrypoints.middleware.paths import Segment
from services.query.entrypoints.pages.address import entry_path
from services.query.entrypoints.pages.entries import Key, entry_page, entry_shown
from services.query.entrypoints.pages.forms import field, fields_of, list_behind, opened_from
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.letters import LONGEST_REASON
from services.query.entrypoints.pages.lists import Visitor
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.auditing import record_reveal
from shared.contracts.errors import InvalidField
from shared.contracts.events import entry_id
from shared.contracts.names import Kind

SEEN: Final[tuple[Revealed, ...]] = ("entry.revealed", "attempts.revealed")

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.post("/logs/{kind}/{affiliate}/{code}/revealed")
async def reveal_entry(
    kind: Kind, affiliate: Segment, code: Segment, request: Request, screen: Visitor, cursor: str = ""
) -> Response:
    """Show an entry and its history unmasked to an admin who says why, which is written down first."""
    key, reason = (kind, affiliate, code), field(await fields_of(request), "reason")
    screen.caller.require("admin")
    try:
        await _record(screen, key, reason)
    except InvalidField:
        shown = await entry_shown(screen, key, cursor=cursor)
        return entry_page(screen, shown, reason=reason, is_wrong=True)
    shown = await entry_shown(screen, key, cursor=cursor, is_revealed=True)
    # Nothing on the page asks again for what changes: that would come masked, and the page would lose what was asked to be seen.
    still = replace(shown["row"], is_waiting=False, may_reprocess=False)
    return screen.render("revealed.html", **{**shown, "row": still, "diff": ""})


@router.get("/logs/{kind}/{affiliate}/{code}/revealed")
async def show_masked(kind: Kind, affiliate: Segment, code: Segment, screen: Visitor) -> Response:
    """Lead whoever asks without the form to the entry's own page."""
    behind = list_behind(screen.request, f"/logs/{kind}")
    return RedirectResponse(opened_from(entry_path(kind, affiliate, code), behind), status_code=303)


async def _record(screen: Screen, key: Key, reason: str) -> None:
    """Write down that the entry and its attempts are about to be seen. Raise InvalidField, Transient."""
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise InvalidField("reason", f"must have 1 to {LONGEST_REASON} characters")
    services, caller = screen.services, screen.caller
    for action in SEEN:
        await record_reveal(services.audit, caller, entry_id(caller.account, *key), action, reason, now=services.now())
