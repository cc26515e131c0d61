"""`/v1/keys`: the account's API keys. A secret is in the answer that makes it, and nowhere else."""

from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from services.query.entrypoints.answers import json_answer, leaf_json
from services.query.entrypoints.auth import AdminCaller
from services.query.entrypoints.caching import LEAFED_THROUGH, LOOKED_AT, checked, leafed
from services.query.entrypoints.dependencies import Services, ServicesDep
from services.query.entrypoints.once import OnceDep, answered_once
from services.query.entrypoints.parameters import CancelAsked, Nothing
from services.query.entrypoints.schemas.keys import (
    KeyAnswer,
    KeyBody,
    KeyList,
    KeysAsked,
    NewKeyAnswer,
    RotateBody,
    key_json,
)
from services.query.entrypoints.strict_json import StrictJsonRoute
from services.query.handlers import keys
from services.query.handlers.keys import NewKey

router = APIRouter(prefix="/v1", tags=["keys"], route_class=StrictJsonRoute)

KeyPath = Annotated[
    str, Path(pattern="^[A-Za-z0-9_-]{1,64}$", description="the key's id, no secret", examples=["4f1c0f6e2d0b4b39"])
]


@router.post("/keys", response_model=NewKeyAnswer, status_code=201, summary="Make an API key")
@answered_once
async def create_key(
    services: ServicesDep, caller: AdminCaller, body: KeyBody, _asked: Nothing, once: OnceDep
) -> Response:
    """Of your own account, with scopes that you hold yourself. `secret` is told here and never again: keep it."""
    new = await keys.create_key(
        services.credentials,
        services.audit,
        caller,
        name=body.name,
        scopes=set(body.scopes),
        expires_at=body.expires_at,
        reason=body.reason,
        operation=once.operation,
        now=services.now,
    )
    return _told_once(services, new)


@router.get("/keys", response_model=KeyList, responses=LEAFED_THROUGH, summary="The account's API keys, newest first")
async def list_keys(
    request: Request, services: ServicesDep, caller: AdminCaller, asked: Annotated[KeysAsked, Query()]
) -> Response:
    """Also those that expired or were revoked: they explain lines of the audit."""
    page = await keys.list_keys(services.credentials, caller, cursor=asked.cursor, limit=asked.limit)
    return leafed(request, leaf_json(page, partial(key_json, now=services.now())))


@router.get("/keys/{key_id}", response_model=KeyAnswer, responses=LOOKED_AT, summary="One API key")
async def get_key(
    request: Request, services: ServicesDep, caller: AdminCaller, key_id: KeyPath, _asked: Nothing
) -> Response:
    """Without its secret, of which only the beginning is known."""
    found = await keys.get_key(services.credentials, caller, key_id)
    return checked(request, json_answer(key_json(found, services.now())))


@router.post("/keys/{key_id}/rotate", response_model=NewKeyAnswer, status_code=201, summary="Replace an API key")
@answered_once
async def rotate_key(
    services: ServicesDep, caller: AdminCaller, key_id: KeyPath, body: RotateBody, _asked: Nothing, once: OnceDep
) -> Response:
    """A key of the same name and scopes. The old one works for `overlap_seconds` more; 0 ends it at once.

    409 when the key is over or was replaced already.
    """
    new = await keys.rotate_key(
        services.credentials,
        services.audit,
        caller,
        key_id,
        overlap=timedelta(seconds=body.overlap_seconds),
        expires_at=body.expires_at,
        reason=body.reason,
        operation=once.operation,
        now=services.now,
    )
    return _told_once(services, new)


@router.delete("/keys/{key_id}", response_model=KeyAnswer, summary="Revoke an API key")
async def revoke_key(
    services: ServicesDep, caller: AdminCaller, key_id: KeyPath, asked: Annotated[CancelAsked, Query()]
) -> Response:
    """It is good no more, here at once and in other processes within 5 s, and neither are the panel's sessions that it opened.

    Again changes nothing.
    """
    revoked = await keys.revoke_key(
        services.credentials, services.audit, caller, key_id, reason=asked.reason, now=services.now
    )
    return json_answer(key_json(revoked, services.now()))


def _told_once(services: Services, new: NewKey) -> Response:
    body = {**key_json(new.key, services.now()), "secret": new.secret}
    return json_answer(body, 201, {"Location": f"/v1/keys/{new.key.id}", "Cache-Control": "no-store"})
