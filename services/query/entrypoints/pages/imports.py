"""Edited reports that come back: taken in, shown row by row, and reprocessed."""

from dataclasses import replace
from uuid import uuid4

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.query.core.returned import kinds_to_send
from services.query.entrypoints.pages.address import entry_path
from services.query.entrypoints.pages.forms import PageAddress, field, fields_of, file_of
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.lists import Visitor
from services.query.entrypoints.pages.reprocess import WISHES, Wishes
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.commanding import get_import, list_imports
from services.query.handlers.importing import read_preview, reprocess_rows, take_in_report
from shared.contracts.errors import InvalidCommand
from shared.contracts.imports import ImportRow
from shared.contracts.names import KINDS
from shared.contracts.segments import write_segment

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.post("/imports")
async def take_in(request: Request, screen: Visitor) -> Response:
    """Take the file of the form in and show what became of it, or show the form again with what is wrong."""
    services, caller = screen.services, screen.caller
    caller.require("reprocess")
    name, content = await file_of(request, most=services.settings.query_max_import_bytes)
    if not content:
        return await _show_all(screen, wrong="imports.empty_file" if name else "imports.none_chosen")
    job = await take_in_report(
        services.imports,
        services.returned,
        services.commands,
        services.audit,
        caller,
        content,
        {"file_name": name},
        now=services.now,
    )
    return RedirectResponse(_path_of(job.id), status_code=303)


@router.get("/imports")
async def show_imports(screen: Visitor, cursor: str = "") -> Response:
    """Show a page of the reports that came back, newest first, and the form for another."""
    return await _show_all(screen, cursor=cursor)


@router.get("/imports/{job_id}")
async def show_import(job_id: str, screen: Visitor, cursor: str = "") -> Response:
    """Show what a reprocess of the rows would do; a module asks how far the reading is."""
    return await _show(screen, job_id, Wishes(), cursor=cursor)


@router.post("/imports/{job_id}/reprocess")
async def reprocess_import(job_id: str, request: Request, screen: Visitor) -> Response:
    """Ask for the reprocess of all rows of a kind that can be, or show the page again with what cannot be."""
    sent = await fields_of(request)
    kind = next((one for one in KINDS if one == field(sent, "kind")), None)
    wishes = Wishes(field(sent, "reason"), field(sent, "max_per_second"))
    job_id_made = field(sent, f"id.{kind}")
    services = screen.services
    try:
        job = await reprocess_rows(
            services.imports,
            services.returned,
            services.reprocesses,
            services.commands,
            services.audit,
            screen.caller,
            job_id,
            {**({"id": job_id_made} if job_id_made else {}), **wishes.said()},
            kind=kind,
            now=services.now,
        )
    except InvalidCommand as error:
        if error.field not in WISHES:
            raise
        return await _show(screen, job_id, replace(wishes, wrong=error.field))
    return RedirectResponse(f"/reprocess/{write_segment(job.id)}", status_code=303)


async def _show_all(screen: Screen, *, cursor: str = "", wrong: str = "") -> Response:
    page = await list_imports(screen.services.imports, screen.caller, cursor=cursor or None)
    address = PageAddress("/imports")
    status = 422 if wrong else 200
    return screen.render("imports.html", status=status, page=page, address=address, wrong_file=wrong)


async def _show(screen: Screen, job_id: str, wishes: Wishes, *, cursor: str = "") -> Response:
    services = screen.services
    job = await get_import(services.imports, screen.caller, job_id)
    sending = kinds_to_send(job.progress.get("eligible")) if job.state == "done" else []
    page = None
    if job.state == "done":
        page = await read_preview(services.imports, services.returned, screen.caller, job_id, cursor=cursor or None)
    return screen.render(
        "parts/import.html" if screen.wants_fragment else "import.html",
        status=422 if wishes.wrong else 200,
        job=job,
        address=PageAddress(_path_of(job.id)),
        page=page,
        shown=[(row, _href_of(row, screen)) for row in page.items] if page else [],
        sending=sending,
        job_ids={kind: uuid4().hex for kind, _ in sending},
        wishes=wishes,
    )


def _path_of(job_id: str) -> str:
    return f"/imports/{write_segment(job_id)}"


def _href_of(row: ImportRow, screen: Screen) -> str:
    is_there = row.state not in {"unreadable", "not_found"} and screen.caller.may("read")
    return entry_path(row.kind, row.affiliate, row.code) if is_there else ""
