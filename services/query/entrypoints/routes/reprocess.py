"""`/v1/reprocess`: one item, chosen ones, or all that a filter lets pass, sent to their connectors again."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.query.entrypoints.answers import json_answer, leaf_json, reprocess_json
from services.query.entrypoints.auth import ReadCaller, ReprocessCaller
from services.query.entrypoints.caching import LEAFED_THROUGH, LOOKED_AT, checked, leafed
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.once import OnceDep, answered_once
from services.query.entrypoints.parameters import CancelAsked, JobPath, Nothing, ReprocessBody, ReprocessesAsked
from services.query.entrypoints.schemas.jobs import (
    ReprocessAnswer,
    ReprocessDryRunAnswer,
    ReprocessList,
    ReprocessStanding,
    outcome_json,
    preview_json,
)
from services.query.entrypoints.strict_json import StrictJsonRoute
from services.query.handlers import commanding
from services.query.handlers.outcomes import follow_reprocess
from services.query.handlers.previewing import preview_reprocess
from services.query.handlers.registry import marketplace_names
from shared.contracts.commands import ReprocessCommand, parse_command
from shared.contracts.segments import write_segment

router = APIRouter(prefix="/v1", tags=["reprocess"], route_class=StrictJsonRoute)

DRY_RUN: dict[int | str, dict[str, Any]] = {
    200: {"model": ReprocessDryRunAnswer, "description": "`dry_run`: what would be done"}
}


@router.post(
    "/reprocess",
    response_model=ReprocessAnswer,
    status_code=202,
    responses=DRY_RUN,
    summary="Send failed items to their connectors again",
)
@answered_once
async def request_reprocess(
    services: ServicesDep, caller: ReprocessCaller, body: ReprocessBody, _asked: Nothing, once: OnceDep
) -> Response:
    """Answers 202 with a job; the same `id` and body again is the same job. With `dry_run` it changes nothing."""
    caller.require_account(body.account)
    said = {
        **once.job_name(),
        "requested_by": caller.name,
        **body.model_dump(exclude_none=True),
        "account": caller.account,
    }
    command = parse_command(ReprocessCommand, said)
    if command.dry_run:
        off = (await marketplace_names(services.registry, caller)).off(command.kind)
        return json_answer(preview_json(await preview_reprocess(services.entries, caller, command, off=off)))
    job = await commanding.request_reprocess(
        services.reprocesses, services.commands, services.audit, caller, command, now=services.now
    )
    return json_answer(reprocess_json(job), 202, {"Location": f"/v1/reprocess/{write_segment(job.id)}"})


@router.get(
    "/reprocess", response_model=ReprocessList, responses=LEAFED_THROUGH, summary="The reprocess jobs, newest first"
)
async def list_reprocesses(
    request: Request, services: ServicesDep, caller: ReadCaller, asked: Annotated[ReprocessesAsked, Query()]
) -> Response:
    """Also those that ended, whatever became of them. `automatic` tells of the retries that nobody asked for instead: of a week."""
    page = await commanding.list_reprocesses(
        services.reprocesses, caller, automatic=asked.automatic, cursor=asked.cursor, limit=asked.limit
    )
    return leafed(request, leaf_json(page, reprocess_json))


@router.get(
    "/reprocess/{job_id}",
    response_model=ReprocessStanding,
    responses=LOOKED_AT,
    summary="Progress and outcome of a reprocess job",
)
async def get_reprocess(
    request: Request, services: ServicesDep, caller: ReadCaller, job_id: JobPath, _asked: Nothing
) -> Response:
    """Answers from the moment of the 202 on. `outcome` counts the entries that carry this job's mark, as they stand now.

    Each entry carries the newest job's mark only: one that a later job took over is no longer counted here.
    """
    job, outcome = await follow_reprocess(services.reprocesses, services.outcomes, caller, job_id)
    return checked(request, json_answer({**reprocess_json(job), "outcome": outcome_json(outcome)}))


@router.delete("/reprocess/{job_id}", response_model=ReprocessAnswer, status_code=202, summary="Cancel a reprocess job")
async def cancel_reprocess(
    services: ServicesDep, caller: ReprocessCaller, job_id: JobPath, asked: Annotated[CancelAsked, Query()]
) -> Response:
    """A queued job ends at once, an automatic one when its worker has marked what it leaves, a running one after the items in hand; items already sent stay sent."""
    job = await commanding.cancel_reprocess(
        services.reprocesses, services.audit, caller, job_id, reason=asked.reason, now=services.now
    )
    return json_answer(reprocess_json(job), 202)
