"""`/v1/logs`: lists, entries, their history, what changed since they last worked."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from services.query.core.actions import Revealed
from services.query.core.permissions import Caller
from services.query.core.retries import coming_retry
from services.query.entrypoints.answers import attempts_json, entry_json, in_language, json_answer, page_json
from services.query.entrypoints.auth import ReadCaller
from services.query.entrypoints.caching import (
    CHECKED,
    LEAFED_THROUGH,
    LINKED,
    NOT_MODIFIED,
    checked,
    linked,
    unkept,
)
from services.query.entrypoints.dependencies import Services, ServicesDep
from services.query.entrypoints.parameters import (
    AffiliatePath,
    CodePath,
    HistoryAsked,
    KindPath,
    LanguageDep,
    ListAsked,
    RevealAsked,
    fields_of,
    rows_of,
)
from services.query.entrypoints.quick_route import QuickRoute
from services.query.entrypoints.schemas.diff import DiffAnswer, diff_json
from services.query.entrypoints.schemas.entries import AttemptPageAnswer, EntryAnswer, EntryItem, EntryPage
from services.query.handlers import auditing, comparing, reading
from services.query.handlers.registry import beside_marketplaces
from shared.contracts.events import entry_id

router = APIRouter(prefix="/v1", tags=["logs"], route_class=QuickRoute)

PARTIAL: Final = "application/vnd.ponte.partial+json"
"""Pages of which `fields` told what to show have a type, and so a schema, of their own."""

PARTIAL_PAGE: Final = {"$ref": "#/components/schemas/PartialPage"}
ITEM_FIELDS: Final = tuple(EntryItem.model_fields)


@router.get(
    "/logs/{kind}",
    response_model=EntryPage,
    responses={
        200: {
            "headers": {**LINKED, **CHECKED},
            "content": {PARTIAL: {"schema": PARTIAL_PAGE}},
        },
        **NOT_MODIFIED,
    },
    summary="Entries that a filter lets pass, a page at a time",
)
async def list_logs(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    kind: KindPath,
    asked: Annotated[ListAsked, Query()],
) -> Response:
    """Newest first by default; several values of one parameter are alternatives, different parameters narrow.

    A page looks at no more than 50 keys of an index for each row asked for. Where few rows fit it may be short, or empty, and
    `complete` is false: follow the cursor, and every row is told once. `total` is exact up to 10,000 where counting is cheap, else
    `at_least` so many; from 1,000 on it may have been counted up to a second ago. A question that cannot be answered in time is 503, and its `detail` says what to narrow.
    """
    rows, fields = rows_of(request, kind=[kind]), fields_of(asked.fields, ITEM_FIELDS)
    found = reading.list_logs(services.log, caller, rows, cursor=asked.cursor, limit=asked.limit, sort=asked.sort)
    page, names = await beside_marketplaces(services.registry, caller, found)
    answer = in_language(linked(request, page_json(page, names, language, fields)), language)
    if fields:
        answer.headers["Content-Type"] = PARTIAL
    return checked(request, answer)


@router.get(
    "/logs/{kind}/{affiliate}/{code}",
    response_model=EntryAnswer,
    responses={200: {"headers": CHECKED}, **NOT_MODIFIED},
    summary="One entry, with its causes and guidance",
)
async def get_entry(
    request: Request,
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
    is_revealed = await _is_revealed(services, caller, asked, (kind, affiliate, code), "entry.revealed")
    found = reading.get_entry(services.log, caller, kind, affiliate, code, is_revealed=is_revealed)
    entry, names = await beside_marketplaces(services.registry, caller, found)
    streak = await reading.find_streak(services.log, caller, entry)
    retry_at = coming_retry(entry, names, services.settings.retry_delays, now=services.now())
    answer = in_language(json_answer(entry_json(entry, streak, names, language, retry_at=retry_at)), language)
    return unkept(answer) if is_revealed else checked(request, answer)


@router.get(
    "/logs/{kind}/{affiliate}/{code}/attempts",
    response_model=AttemptPageAnswer,
    responses=LEAFED_THROUGH,
    summary="Every processing of one item, newest first",
)
async def list_attempts(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    kind: KindPath,
    affiliate: AffiliatePath,
    code: CodePath,
    asked: Annotated[HistoryAsked, Query()],
) -> Response:
    """Attempts are kept as long as the retention says; the entry counts the older ones too."""
    is_revealed = await _is_revealed(services, caller, asked, (kind, affiliate, code), "attempts.revealed")
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
    answer = in_language(linked(request, attempts_json(page, language)), language)
    return unkept(answer) if is_revealed else checked(request, answer)


@router.get(
    "/logs/{kind}/{affiliate}/{code}/diff",
    response_model=DiffAnswer,
    responses={200: {"headers": CHECKED}, **NOT_MODIFIED},
    summary="What changed on an item since it last worked",
)
async def get_diff(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    kind: KindPath,
    affiliate: AffiliatePath,
    code: CodePath,
    asked: Annotated[RevealAsked, Query()],
) -> Response:
    """Status, causes and payload, then and now; `basis` and `payload.reason` say where that cannot be told any more."""
    is_revealed = await _is_revealed(services, caller, asked, (kind, affiliate, code), "diff.revealed")
    found = await comparing.compare_with_last_success(
        services.log, caller, kind, affiliate, code, is_revealed=is_revealed
    )
    answer = in_language(json_answer(diff_json(found, language)), language)
    return unkept(answer) if is_revealed else checked(request, answer)


async def _is_revealed(
    services: Services, caller: Caller, asked: RevealAsked, item: tuple[str, str, str], action: Revealed
) -> bool:
    if asked.reveal:
        entry = entry_id(caller.account, *item)
        await auditing.record_reveal(services.audit, caller, entry, action, asked.reason, now=services.now())
    return asked.reveal
