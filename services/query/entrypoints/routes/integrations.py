"""`/v1/integrations`: register, read, change, pause, remove; how each does, and affiliates that nobody registered."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from services.query.core.integration import Integration, Marketplaces
from services.query.core.permissions import Caller
from services.query.core.preconditions import ANY, Expected, read_tags
from services.query.entrypoints.answers import json_answer
from services.query.entrypoints.auth import AdminCaller, ReadCaller
from services.query.entrypoints.caching import LOOKED_AT, OURS, checked
from services.query.entrypoints.conditional import (
    CHANGED,
    MADE,
    READ,
    TAGGED,
    IfMatch,
    IfNoneMatchTag,
    ReasonAllowed,
    Why,
)
from services.query.entrypoints.dependencies import Services, ServicesDep
from services.query.entrypoints.once import OnceDep, answered_once
from services.query.entrypoints.parameters import AffiliatePath
from services.query.entrypoints.schemas.integration_answers import IntegrationAnswer, IntegrationList, integration_json
from services.query.entrypoints.schemas.integration_bodies import (
    IfNoneMatch,
    IntegrationAsked,
    IntegrationBody,
    IntegrationPatch,
    IntegrationsAsked,
    NewIntegrationBody,
    fields_of,
)
from services.query.entrypoints.strict_json import StrictJsonRoute
from services.query.handlers import registry
from services.query.handlers.freshness import check_health, list_unregistered
from services.query.handlers.registry import AlreadyRegistered
from shared.contracts.errors import PreconditionMissing, Stale
from shared.contracts.segments import write_segment

router = APIRouter(prefix="/v1", tags=["integrations"], route_class=StrictJsonRoute)

KEPT: Final = frozenset({"mask_at_write", "automatic_retries", "paused"})
"""What a PUT that does not speak of it leaves as it is."""


@router.get("/integrations", response_model=IntegrationList, responses=LOOKED_AT, summary="The registered integrations")
async def list_integrations(
    request: Request, services: ServicesDep, caller: ReadCaller, asked: Annotated[IntegrationsAsked, Query()]
) -> Response:
    """By affiliate, removed ones too, until `state` narrows. `state=unregistered` lists affiliates that only events speak of."""
    found = await registry.list_integrations(services.registry, caller)
    known = Marketplaces(found)
    rows = [one for one in found if not asked.state or one.standing in asked.state]
    if "unregistered" in asked.state:
        rows += [Integration(name, name) for name in await list_unregistered(services.freshness, caller, known)]
    rows.sort(key=lambda one: one.affiliate)
    told = await check_health(services.freshness, caller, rows, now=services.now()) if asked.health else {}
    is_admin = caller.may("admin")
    items = [
        integration_json(one, is_admin=is_admin, health=told.get(one.affiliate), standing=known.standing(one.affiliate))
        for one in rows
    ]
    return checked(request, json_answer({"items": items}))


@router.post(
    "/integrations",
    response_model=IntegrationAnswer,
    status_code=201,
    responses={201: MADE},
    summary="Register an integration",
)
@answered_once
async def create_integration(
    services: ServicesDep, caller: AdminCaller, body: NewIntegrationBody, why: Why, once: OnceDep
) -> Response:
    """409 when the affiliate is registered. One that was removed is registered again."""
    return await _create(services, caller, body.affiliate, body, why, once.operation)


@router.get(
    "/integrations/{affiliate}",
    response_model=IntegrationAnswer,
    responses=READ,
    summary="One integration",
)
async def get_integration(
    request: Request,
    services: ServicesDep,
    caller: ReadCaller,
    affiliate: AffiliatePath,
    asked: Annotated[IntegrationAsked, Query()],
    _if_none_match: IfNoneMatchTag = None,
) -> Response:
    """404 for an affiliate that was never registered, though it may have entries. A removed one is told as such."""
    found = await registry.get_integration(services.registry, caller, affiliate)
    if asked.health:
        told = await check_health(services.freshness, caller, [found], now=services.now())
        # Weak, and over its bytes: it changes with every event, and names no revision that `If-Match` would take.
        return checked(
            request, json_answer(integration_json(found, is_admin=caller.may("admin"), health=told[affiliate]))
        )
    return checked(request, _answer(found, caller))


@router.put(
    "/integrations/{affiliate}",
    response_model=IntegrationAnswer,
    responses={**CHANGED, 201: {"model": IntegrationAnswer, "description": "Registered", **TAGGED}},
    summary="Register an integration, or replace what is registered",
)
async def put_integration(
    services: ServicesDep,
    caller: AdminCaller,
    affiliate: AffiliatePath,
    body: IntegrationBody,
    why: Why,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """With `If-None-Match: *` it only registers, with `If-Match` it only replaces; with neither it registers what is not there. Both together are 412.

    What the body leaves out is the default, but `mask_at_write`, `automatic_retries` and `paused` stay: whoever renames must not open what was closed.
    """
    only_new = ANY in (read_tags(if_none_match) or ())
    if only_new and if_match is not None:
        raise Stale("`If-None-Match: *` only registers and `If-Match` only replaces: send one of them")
    if if_match is None:
        return await _register(services, caller, affiliate, body, why, only_new=only_new)
    said = {name: value for name, value in body.model_dump().items() if value is not None or name not in KEPT}
    return await _change(services, caller, affiliate, fields_of(said), if_match, why)


@router.patch(
    "/integrations/{affiliate}",
    response_model=IntegrationAnswer,
    responses=CHANGED,
    summary="Change, pause or resume an integration",
)
async def patch_integration(
    services: ServicesDep,
    caller: AdminCaller,
    affiliate: AffiliatePath,
    body: IntegrationPatch,
    why: Why,
    if_match: IfMatch = None,
) -> Response:
    """Sets the fields of the body alone. While `paused`, events are taken and shown, and nothing is sent to the connector."""
    return await _change(services, caller, affiliate, body.said(), if_match, why, is_patch=True)


@router.delete(
    "/integrations/{affiliate}",
    response_model=IntegrationAnswer,
    responses=CHANGED,
    summary="Remove an integration",
)
async def remove_integration(
    services: ServicesDep, caller: AdminCaller, affiliate: AffiliatePath, why: Why, if_match: IfMatch = None
) -> Response:
    """Its entries stay and further events are taken; lists show them as not registered. It can be registered again."""
    removed = await registry.remove_integration(
        services.registry,
        services.audit,
        caller,
        affiliate,
        Expected(read_tags(if_match)),
        reason=why.reason,
        now=services.now,
    )
    return _answer(removed, caller)


async def _register(
    services: Services, caller: Caller, affiliate: str, body: IntegrationBody, why: ReasonAllowed, *, only_new: bool
) -> Response:
    try:
        return await _create(services, caller, affiliate, body, why)
    except AlreadyRegistered as error:
        raise (Stale if only_new else PreconditionMissing)(str(error)) from error


async def _create(
    services: Services,
    caller: Caller,
    affiliate: str,
    body: IntegrationBody,
    why: ReasonAllowed,
    operation: str | None = None,
) -> Response:
    said = {name: value for name, value in body.model_dump(exclude={"affiliate"}).items() if value is not None}
    made = await registry.create_integration(
        services.registry,
        services.audit,
        caller,
        affiliate,
        fields_of(said),
        operation=operation,
        reason=why.reason,
        now=services.now,
    )
    return _answer(made, caller, 201)


async def _change(
    services: Services,
    caller: Caller,
    affiliate: str,
    changes: Mapping[str, Any],
    if_match: str | None,
    why: ReasonAllowed,
    *,
    is_patch: bool = False,
) -> Response:
    changed = await registry.change_integration(
        services.registry,
        services.audit,
        caller,
        affiliate,
        changes,
        Expected(read_tags(if_match)),
        is_patch=is_patch,
        reason=why.reason,
        now=services.now,
    )
    return _answer(changed, caller)


def _answer(integration: Integration, caller: Caller, status: int = 200) -> Response:
    told = integration_json(integration, is_admin=caller.may("admin"))
    headers = {"ETag": told["etag"], **OURS}
    if status == 201:  # noqa: PLR2004  # HTTP's own
        headers["Location"] = f"/v1/integrations/{write_segment(integration.affiliate)}"
    return json_answer(told, status, headers)
