"""Saved views: the forms of the menu on every list, which save what the list shows under a name, and remove a view."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from services.query.core.preconditions import expect_revision
from services.query.core.sorting import DEFAULT_SORT
from services.query.core.view import read_filter
from services.query.entrypoints.pages.address import FILTER_NAMES
from services.query.entrypoints.pages.forms import DONE, NAMED, field, fields_of, revision_of, way_back, with_parameter
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.lists import Visitor
from services.query.entrypoints.pages.screen import Screen
from services.query.entrypoints.schemas.views import ViewBody
from services.query.handlers.views import NameTaken, TooManyViews, create_view, list_views, remove_view
from shared.contracts.errors import InvalidField, NotFound, Stale
from shared.contracts.field_faults import reason

LONGEST_KEPT: Final = 200
"""Of a name that cannot be, in letters: it comes back in an address."""

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Sent = Mapping[str, Sequence[str]]


@router.post("/views")
async def save(request: Request, screen: Visitor) -> Response:
    """Save the list that the form stood on, and lead back to it; the list says what became of it."""
    sent, services = await fields_of(request), screen.services
    screen.caller.require("admin")
    body = _read(sent)
    if body is None:
        return _refused(sent, "nameless")
    try:
        await create_view(services.views, services.audit, screen.caller, **body.model_dump(), now=services.now)
    except NameTaken:
        # By the same form, sent twice: then it is as it was to be.
        return _back(sent, "saved") if await _is_saved(screen, body) else _refused(sent, "taken")
    except TooManyViews:
        return _refused(sent, "full")
    return _back(sent, "saved")


@router.post("/views/{view_id}/remove")
async def remove(view_id: str, request: Request, screen: Visitor) -> Response:
    """Take a view away, unless someone changed it since the page was made, and lead back to the list."""
    sent, services = await fields_of(request), screen.services
    expected = expect_revision(revision_of(sent))
    try:
        await remove_view(services.views, services.audit, screen.caller, view_id, expected, now=services.now)
    except NotFound:
        return _back(sent, "removed")  # by the same form, sent twice, or by somebody else: it is gone
    except Stale:
        return _back(sent, "stale")
    return _back(sent, "removed")


def _read(sent: Sent) -> ViewBody | None:
    """Return what the form says; None when its name cannot be one. Raise InvalidField for what no form of ours sends."""
    rows = [(name, value) for name in FILTER_NAMES for value in sent.get(name, ())]
    raw = {"name": field(sent, "name"), "kind": field(sent, "kind"), "sort": field(sent, "sort") or DEFAULT_SORT}
    try:
        return ViewBody.model_validate({**raw, "filter": urlencode(rows)})
    except ValidationError as error:
        at_fault = {str(one["loc"][0]): reason(one) for one in error.errors()}
    if "name" in at_fault:
        return None
    raise InvalidField(*next(iter(at_fault.items())))


async def _is_saved(screen: Screen, wanted: ViewBody) -> bool:
    rows = read_filter(wanted.filter, wanted.kind)
    known = await list_views(screen.services.views, screen.caller)
    return (wanted.name, wanted.kind, rows, wanted.sort) in {
        (one.name, one.kind, one.filter, one.sort) for one in known
    }


def _refused(sent: Sent, why: str) -> Response:
    return _back(sent, why, named=field(sent, "name")[:LONGEST_KEPT])


def _back(sent: Sent, done: str, *, named: str = "") -> Response:
    address = with_parameter(way_back(field(sent, "back"), "/logs/order"), DONE, done)
    return RedirectResponse(with_parameter(address, NAMED, quote(named)) if named else address, status_code=303)
