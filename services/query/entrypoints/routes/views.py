"""`/v1/views`: the account's saved views: a filter and its order, under a name."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from services.query.core.permissions import Caller
from services.query.core.preconditions import Expected, read_tags
from services.query.core.view import View
from services.query.entrypoints.answers import json_answer
from services.query.entrypoints.auth import AdminCaller, ReadCaller
from services.query.entrypoints.caching import LOOKED_AT, OURS, checked
from services.query.entrypoints.conditional import CHANGED, MADE, READ, IfMatch, IfNoneMatchTag, Why
from services.query.entrypoints.dependencies import Services, ServicesDep
from services.query.entrypoints.once import OnceDep, answered_once
from services.query.entrypoints.parameters import Nothing
from services.query.entrypoints.schemas.views import ViewAnswer, ViewBody, ViewList, ViewPatch, ViewPath, view_json
from services.query.entrypoints.strict_json import StrictJsonRoute
from services.query.handlers import views

router = APIRouter(prefix="/v1", tags=["views"], route_class=StrictJsonRoute)


@router.get("/views", response_model=ViewList, responses=LOOKED_AT, summary="The account's saved views")
async def list_views(request: Request, services: ServicesDep, caller: ReadCaller, _asked: Nothing) -> Response:
    """By name, of all kinds: 200 at most, so there are no pages."""
    found = await views.list_views(services.views, caller)
    return checked(request, json_answer({"items": [view_json(view) for view in found]}))


@router.post("/views", response_model=ViewAnswer, status_code=201, responses={201: MADE}, summary="Save a view")
@answered_once
async def create_view(services: ServicesDep, caller: AdminCaller, body: ViewBody, why: Why, once: OnceDep) -> Response:
    """409 when a view has the name, whatever its case, or when the account has 200 views."""
    made = await views.create_view(
        services.views,
        services.audit,
        caller,
        **body.model_dump(),
        reason=why.reason,
        operation=once.operation,
        now=services.now,
    )
    return _answer(made, 201, {"Location": f"/v1/views/{made.id}"})


@router.get("/views/{view_id}", response_model=ViewAnswer, responses=READ, summary="One saved view")
async def get_view(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    view_id: ViewPath,
    _asked: Nothing,
    _if_none_match: IfNoneMatchTag = None,
) -> Response:
    """`filter` is a part of an address: `/v1/logs/{kind}`, `/v1/summary` and `/v1/stream` take it as it is."""
    found = await views.get_view(services.views, caller, view_id)
    return checked(request, _answer(found))


@router.put("/views/{view_id}", response_model=ViewAnswer, responses=CHANGED, summary="Replace a saved view")
async def put_view(
    services: ServicesDep, caller: AdminCaller, view_id: ViewPath, body: ViewBody, why: Why, if_match: IfMatch = None
) -> Response:
    """What the body leaves out is the default. 404 for a view that is not there: `POST /v1/views` names new ones itself."""
    return await _change(services, caller, view_id, body.model_dump(), if_match, why.reason)


@router.patch("/views/{view_id}", response_model=ViewAnswer, responses=CHANGED, summary="Change a saved view")
async def patch_view(
    services: ServicesDep, caller: AdminCaller, view_id: ViewPath, body: ViewPatch, why: Why, if_match: IfMatch = None
) -> Response:
    """Sets the fields of the body alone."""
    return await _change(services, caller, view_id, body.changes(), if_match, why.reason)


@router.delete("/views/{view_id}", response_model=ViewAnswer, responses=CHANGED, summary="Remove a saved view")
async def remove_view(
    services: ServicesDep, caller: AdminCaller, view_id: ViewPath, why: Why, if_match: IfMatch = None
) -> Response:
    """Answers the view as it was last, for 24 hours also whoever sends it again with the same `If-Match`. Its address goes on working."""
    removed = await views.remove_view(
        services.views,
        services.audit,
        caller,
        view_id,
        Expected(read_tags(if_match)),
        reason=why.reason,
        now=services.now,
    )
    return _answer(removed)


async def _change(
    services: Services, caller: Caller, view_id: str, changes: Mapping[str, Any], if_match: str | None, reason: str
) -> Response:
    changed = await views.change_view(
        services.views,
        services.audit,
        caller,
        view_id,
        changes,
        Expected(read_tags(if_match)),
        reason=reason,
        now=services.now,
    )
    return _answer(changed)


def _answer(view: View, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    told = view_json(view)
    return json_answer(told, status, {"ETag": told["etag"], **OURS, **(headers or {})})
