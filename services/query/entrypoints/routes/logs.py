"""`/v1/logs`: lists, entries, their history."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.core.permissions import Caller
from services.query.entrypoints.answers import attempts_json, entry_json, json_answer, page_json
from services.query.entrypoints.auth import ReadCaller
from services.query.entrypoints.dependencies import Services, ServicesDep
from services.query.entrypoints.parameters import (
    AffiliatePath,
    CodePath,
    HistoryAsked,
    KindPath,
    LanguageDep,
    ListAsked,
    RevealAsked,
    rows_of,
)
from services.query.entrypoints.schemas import AttemptPageAnswer, EntryAnswer, EntryPage
from services.query.handlers import auditing, reading
from services.query.handlers.registry import marketplace_names
from shared.contracts.events import entry_id

router = APIRouter(prefix="/v1", tags=["logs"])


@router.get("/logs/{kind}", response_model=EntryPage, summary="Entries that a filter lets pass, a page at a time")
async def list_logs(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    kind: KindPath,
    asked: Annotated[ListAsked, Query()],
) -> Response:
    """Newest first by default; several values of one parameter are alternatives, different parameters narrow."""
    rows = rows_of(request, kind=[kind])
    page, names = await asyncio.gather(
        reading.list_logs(services.log, caller, rows, cursor=asked.cursor, limit=asked.limit, sort=asked.sort),
        marketplace_names(services.registry, caller),
    )
    return json_answer(page_json(page, names, language))


@router.get(
    "/logs/{kind}/{affiliate}/{code}", response_model=EntryAnswer, summary="One entry, with its causes and guidance"
)
async def get_entry(
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    kind: KindPath,
    affiliate: AffiliatePath,
    code: CodePath,
    asked: Annotated[RevealAsked, Query()],
) -> Response:
    """The payload is the newest one that the connector sent, its personal data masked.

    `reveal=true` with a `reason` shows it to a key with the scope `admin`, and writes down who looked at what, when and why.
    """
    is_revealed = await _is_revealed(services, caller, asked, (kind, affiliate, code), "entry")
    entry, names = await asyncio.gather(
        reading.get_entry(services.log, caller, kind, affiliate, code, is_revealed=is_revealed),
        marketplace_names(services.registry, caller),
    )
    streak = await reading.find_streak(services.log, caller, entry)
    return json_answer(entry_json(entry, streak, names, language))


@router.get(
    "/logs/{kind}/{affiliate}/{code}/attempts",
    response_model=AttemptPageAnswer,
    summary="Every processing of one item, newest first",
)
async def list_attempts(
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    kind: KindPath,
    affiliate: AffiliatePath,
    code: CodePath,
    asked: Annotated[HistoryAsked, Query()],
) -> Response:
    """Attempts are kept as long as the retention says; the entry counts the older ones too."""
    is_revealed = await _is_revealed(services, caller, asked, (kind, affiliate, code), "attempts")
    page = await reading.list_attempts(
        services.log,
        caller,
        kind,
        affiliate,
        code,
        cursor=asked.cursor,
        limit=asked.limit,
        is_revealed=is_revealed,
    )
    return json_answer(attempts_json(page, language))


async def _is_revealed(
    services: Services, caller: Caller, asked: RevealAsked, item: tuple[str, str, str], what: str
) -> bool:
    if asked.reveal:
        entry = entry_id(caller.account, *item)
        await auditing.record_reveal(services.audit, caller, entry, what, asked.reason, now=services.now())
    return asked.reveal
