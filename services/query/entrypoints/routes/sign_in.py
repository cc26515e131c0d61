"""`/v1/sign-in-codes`: one-time links to the panel, so that no key ever stands in an address."""

from fastapi import APIRouter, Request, Response

from services.query.entrypoints.answers import json_answer
from services.query.entrypoints.auth import AdminCaller
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.once import OnceDep, answered_once
from services.query.entrypoints.parameters import Nothing
from services.query.entrypoints.schemas.base import SignInCode
from services.query.entrypoints.strict_json import StrictJsonRoute
from services.query.entrypoints.visit import address_of
from services.query.handlers import signing_in
from shared.contracts.times import format_instant

router = APIRouter(prefix="/v1", tags=["sign-in"], route_class=StrictJsonRoute)


@router.post(
    "/sign-in-codes", response_model=SignInCode, status_code=201, summary="A one-time link that signs in to the panel"
)
@answered_once
async def create_sign_in_code(
    request: Request, services: ServicesDep, caller: AdminCaller, _asked: Nothing, _once: OnceDep
) -> Response:
    """Good once, for 10 minutes, with the scopes of the key that asks."""
    issued = await signing_in.create_sign_in_code(services.credentials, services.audit, caller, now=services.now)
    link = f"{services.settings.query_public_url or address_of(request)}/sign-in?code={issued.secret}"
    return json_answer({"code": issued.secret, "link": link, "expires_at": format_instant(issued.expires_at)}, 201)
