"""`/v1/imports`: edited reports that come back, what a reprocess of their rows would do, and that reprocess."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from starlette.exceptions import HTTPException

from services.query.entrypoints.answers import import_json, import_row_json, json_answer, leaf_json, reprocess_json
from services.query.entrypoints.auth import ReprocessCaller
from services.query.entrypoints.caching import LEAFED_THROUGH, LOOKED_AT, checked, leafed
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.once import OnceDep, answered_once
from services.query.entrypoints.parameters import (
    CancelAsked,
    ImportAsked,
    ImportReprocessBody,
    ImportRowsAsked,
    JobPath,
    JobsAsked,
    Nothing,
)
from services.query.entrypoints.schemas.base import PROBLEMS
from services.query.entrypoints.schemas.jobs import ImportAnswer, ImportList, ImportRowList, ReprocessAnswer
from services.query.entrypoints.strict_json import StrictJsonRoute
from services.query.handlers import commanding
from services.query.handlers.importing import read_preview, reprocess_rows, take_in_report
from services.query.settings import Settings
from shared.contracts.names import KIB
from shared.contracts.segments import write_segment

router = APIRouter(prefix="/v1", tags=["imports"], route_class=StrictJsonRoute)

TYPES: Final = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/csv",
    "application/octet-stream",
)
"""What a report may be sent as; which of the formats it is, the file itself says."""

NOT_A_REPORT: Final = f"the body must be the file itself: send it with the header Content-Type: {' or '.join(TYPES)}"
TAKES: Final = {
    "requestBody": {
        "required": True,
        "description": "an .xlsx or CSV report as it was exported, rows removed, or marked in a column `Reprocess`",
        "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in TYPES},
    }
}
REFUSES: Final[dict[int | str, dict[str, Any]]] = {
    415: {**PROBLEMS[415], "description": "The body is not sent as a report is, or with a Content-Encoding"},
    429: {
        **PROBLEMS[429],
        "description": "Too many requests, or too many files are being received at once; see Retry-After",
    },
}
FORM_BYTES: Final = 64 * KIB
"""What the panel's form may add to a file's bytes."""


def longer_bodies(settings: Settings) -> Mapping[str, int]:
    """Return the paths that take a report, the panel's too, and how long a body may be there."""
    most = settings.query_max_import_bytes
    return {"/v1/imports": most, "/imports": most + FORM_BYTES}


@router.post(
    "/imports",
    response_model=ImportAnswer,
    status_code=202,
    responses=REFUSES,
    openapi_extra=TAKES,
    summary="Bring an edited report back",
)
@answered_once
async def request_import(
    request: Request,
    services: ServicesDep,
    caller: ReprocessCaller,
    asked: Annotated[ImportAsked, Query()],
    once: OnceDep,
) -> Response:
    """Answers 202 with a job, which reads the file and sends nothing to anybody: see its rows, then ask for their reprocess.

    Rows are recognised by their kind, affiliate and code. Whatever else was changed in the file is ignored, and nothing in it is run.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in TYPES:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, NOT_A_REPORT)
    job = await take_in_report(
        services.imports,
        services.returned,
        services.commands,
        services.audit,
        caller,
        await request.body(),
        {**once.job_name(), "file_name": asked.name},
        now=services.now,
    )
    return json_answer(import_json(job), 202, {"Location": f"/v1/imports/{write_segment(job.id)}"})


@router.get("/imports", response_model=ImportList, responses=LEAFED_THROUGH, summary="The import jobs, newest first")
async def list_imports(
    request: Request, services: ServicesDep, caller: ReprocessCaller, asked: Annotated[JobsAsked, Query()]
) -> Response:
    """Also those that ended, whatever became of them."""
    page = await commanding.list_imports(services.imports, caller, cursor=asked.cursor, limit=asked.limit)
    return leafed(request, leaf_json(page, import_json))


@router.get(
    "/imports/{job_id}",
    response_model=ImportAnswer,
    responses=LOOKED_AT,
    summary="Progress of an import, and its rows by what a reprocess would do",
)
async def get_import(
    request: Request, services: ServicesDep, caller: ReprocessCaller, job_id: JobPath, _asked: Nothing
) -> Response:
    """Answers from the moment of the 202 on."""
    return checked(request, json_answer(import_json(await commanding.get_import(services.imports, caller, job_id))))


@router.get(
    "/imports/{job_id}/rows",
    response_model=ImportRowList,
    responses=LEAFED_THROUGH,
    summary="The chosen rows of an import, one by one",
)
async def list_import_rows(
    request: Request,
    services: ServicesDep,
    caller: ReprocessCaller,
    job_id: JobPath,
    asked: Annotated[ImportRowsAsked, Query()],
) -> Response:
    """As they stood when the file was read. 409 while the job is not done."""
    page = await read_preview(
        services.imports,
        services.returned,
        caller,
        job_id,
        states=asked.state,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    return leafed(request, leaf_json(page, import_row_json))


@router.post(
    "/imports/{job_id}/reprocess",
    response_model=ReprocessAnswer,
    status_code=202,
    summary="Send the rows of an import to their connectors again",
)
@answered_once
async def reprocess_import(
    services: ServicesDep,
    caller: ReprocessCaller,
    job_id: JobPath,
    body: ImportReprocessBody,
    _asked: Nothing,
    once: OnceDep,
) -> Response:
    """Answers 202 with one reprocess job. Each row is looked at again before it is sent: what succeeded since the preview is skipped."""
    job = await reprocess_rows(
        services.imports,
        services.returned,
        services.reprocesses,
        services.commands,
        services.audit,
        caller,
        job_id,
        {**once.job_name(), "reason": body.reason, "max_per_second": body.max_per_second},
        kind=body.kind,
        numbers=body.numbers,
        now=services.now,
    )
    return json_answer(reprocess_json(job), 202, {"Location": f"/v1/reprocess/{write_segment(job.id)}"})


@router.delete("/imports/{job_id}", response_model=ImportAnswer, status_code=202, summary="Cancel an import job")
async def cancel_import(
    services: ServicesDep, caller: ReprocessCaller, job_id: JobPath, asked: Annotated[CancelAsked, Query()]
) -> Response:
    """A queued job ends at once, a running one at its next step; no file is left."""
    job = await commanding.cancel_import(
        services.imports, services.audit, caller, job_id, reason=asked.reason, now=services.now
    )
    return json_answer(import_json(job), 202)
