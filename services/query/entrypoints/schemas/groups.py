"""Root causes as JSON."""

from typing import Literal

from pydantic import Field

from services.query.core.causes import explain
from services.query.core.integration import Marketplaces
from services.query.entrypoints.answers import Json, total_json
from services.query.entrypoints.schemas.base import Answer, Instant
from services.query.entrypoints.schemas.entries import TotalAnswer
from services.query.handlers.grouping import Grouped, RootCause
from shared.contracts.catalogue import Language
from shared.contracts.names import Kind
from shared.contracts.times import format_instant


class GroupAffiliate(Answer):
    """How many items of an affiliate have the root cause."""

    affiliate: str = Field(examples=["MLC"])
    marketplace: str = Field(examples=["Mercado Livre"])
    items: int


class GroupDay(Answer):
    """Items that have the root cause now and were processed last on the day in UTC that begins at `at`."""

    at: Instant
    items: TotalAnswer


class GroupAnswer(Answer):
    """A root cause: the items whose cause has this code and says this, whatever item it says it of."""

    group: str = Field(description="its id: what the filter `group` takes", examples=["5f0c1a9be2d47788"])
    kind: Kind
    code: str = Field(examples=["ORD-SLA"])
    title: str
    guidance: str
    retry: Literal["auto", "fix", "never"]
    template: str = Field(
        description="what the message says of every item: folded, values as `…`", examples=["sku … has no stock"]
    )
    message: str = Field(description="of the newest item, masked", examples=["SKU 4711 has no stock"])
    count: TotalAnswer
    affiliates: list[GroupAffiliate] = Field(description="most items first")
    affiliates_complete: bool = Field(description="false: `affiliates` counts only the newest of many items")
    first_seen_at: Instant | None = Field(
        description="when the one of these items was processed that waits longest; null where there are too many to tell"
    )
    last_seen_at: Instant = Field(description="when the newest of them was processed")
    trend: list[GroupDay] = Field(description="the last seven days, today last")


class GroupList(Answer):
    """Root causes, most items first."""

    items: list[GroupAnswer]
    total: TotalAnswer = Field(description="root causes that there are, whatever `limit`")
    complete: bool = Field(
        description="false: there were too many items or root causes to look at all, so that some may be missing"
    )


def groups_json(found: Grouped, names: Marketplaces, language: Language) -> Json:
    """Return root causes as JSON; `names` maps affiliate to marketplace."""
    return {
        "items": [_group_json(one, names, language) for one in found.items],
        "total": total_json(found.total),
        "complete": found.is_complete,
    }


def _group_json(one: RootCause, names: Marketplaces, language: Language) -> Json:
    cause = explain(one.cause, language)
    return {
        "group": one.id,
        "kind": one.kind,
        "code": cause.code,
        "title": cause.title,
        "guidance": cause.guidance,
        "retry": cause.retry,
        "template": one.cause["template"],
        "message": cause.message,
        "count": total_json(one.count),
        "affiliates": [
            {"affiliate": affiliate, "marketplace": names.get(affiliate, affiliate), "items": items}
            for affiliate, items in one.affiliates.items()
        ],
        "affiliates_complete": one.are_affiliates_whole,
        "first_seen_at": None if one.first_at is None else format_instant(one.first_at),
        "last_seen_at": format_instant(one.last_at),
        "trend": [{"at": format_instant(day.at), "items": total_json(day.items)} for day in one.trend],
    }
