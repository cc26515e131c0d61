"""Trying again: one row, chosen rows, or all rows of a filter after a look at what that means; and how it went."""

from dataclasses import dataclass, replace
from typing import Final
from uuid import uuid4

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.query.core.jobs import Job
from services.query.entrypoints.pages.address import ListAddress, parse_address
from services.query.entrypoints.pages.forms import (
    NONE_CHOSEN,
    PageAddress,
    field,
    fields_of,
    job_id_of,
    way_back,
    with_parameter,
)
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.lists import Visitor, address_of, find_entries, rows_of
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.commanding import (
    cancel_reprocess,
    list_reprocesses,
    request_reprocess,
)
from services.query.handlers.outcomes import follow_reprocess
from services.query.handlers.previewing import preview_reprocess
from services.query.handlers.registry import marketplace_names
from shared.contracts.commands import ReprocessCommand, parse_command
from shared.contracts.errors import InvalidCommand
from shared.contracts.filters import LogFilter
from shared.contracts.names import Kind
from shared.contracts.segments import write_segment

router = APIRouter(include_in_schema=False, route_class=PageRoute)

WISHES: Final = ("reason", "max_per_second")
Items = list[tuple[str, str]]
"""(affiliate, code) pairs."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was typed into the form that sends all rows of a filter. `wrong`: which of WISHES cannot be as it is; "" for none."""

    reason: str = ""
    max_per_second: str = ""
    wrong: str = ""

    def said(self) -> dict[str, object]:
        """Return the members of a command. Raise InvalidCommand for a pace that is no number."""
        pace = {"max_per_second": _whole(self.max_per_second)} if self.max_per_second else {}
        return {"reason": self.reason, **pace}


@router.post("/logs/{kind}/reprocess")
async def reprocess_items(kind: Kind, request: Request, screen: Visitor) -> Response:
    """Ask for the rows that the form names; answer with them as under way, or go back to the list."""
    sent = await fields_of(request)
    items = [(affiliate, code) for affiliate, _, code in (item.partition("|") for item in sent.get("item", ()))]
    back = way_back(field(sent, "back"), f"/logs/{kind}")
    if not items and not screen.wants_fragment:
        return RedirectResponse(with_parameter(back, *NONE_CHOSEN), status_code=303)
    if not items:
        raise InvalidCommand("item", screen.t("reprocess.none_chosen"))
    job = await _request(screen, kind, {"items": [{"affiliate": affiliate, "code": code} for affiliate, code in items]})
    if not screen.wants_fragment:
        return RedirectResponse(with_parameter(back, "job", job.id), status_code=303)
    return await _rows_under_way(screen, kind, items, job)


@router.get("/logs/{kind}/reprocess")
async def confirm_filter(kind: Kind, request: Request, screen: Visitor) -> Response:
    """Show how many rows of the filter would be sent, and which not and why, before anything is sent."""
    return await _confirm(screen, address_of(kind, request, screen), Wishes())


@router.post("/logs/{kind}/reprocess/all")
async def reprocess_filter(kind: Kind, request: Request, screen: Visitor) -> Response:
    """Ask for all rows of the filter that stood in the confirmed form, or show it again with what cannot be."""
    sent = await fields_of(request)
    address = parse_address(kind, sent, screen.zone)
    wishes = Wishes(field(sent, "reason"), field(sent, "max_per_second"))
    try:
        job = await _request(screen, kind, {**job_id_of(sent), "filter": _filter(address.rows), **wishes.said()})
    except InvalidCommand as error:
        if error.field not in WISHES:
            raise
        return await _confirm(screen, address, replace(wishes, wrong=error.field))
    return RedirectResponse(f"/reprocess/{write_segment(job.id)}", status_code=303)


@router.get("/reprocess")
async def show_jobs(screen: Visitor, cursor: str = "", *, automatic: bool = False) -> Response:
    """Show a page of the reprocess jobs, newest first: those asked for, or the automatic retries."""
    jobs = screen.services.reprocesses
    page = await list_reprocesses(jobs, screen.caller, automatic=automatic, cursor=cursor or None)
    address = PageAddress("/reprocess?automatic=true" if automatic else "/reprocess")
    return screen.render("reprocess_jobs.html", page=page, address=address, automatic=automatic)


@router.get("/reprocess/{job_id}")
async def show_job(job_id: str, screen: Visitor) -> Response:
    """Show one job; a module asks for its progress alone."""
    services = screen.services
    job, outcome = await follow_reprocess(services.reprocesses, services.outcomes, screen.caller, job_id)
    template = "parts/job.html" if screen.wants_fragment else "reprocess_job.html"
    return screen.render(template, job=job, outcome=outcome)


@router.post("/reprocess/{job_id}/cancel")
async def cancel_job(job_id: str, screen: Visitor) -> Response:
    """Ask for the job's end and show it."""
    services = screen.services
    await cancel_reprocess(services.reprocesses, services.audit, screen.caller, job_id, now=services.now)
    return RedirectResponse(f"/reprocess/{write_segment(job_id)}", status_code=303)


async def _confirm(screen: Screen, address: ListAddress, wishes: Wishes) -> Response:
    kind = address.kind
    command = _command(screen, kind, {"filter": _filter(address.rows), "dry_run": True})
    off = (await marketplace_names(screen.services.registry, screen.caller)).off(kind)
    preview = await preview_reprocess(screen.services.entries, screen.caller, command, off=off)
    return screen.render(
        "reprocess_confirm.html",
        status=422 if wishes.wrong else 200,
        address=address,
        kind=kind,
        preview=preview,
        wishes=wishes,
        job_id=uuid4().hex,
    )


async def _rows_under_way(screen: Screen, kind: Kind, items: Items, job: Job) -> Response:
    entries = await find_entries(screen, kind, items)
    marketplaces = await marketplace_names(screen.services.registry, screen.caller)
    one = screen.t("reprocess.accepted.row", code=items[0][1])
    many = screen.t("reprocess.accepted.rows", count=screen.t.number(len(items)))
    return screen.render(
        "parts/rows.html",
        kind=kind,
        rows=rows_of(screen, entries, marketplaces, [job]),
        message=one if len(items) == 1 else many,
    )


async def _request(screen: Screen, kind: Kind, choice: dict[str, object]) -> Job:
    services = screen.services
    command = _command(screen, kind, choice)
    return await request_reprocess(
        services.reprocesses, services.commands, services.audit, screen.caller, command, now=services.now
    )


def _command(screen: Screen, kind: Kind, choice: dict[str, object]) -> ReprocessCommand:
    caller = screen.caller
    return parse_command(
        ReprocessCommand, {"account": caller.account, "requested_by": caller.name, "kind": kind, **choice}
    )


def _filter(rows: LogFilter) -> dict[str, object]:
    return {name: value for name, value in rows.to_json().items() if name != "kind"}


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InvalidCommand("max_per_second", "must be a whole number") from error
