"""`/v1/errors`: the error catalogue."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.entrypoints.answers import error_code_json, in_language, json_answer
from services.query.entrypoints.auth import ReadCaller
from services.query.entrypoints.caching import LOOKED_AT, checked
from services.query.entrypoints.parameters import Asked, LanguageDep
from services.query.entrypoints.schemas.entries import ErrorCatalogue
from shared.contracts.catalogue import CATALOGUE

router = APIRouter(prefix="/v1", tags=["errors"])


@router.get(
    "/errors",
    response_model=ErrorCatalogue,
    responses=LOOKED_AT,
    summary="The error catalogue, with guidance and retry advice",
)
async def list_errors(
    request: Request, _caller: ReadCaller, language: LanguageDep, _asked: Annotated[Asked, Query()]
) -> Response:
    """In Portuguese, English or Spanish."""
    rows = [error_code_json(error, language) for error in CATALOGUE.values()]
    return checked(request, in_language(json_answer({"language": language, "items": rows}), language))
