"""Integrations as JSON out, and as the OpenAPI schema tells them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from services.query.core.freshness import MOST_RECENT, Freshness, Health, KindHealth, Recent
from services.query.core.integration import Integration, Standing, oddities_of
from services.query.core.preconditions import tag_of
from services.query.entrypoints.schemas.base import Answer, Instant
from shared.contracts.masking import mask_text
from shared.contracts.names import Kind
from shared.contracts.times import format_instant


class WarningAnswer(Answer):
    """Something that was taken as it is, and perhaps a slip."""

    field: str = Field(examples=["affiliate"])
    code: Literal["affiliate-rule", "kind-switched-off"]
    message: str


class RecentAnswer(Answer):
    """The items processed within the last 24 hours, by how they stand now."""

    items: int
    failing: int = Field(description="those that stand at `error`")
    share: float | None = Field(description="failing of items, 0 to 1", examples=[0.04])
    is_whole: bool = Field(description=f"false: there are more, and these are the newest {MOST_RECENT}")


class KindHealthAnswer(Answer):
    """One kind of an integration."""

    kind: Kind
    state: Freshness
    objective_seconds: int
    last_event_at: Instant | None
    last_success_at: Instant | None = Field(description="when an item that stands at success now was processed last")
    recent: RecentAnswer | None = Field(
        description="null where nothing came within 24 hours, or counting took too long"
    )


class HealthAnswer(Answer):
    """How an integration does: `fresh` within its objective, `late` beyond it, `silent` after three of them, `never` heard of."""

    state: Freshness = Field(description="the worst of its kinds")
    last_event_at: Instant | None
    kinds: list[KindHealthAnswer]


class IntegrationAnswer(Answer):
    """A connection to a marketplace."""

    affiliate: str = Field(examples=["MLC"])
    marketplace: str = Field(examples=["Mercado Livre"])
    state: Standing
    registered: bool
    kinds: list[Kind]
    minimum_availability: int | None = Field(description="null: the deployment's own, 5 unless it says otherwise")
    emails: list[str] = Field(examples=[["operacao@loja.com.br"]])
    freshness_seconds: dict[Kind, int] = Field(examples=[{"order": 3600}])
    mask_at_write: bool
    automatic_retries: bool
    paused: bool
    created_at: Instant | None
    updated_at: Instant | None
    updated_by: str = Field(examples=["first"])
    removed_at: Instant | None
    etag: str | None = Field(
        description="what `If-Match` wants to hear; null of one that was never registered",
        examples=['"3-5f0c1a9be2d4"'],
    )
    warnings: list[WarningAnswer]
    health: HealthAnswer | None


class IntegrationList(Answer):
    """Integrations by affiliate."""

    items: list[IntegrationAnswer]


def integration_json(
    integration: Integration, *, is_admin: bool, health: Health | None = None, standing: Standing | None = None
) -> dict[str, Any]:
    """Return an integration; e-mail addresses are whole for admins only. `standing`: of one that was never registered."""
    state = standing or integration.standing
    shown = {
        "affiliate": integration.affiliate,
        "marketplace": integration.marketplace,
        "state": state,
        "registered": state in {"active", "paused"},
        "kinds": list(integration.kinds),
        "minimum_availability": integration.minimum_availability,
        "emails": [email if is_admin else mask_text(email) for email in integration.emails],
        "freshness_seconds": dict(integration.freshness_seconds),
        "mask_at_write": integration.mask_at_write,
        "automatic_retries": integration.automatic_retries,
        "paused": integration.paused,
        "created_at": _instant(integration.created_at),
        "updated_at": _instant(integration.updated_at),
        "updated_by": integration.updated_by,
        "removed_at": _instant(integration.removed_at),
        "warnings": [
            {"field": one.field, "code": one.code, "message": one.message} for one in oddities_of(integration)
        ],
    }
    return {
        **shown,
        "etag": None if state == "unregistered" else tag_of(integration.revision, shown),
        "health": None if health is None else _health_json(health),
    }


def _health_json(health: Health) -> dict[str, Any]:
    return {
        "state": health.state,
        "last_event_at": _instant(health.last_event_at),
        "kinds": [_kind_json(one) for one in health.kinds],
    }


def _kind_json(one: KindHealth) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "state": one.state,
        "objective_seconds": one.objective_seconds,
        "last_event_at": _instant(one.last_event_at),
        "last_success_at": _instant(one.last_success_at),
        "recent": None if one.recent is None else _recent_json(one.recent),
    }


def _recent_json(recent: Recent) -> dict[str, Any]:
    share = recent.share
    return {
        "items": recent.items,
        "failing": recent.failing,
        "share": None if share is None else round(share, 4),
        "is_whole": recent.is_whole,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
