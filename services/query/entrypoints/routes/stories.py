"""`/v1/stories`: whatever has an id, across kinds and affiliates, on one time line."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.entrypoints.answers import in_language
from services.query.entrypoints.auth import ReadCaller
from services.query.entrypoints.caching import LEAFED_THROUGH, checked, linked
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.parameters import ItemIdPath, LanguageDep, StoryAsked
from services.query.entrypoints.schemas.stories import StoryAnswer, story_json
from services.query.handlers.registry import beside_marketplaces
from services.query.handlers.telling import tell_story

router = APIRouter(prefix="/v1", tags=["stories"])


@router.get(
    "/stories/{item_id}",
    response_model=StoryAnswer,
    responses=LEAFED_THROUGH,
    summary="One item across kinds and affiliates, on one time line",
)
async def get_story(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    item_id: ItemIdPath,
    asked: Annotated[StoryAsked, Query()],
) -> Response:
    """Every order, product, tracking, price and stock whose code or alias is, or ever was, exactly this id, whatever its case and accents.

    `timeline` tells their attempts, newest first, a page at a time; `entries` how each stands. Nothing that has the id is 404.
    """
    found = tell_story(services.stories, caller, item_id, kinds=asked.kind, cursor=asked.cursor, limit=asked.limit)
    story, names = await beside_marketplaces(services.registry, caller, found)
    return checked(request, in_language(linked(request, story_json(story, names, language)), language))
