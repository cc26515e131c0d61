"""`/v1/summary`: counts and a time series."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.entrypoints.answers import in_language, json_answer, summary_json
from services.query.entrypoints.auth import ReadCaller
from services.query.entrypoints.caching import LOOKED_AT, checked
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.parameters import LanguageDep, SummaryAsked, rows_of
from services.query.entrypoints.quick_route import QuickRoute
from services.query.entrypoints.schemas.entries import SummaryAnswer
from services.query.handlers.insights import summarize

router = APIRouter(prefix="/v1", tags=["summary"], route_class=QuickRoute)


@router.get(
    "/summary",
    response_model=SummaryAnswer,
    responses=LOOKED_AT,
    summary="Counts by kind, status, affiliate and cause; a time series",
)
async def get_summary(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    asked: Annotated[SummaryAsked, Query()],
) -> Response:
    """The same filter as the lists, over one, several or all kinds. Narrow it when the answer is 503."""
    found = await summarize(services.counts, caller, rows_of(request), bucket=asked.bucket)
    return checked(request, in_language(json_answer(summary_json(found, language)), language))
