"""`/v1/groups`: root causes."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.entrypoints.answers import in_language, json_answer
from services.query.entrypoints.auth import ReadCaller
from services.query.entrypoints.caching import LOOKED_AT, checked
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.parameters import GroupsAsked, LanguageDep, rows_of
from services.query.entrypoints.schemas.groups import GroupList, groups_json
from services.query.handlers import grouping
from services.query.handlers.registry import beside_marketplaces

router = APIRouter(prefix="/v1", tags=["groups"])


@router.get(
    "/groups", response_model=GroupList, responses=LOOKED_AT, summary="Root causes of what failed, most items first"
)
async def list_groups(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    language: LanguageDep,
    asked: Annotated[GroupsAsked, Query()],
) -> Response:
    """The same filter as the lists, over one, several or all kinds: `count` is what `/v1/logs/{kind}` has under it and this `group`.

    An item counts as it stands now: what works again, or fails otherwise, left the group with all its days. An item with several
    causes counts in each of their groups. There are no pages: narrow the filter, or ask for up to 100.

    Up to 5,000 rows are read whole. Of more, a filter of `kind affiliate group from to stale_since` has each group counted along its index,
    `exact` up to 10,000, or 2,000 where very many have more, and up to 500 groups of a kind, those of the newest items first. Any other filter
    counts the first 5,000 rows, newest first where an index has them so: then every count is `at_least`. `complete` is false wherever
    something may be missing; among groups of as many items the one seen last comes first.

    What took more than 20 ms to count is told again for twenty times as long, and while it is counted anew, half a minute at most.
    """
    found = grouping.list_groups(services.groups, caller, rows_of(request), limit=asked.limit, now=services.now)
    groups, names = await beside_marketplaces(services.registry, caller, found)
    return checked(request, in_language(json_answer(groups_json(groups, names, language)), language))
