"""`/health`: probes, public; the same answers as on the health port."""

from fastapi import APIRouter, Response

from services.query.entrypoints.answers import json_answer
from services.query.entrypoints.dependencies import ServicesDep

router = APIRouter(tags=["health"])


@router.get("/health/live", summary="Whether the process works", response_model=dict[str, object])
async def live(services: ServicesDep) -> Response:
    """200, or 503 when the event loop is stuck."""
    return _answer(*services.health.liveness())


@router.get("/health/ready", summary="Whether requests can be answered", response_model=dict[str, object])
async def ready(services: ServicesDep) -> Response:
    """200, or 503 with what is missing."""
    return _answer(*services.health.readiness())


def _answer(fine: bool, facts: dict[str, object]) -> Response:  # noqa: FBT001  # the pair that Health returns
    return json_answer({"status": "ok" if fine else "failing", **facts}, 200 if fine else 503)
