"""`/health`: probes, public; the same answers as on the health port."""

from typing import Any

from fastapi import APIRouter, Response

from services.query.entrypoints.answers import json_answer
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.schemas.base import LivenessAnswer, ReadinessAnswer

router = APIRouter(tags=["health"])


def failing(model: type[LivenessAnswer]) -> dict[int | str, dict[str, Any]]:
    """Return what the schema says of a probe that fails: the same answer, with another status."""
    return {503: {"model": model, "description": "Not now"}}


@router.get(
    "/health/live",
    summary="Whether the process works",
    response_model=LivenessAnswer,
    responses=failing(LivenessAnswer),
)
async def get_liveness(services: ServicesDep) -> Response:
    """200, or 503 when the event loop is stuck."""
    return _answer(*services.health.liveness())


@router.get(
    "/health/ready",
    summary="Whether requests can be answered",
    response_model=ReadinessAnswer,
    responses=failing(ReadinessAnswer),
)
async def get_readiness(services: ServicesDep) -> Response:
    """200, or 503 with what is missing."""
    return _answer(*services.health.readiness())


def _answer(fine: bool, facts: dict[str, object]) -> Response:  # noqa: FBT001  # the pair that Health returns
    return json_answer({"status": "ok" if fine else "failing", **facts}, 200 if fine else 503)
