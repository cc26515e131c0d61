"""Reports: ask for one, watch it grow, fetch its file."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.query.entrypoints.pages.address import FILTER_NAMES
from services.query.entrypoints.pages.forms import PageAddress, field, fields_of
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.lists import Visitor
from services.query.handlers.commanding import cancel_export, get_export, list_exports, request_export
from shared.contracts.commands import ExportCommand, parse_command
from shared.contracts.filters import LogFilter

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.post("/exports")
async def request_report(request: Request, screen: Visitor) -> Response:
    """Ask for a report of the filter in the form: of the tab `kind`, or of all five when `scope` says so."""
    sent = await fields_of(request)
    rows = LogFilter.parse({name: sent[name] for name in FILTER_NAMES if name in sent})
    raw: dict[str, Any] = {
        "account": screen.caller.account,
        "requested_by": screen.caller.name,
        "filter": rows.to_json(),
        "format": field(sent, "format") or "xlsx",
        "language": screen.t.language,
        "time_zone": screen.zone.key,
    }
    if field(sent, "scope") != "all":
        raw["kind"] = field(sent, "kind")
    services = screen.services
    command = parse_command(ExportCommand, raw)
    job = await request_export(
        services.exports, services.commands, services.audit, screen.caller, command, now=services.now
    )
    if screen.wants_fragment:
        return screen.render("parts/export.html", job=job)
    return RedirectResponse(f"/exports?created={job.id}", status_code=303)


@router.get("/exports")
async def show_reports(screen: Visitor, created: str = "", cursor: str = "") -> Response:
    """Show a page of the reports, newest first."""
    page = await list_exports(screen.services.exports, screen.caller, cursor=cursor or None)
    is_growing = any(not job.is_finished for job in page.items)
    template = "parts/exports.html" if screen.wants_fragment else "exports.html"
    address = PageAddress("/exports")
    return screen.render(
        template, page=page, address=address, shown_at=address.page(cursor), created=created, is_growing=is_growing
    )


@router.get("/exports/{job_id}")
async def show_report(job_id: str, screen: Visitor) -> Response:
    """Show how far one report is: for the toast of a list; a reader is led to all of them."""
    job = await get_export(screen.services.exports, screen.caller, job_id)
    if screen.wants_fragment:
        return screen.render("parts/export.html", job=job)
    return RedirectResponse("/exports", status_code=303)


@router.post("/exports/{job_id}/cancel")
async def cancel_report(job_id: str, screen: Visitor) -> Response:
    """Ask for the job's end and show all of them."""
    services = screen.services
    await cancel_export(services.exports, services.audit, screen.caller, job_id, now=services.now)
    return RedirectResponse("/exports", status_code=303)
