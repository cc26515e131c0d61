"""`/v1/dead-letters`: records that could not be used, and their way back after a fix."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response

from services.query.core.jobs import Job
from services.query.core.permissions import Caller
from services.query.entrypoints.answers import job_json, json_answer
from services.query.entrypoints.auth import AdminCaller, ReadCaller, ReprocessCaller
from services.query.entrypoints.caching import LEAFED_THROUGH, LOOKED_AT, checked, leafed, unkept
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.downloads import letter_file
from services.query.entrypoints.once import OnceDep, answered_once
from services.query.entrypoints.parameters import CancelAsked, JobPath, Nothing, RevealAsked
from services.query.entrypoints.schemas.jobs import DryRunAnswer
from services.query.entrypoints.schemas.letters import (
    EXAMPLE_ID,
    LetterAnswer,
    LetterFilterAsked,
    LetterPageAnswer,
    LettersAsked,
    LetterSummary,
    ReasonAsked,
    ReplayAnswer,
    ReplayBody,
    classes_json,
    letter_json,
    letters_json,
    replay_json,
)
from services.query.entrypoints.strict_json import StrictJsonRoute
from services.query.handlers import commanding, dead_letters
from shared.contracts.commands import parse_command
from shared.contracts.dead_letters import PARAMETERS, LetterFilter, LetterId, ReplayCommand
from shared.contracts.segments import write_segment

router = APIRouter(prefix="/v1", tags=["dead letters"], route_class=StrictJsonRoute)

LetterPath = Annotated[LetterId, Path(description="the id that the list gave", examples=[EXAMPLE_ID])]
DRY_RUN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": DryRunAnswer, "description": "`dry_run`: what would be done"}
}


@router.get(
    "/dead-letters",
    response_model=LetterPageAnswer,
    responses=LEAFED_THROUGH,
    summary="Records that could not be used, newest first",
)
async def list_letters(
    request: Request, services: ServicesDep, caller: ReadCaller, asked: Annotated[LettersAsked, Query()]
) -> Response:
    """Several values of one parameter are alternatives, different parameters narrow. They are kept for 30 days, unless the operator says otherwise."""
    rows = letter_rows(request)
    page = await dead_letters.list_letters(services.letters, caller, rows, cursor=asked.cursor, limit=asked.limit)
    return leafed(request, letters_json(page))


@router.get(
    "/dead-letters/summary", response_model=LetterSummary, responses=LOOKED_AT, summary="Dead letters by error class"
)
async def count_letters(
    request: Request, services: ServicesDep, caller: ReadCaller, _asked: Annotated[LetterFilterAsked, Query()]
) -> Response:
    """The same filter as the list."""
    found = await dead_letters.count_classes(services.letters, caller, letter_rows(request))
    return checked(request, json_answer(classes_json(found)))


@router.post(
    "/dead-letters/replay",
    response_model=ReplayAnswer,
    status_code=202,
    responses=DRY_RUN,
    summary="Send dead letters back to their topics",
)
@answered_once
async def replay_letters(
    services: ServicesDep, caller: ReprocessCaller, body: ReplayBody, _asked: Nothing, once: OnceDep
) -> Response:
    """Answers 202 with a job; the same `id` and body again is the same job. Only open letters that stood there before are sent.

    With `dry_run` it changes nothing.
    """
    caller.require_account(body.account)
    said = {**once.job_name(), "requested_by": caller.name, **body.model_dump(exclude_none=True, exclude={"dry_run"})}
    command = parse_command(ReplayCommand, {**said, "account": caller.account})
    if body.dry_run:
        found = await dead_letters.preview_replay(services.letters, caller, command)
        return json_answer({"matched": found.matched, "eligible": found.eligible, "skipped": dict(found.skipped)})
    return await _accepted(services, caller, command)


@router.get(
    "/dead-letters/replays/{job_id}",
    response_model=ReplayAnswer,
    responses=LOOKED_AT,
    summary="Progress and outcome of a replay job",
)
async def get_replay(
    request: Request, services: ServicesDep, caller: ReadCaller, job_id: JobPath, _asked: Nothing
) -> Response:
    """Answers from the moment of the 202 on. A letter that failed again stands in the list anew, with `previous`."""
    return checked(request, json_answer(_job(await commanding.get_replay(services.replays, caller, job_id))))


@router.delete(
    "/dead-letters/replays/{job_id}", response_model=ReplayAnswer, status_code=202, summary="Cancel a replay job"
)
async def cancel_replay(
    services: ServicesDep, caller: ReprocessCaller, job_id: JobPath, asked: Annotated[CancelAsked, Query()]
) -> Response:
    """A queued job ends at once, a running one after the letters in hand; letters already sent stay sent."""
    job = await commanding.cancel_replay(
        services.replays, services.audit, caller, job_id, reason=asked.reason, now=services.now
    )
    return json_answer(_job(job), 202)


@router.get(
    "/dead-letters/{letter_id}",
    response_model=LetterAnswer,
    responses=LOOKED_AT,
    summary="One dead letter with its content",
)
async def get_letter(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    letter_id: LetterPath,
    asked: Annotated[RevealAsked, Query()],
) -> Response:
    """Personal data is masked; bytes that are not text cannot be masked and are withheld.

    `reveal=true` with a `reason` shows it as it came, other than UTF-8 in base64, to a key with the scope `admin`, and writes
    down who looked at what, when and why.
    """
    if not asked.reveal:
        masked = await dead_letters.get_letter(services.letters, caller, letter_id)
        return checked(request, json_answer(letter_json(masked)))
    shown = await dead_letters.reveal_letter(
        services.letters, services.audit, caller, letter_id, asked.reason, now=services.now()
    )
    return unkept(json_answer(letter_json(shown)))


@router.get(
    "/dead-letters/{letter_id}/raw",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
    summary="The record's value, byte for byte",
)
async def get_raw_letter(
    services: ServicesDep, caller: AdminCaller, letter_id: LetterPath, asked: Annotated[ReasonAsked, Query()]
) -> Response:
    """As a file, never shown by a browser. Nothing in it is masked: it needs the scope `admin`, and the `reason` is written down."""
    letter = await dead_letters.open_letter(
        services.letters, services.audit, caller, letter_id, asked.reason, now=services.now()
    )
    return unkept(letter_file(letter))


@router.post(
    "/dead-letters/{letter_id}/replay",
    response_model=ReplayAnswer,
    status_code=202,
    summary="Send one dead letter back to its topic",
)
@answered_once
async def replay_letter(
    services: ServicesDep, caller: ReprocessCaller, letter_id: LetterPath, _asked: Nothing, once: OnceDep
) -> Response:
    """409 when it was replayed already, or came from a topic that nothing goes back to."""
    # An earlier try under the key may have made the job, and the job sent the letter: it is open no more, and this is still that job.
    if once.operation is None or not await commanding.was_requested(services.replays, caller, once.operation):
        await dead_letters.check_open(services.letters, caller, letter_id)
    said = {**once.job_name(), "account": caller.account, "requested_by": caller.name, "letters": [letter_id]}
    command = parse_command(ReplayCommand, said)
    return await _accepted(services, caller, command)


def letter_rows(request: Request) -> LetterFilter:
    """Return the filter that the address writes. Raise InvalidFilter."""
    asked = request.query_params
    return LetterFilter.parse({name: asked.getlist(name) for name in PARAMETERS if name in asked})


async def _accepted(services: ServicesDep, caller: Caller, command: ReplayCommand) -> Response:
    job = await commanding.request_replay(
        services.replays, services.commands, services.audit, caller, command, now=services.now
    )
    return json_answer(_job(job), 202, {"Location": f"/v1/dead-letters/replays/{write_segment(job.id)}"})


def _job(job: Job) -> dict[str, Any]:
    return replay_json(job, job_json(job))
