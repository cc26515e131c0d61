"""`/v1/integrations`: which marketplace an affiliate stands for."""

from fastapi import APIRouter, Response

from services.query.entrypoints.answers import json_answer
from services.query.entrypoints.auth import AdminCaller, ReadCaller
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.parameters import AffiliatePath, IntegrationBody, Nothing
from services.query.entrypoints.schemas import IntegrationAnswer, IntegrationList
from services.query.entrypoints.strict_json import StrictJsonRoute
from services.query.handlers import registry
from services.query.handlers.registry import Integration

router = APIRouter(prefix="/v1", tags=["integrations"], route_class=StrictJsonRoute)


@router.get("/integrations", response_model=IntegrationList, summary="The registered integrations")
async def list_integrations(services: ServicesDep, caller: ReadCaller, _asked: Nothing) -> Response:
    """By affiliate."""
    found = await registry.list_integrations(services.registry, caller)
    return json_answer({"items": [_json(integration) for integration in found]})


@router.get("/integrations/{affiliate}", response_model=IntegrationAnswer, summary="One integration")
async def get_integration(
    services: ServicesDep, caller: ReadCaller, affiliate: AffiliatePath, _asked: Nothing
) -> Response:
    """404 for an affiliate that is not registered, though it may have entries."""
    return json_answer(_json(await registry.get_integration(services.registry, caller, affiliate)))


@router.put("/integrations/{affiliate}", response_model=IntegrationAnswer, summary="Register or rename an integration")
async def save_integration(
    services: ServicesDep, caller: AdminCaller, affiliate: AffiliatePath, body: IntegrationBody, _asked: Nothing
) -> Response:
    """The name shows in lists, pages and reports. A body without `mask_at_write` leaves it as it is."""
    saved = await registry.save_integration(
        services.registry, caller, affiliate, marketplace=body.marketplace, mask_at_write=body.mask_at_write
    )
    return json_answer(_json(saved))


def _json(integration: Integration) -> dict[str, str | bool]:
    return {
        "affiliate": integration.affiliate,
        "marketplace": integration.marketplace,
        "mask_at_write": integration.mask_at_write,
    }
