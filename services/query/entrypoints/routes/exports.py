"""`/v1/exports`: reports made in the background, and their files."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from services.query.entrypoints.answers import export_json, json_answer, leaf_json
from services.query.entrypoints.auth import ExportCaller
from services.query.entrypoints.caching import LEAFED_THROUGH, LOOKED_AT, checked, leafed
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.downloads import FILE_HEADERS, REPORT_TYPES, download
from services.query.entrypoints.once import OnceDep, answered_once
from services.query.entrypoints.parameters import CancelAsked, ExportBody, JobPath, JobsAsked, Nothing
from services.query.entrypoints.schemas.base import PROBLEMS
from services.query.entrypoints.schemas.jobs import ExportAnswer, ExportList
from services.query.entrypoints.strict_json import StrictJsonRoute
from services.query.handlers import commanding
from services.query.handlers.files import open_export_file
from shared.contracts.commands import ExportCommand, parse_command
from shared.contracts.segments import write_segment

router = APIRouter(prefix="/v1", tags=["exports"], route_class=StrictJsonRoute)

BYTES: Final = {name: {"schema": {"type": "string", "format": "binary"}} for name in REPORT_TYPES}
FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": BYTES, "headers": FILE_HEADERS},
    206: {"description": "The range asked for", "content": BYTES, "headers": FILE_HEADERS},
    304: {"description": "Still the file of the ETag", "headers": {"ETag": FILE_HEADERS["ETag"]}},
    416: {**PROBLEMS[409], "description": "The range begins behind the end"},
}


@router.post(
    "/exports", response_model=ExportAnswer, status_code=202, summary="Make a report of the rows a filter lets pass"
)
@answered_once
async def request_export(
    services: ServicesDep, caller: ExportCaller, body: ExportBody, _asked: Nothing, once: OnceDep
) -> Response:
    """Answers 202 with a job; the same `id` and body again is the same job."""
    caller.require_account(body.account)
    said = {
        **once.job_name(),
        "requested_by": caller.name,
        **body.model_dump(exclude_none=True),
        "account": caller.account,
    }
    command = parse_command(ExportCommand, said)
    job = await commanding.request_export(
        services.exports, services.commands, services.audit, caller, command, now=services.now
    )
    return json_answer(export_json(job), 202, {"Location": f"/v1/exports/{write_segment(job.id)}"})


@router.get("/exports", response_model=ExportList, responses=LEAFED_THROUGH, summary="The export jobs, newest first")
async def list_exports(
    request: Request, services: ServicesDep, caller: ExportCaller, asked: Annotated[JobsAsked, Query()]
) -> Response:
    """Also those that ended, whatever became of them."""
    page = await commanding.list_exports(services.exports, caller, cursor=asked.cursor, limit=asked.limit)
    return leafed(request, leaf_json(page, export_json))


@router.get(
    "/exports/{job_id}",
    response_model=ExportAnswer,
    responses=LOOKED_AT,
    summary="Progress and outcome of an export job",
)
async def get_export(
    request: Request, services: ServicesDep, caller: ExportCaller, job_id: JobPath, _asked: Nothing
) -> Response:
    """Answers from the moment of the 202 on."""
    return checked(request, json_answer(export_json(await commanding.get_export(services.exports, caller, job_id))))


@router.get(
    "/exports/{job_id}/file",
    response_class=Response,
    responses=FILE,
    summary="The report itself",
)
async def get_export_file(
    request: Request, services: ServicesDep, caller: ExportCaller, job_id: JobPath, _asked: Nothing
) -> Response:
    """409 while the job is not done. One range may be asked for; the ETag is the file's SHA-256."""
    return download(await open_export_file(services.exports, services.files, caller, job_id), request)


@router.delete("/exports/{job_id}", response_model=ExportAnswer, status_code=202, summary="Cancel an export job")
async def cancel_export(
    services: ServicesDep, caller: ExportCaller, job_id: JobPath, asked: Annotated[CancelAsked, Query()]
) -> Response:
    """A queued job ends at once, a running one at its next step; no file is left."""
    job = await commanding.cancel_export(
        services.exports, services.audit, caller, job_id, reason=asked.reason, now=services.now
    )
    return json_answer(export_json(job), 202)
