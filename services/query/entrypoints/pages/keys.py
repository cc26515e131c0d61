"""API keys: which there are, and for admins the forms that make, replace and revoke one. A secret is shown once, to who asked for it."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.query.core.keys import ApiKey
from services.query.core.permissions import SCOPES
from services.query.core.repeating import HEADER, Answer, Asked, fingerprint_of
from services.query.entrypoints.once import longest_claim
from services.query.entrypoints.pages.forms import PageAddress, field, fields_of
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.key_form import (
    OVERLAPS,
    KeyForm,
    Sent,
    form_as_sent,
    read_new_key,
    read_revocation,
    read_rotation,
)
from services.query.entrypoints.pages.lists import Visitor
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.keys import NewKey, create_key, get_key, list_keys, revoke_key, rotate_key
from services.query.handlers.repeating import InProgress, answer_once
from shared.contracts.errors import InvalidField, NotEligible, NotFound

FORM_ID: Final = re.compile("[0-9a-f]{32}")
"""Unguessable: what a form was answered is sealed with it."""
USED: Final = frozenset({"used"})
"""The error of a form that was sent before, and said something else then."""

Make = Callable[[str], Awaitable[NewKey]]
"""Makes a key, the same one for the same operation."""

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/keys")
async def show_keys(screen: Visitor, cursor: str = "") -> Response:
    """Show a page of the account's keys, newest first."""
    services = screen.services
    page = await list_keys(services.credentials, screen.caller, cursor=cursor or None)
    return screen.render("keys.html", page=page, address=PageAddress("/keys"), now=services.now())


@router.get("/new-key")
async def show_new(screen: Visitor) -> Response:
    """Show an empty form."""
    screen.caller.require("admin")
    return _show_new(screen, KeyForm(screen.zone))


@router.post("/keys")
async def create(request: Request, screen: Visitor) -> Response:
    """Make a key and show its secret, or show the form again with what cannot be."""
    sent, services, caller = await fields_of(request), screen.services, screen.caller
    caller.require("admin")
    said, errors = read_new_key(sent, screen.zone, now=services.now())
    if said is None:
        return _show_new(screen, form_as_sent(sent, screen.zone, errors))

    async def make(operation: str) -> NewKey:
        return await create_key(
            services.credentials,
            services.audit,
            caller,
            name=said.name,
            scopes=set(said.scopes),
            expires_at=said.expires_at,
            reason=said.reason,
            operation=operation,
            now=services.now,
        )

    told = await _made_once(screen, sent, make)
    return (
        _show_new(screen, form_as_sent(sent, screen.zone, USED)) if told is None else await _show_secret(screen, told)
    )


@router.get("/keys/{key_id}")
async def show_key(key_id: str, screen: Visitor, done: str = "") -> Response:
    """Show one key, with the forms that replace and revoke it."""
    return await _show(screen, key_id, done=done)


@router.post("/keys/{key_id}/rotate")
async def rotate(key_id: str, request: Request, screen: Visitor) -> Response:
    """Replace the key and show the secret of its successor, or show the form again with what cannot be."""
    sent, services, caller = await fields_of(request), screen.services, screen.caller
    caller.require("admin")
    said, errors = read_rotation(sent, screen.zone, now=services.now())
    if said is None:
        return await _show(screen, key_id, rotation=form_as_sent(sent, screen.zone, errors))

    async def make(operation: str) -> NewKey:
        return await rotate_key(
            services.credentials,
            services.audit,
            caller,
            key_id,
            overlap=timedelta(seconds=said.overlap_seconds),
            expires_at=said.expires_at,
            reason=said.reason,
            operation=operation,
            now=services.now,
        )

    try:
        told = await _made_once(screen, sent, make)
    except InProgress:
        raise
    except NotEligible:
        return await _show(screen, key_id, done="over", status=HTTPStatus.CONFLICT)
    if told is None:
        return await _show(screen, key_id, rotation=form_as_sent(sent, screen.zone, USED))
    return await _show_secret(screen, told, replaced=key_id)


