"""`/openapi.json`: what may be asked, and what is answered; public. FastAPI's own route sends it whole each time."""

from fastapi import APIRouter, Request, Response

from services.query.entrypoints.answers import json_answer
from services.query.entrypoints.caching import checked

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def get_schema(request: Request) -> Response:
    """Return the schema, or 304 to who has it."""
    return checked(request, json_answer(request.app.openapi()))