@router.post("/keys/{key_id}/revoke")
async def revoke(key_id: str, request: Request, screen: Visitor) -> Response:
    """Take the key away and show it so; who revoked the key behind their own session is led to the sign-in."""
    sent, services, caller = await fields_of(request), screen.services, screen.caller
    key = await get_key(services.credentials, caller, key_id)
    said, errors = read_revocation(sent, now=services.now())
    if said is None:
        return await _show(screen, key_id, revocation=form_as_sent(sent, screen.zone, errors))
    if key.revoked_at is None:  # else it was done by the same form, sent twice, or by somebody else
        await revoke_key(services.credentials, services.audit, caller, key_id, reason=said.reason, now=services.now)
    return RedirectResponse(f"/keys/{key_id}?done=revoked", status_code=303)


async def _made_once(screen: Screen, sent: Sent, make: Make) -> tuple[str, str] | None:
    """Return the id and the secret of the key that the form makes; the same when it is sent again. None: it said something else before.

    Raise InvalidField for a form without an id, InProgress, and what `make` raises.
    """
    services, caller, path = screen.services, screen.caller, screen.request.url.path
    said = repr(sorted((name, list(values)) for name, values in sent.items()))
    asked = Asked(
        caller.account, caller.key_id, f"POST {path}", _form_id_of(sent), fingerprint_of(path, b"", said.encode())
    )

    async def operate(operation: str) -> Answer:
        new = await make(operation)
        return Answer(HTTPStatus.CREATED, {}, orjson.dumps((new.key.id, new.secret)))

    try:
        answer, _ = await answer_once(
            services.answers, asked, operate, now=services.now, claimed_for=longest_claim(services.settings)
        )
    except InvalidField as error:
        if error.field == HEADER:
            return None
        raise
    key_id, secret = orjson.loads(answer.body)
    return key_id, secret


def _form_id_of(sent: Sent) -> str:
    form_id = field(sent, "id")
    if not FORM_ID.fullmatch(form_id):
        raise InvalidField("id", "is missing: load the page again")
    return form_id


def _show_new(screen: Screen, form: KeyForm) -> Response:
    held = [scope for scope in SCOPES if screen.caller.may(scope)]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return screen.render("key_new.html", status=status, form=form, held=held, form_id=uuid4().hex)


async def _show_secret(screen: Screen, told: tuple[str, str], *, replaced: str = "") -> Response:
    services, (key_id, secret) = screen.services, told
    key = await get_key(services.credentials, screen.caller, key_id)
    old = await _find(screen, replaced)
    return screen.render("key_secret.html", key=key, secret=secret, old=old)


async def _show(
    screen: Screen,
    key_id: str,
    *,
    rotation: KeyForm | None = None,
    revocation: KeyForm | None = None,
    done: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    services, caller = screen.services, screen.caller
    key = await get_key(services.credentials, caller, key_id)
    state = key.state_at(services.now())
    return screen.render(
        "key.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if rotation or revocation else status,
        key=key,
        state=state,
        maker=await _find(screen, key.created_by),
        is_own=key.id == caller.key_id,
        is_first=not key.created_by,
        may_rotate=state == "active" and key.replaced_by is None and key.scopes <= caller.scopes,
        lacking=sorted(key.scopes - caller.scopes),
        rotation=rotation or KeyForm(screen.zone),
        revocation=revocation or KeyForm(screen.zone),
        opened="rotate" if rotation else "revoke" if revocation else "",
        overlaps=OVERLAPS,
        form_id=uuid4().hex,
        done=done if screen.t.has(f"keys.done.{done}") else "",
    )


async def _find(screen: Screen, key_id: str) -> ApiKey | None:
    try:
        return await get_key(screen.services.credentials, screen.caller, key_id) if key_id else None
    except NotFound:
        return None
