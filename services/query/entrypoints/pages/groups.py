"""The root causes of a tab: what fails most, under the filter of the list that one comes from, each leading to its items."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.query.core.integration import Marketplaces
from services.query.entrypoints.pages.address import PAGE_SIZES, ListAddress
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.language import Words
from services.query.entrypoints.pages.lists import Visitor, address_of
from services.query.entrypoints.pages.rows import causes_told
from services.query.handlers.grouping import RootCause, list_groups
from services.query.handlers.reading import Total
from services.query.handlers.registry import marketplace_names
from shared.contracts.names import Kind

MOST_NAMED: Final = 4
"""Affiliates that a row names; of further ones it says how many there are."""

MOST_AT_ONCE: Final = PAGE_SIZES[-1]
BAR_HEIGHT: Final = 18

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class GroupsAddress(ListAddress):
    """The address of the root causes of a list; every link that changes its filter stays on that page."""

    def href(self, path: str = "/groups", **more: str) -> str:
        """Return the address, with further parameters; of another sub-page of the list when `path` says so."""
        return ListAddress.href(self, path, **more)

    @property
    def of_list(self) -> ListAddress:
        """The list itself."""
        return ListAddress(self.kind, self.rows)

    def of_group(self, group: str) -> ListAddress:
        """Return the list of the items that have a root cause."""
        return ListAddress(self.kind, replace(self.rows, group=(group,)))

    def longer(self) -> str:
        """Return the address of as many root causes as a page shows."""
        return replace(self, limit=MOST_AT_ONCE).href()


@dataclass(frozen=True, slots=True)
class GroupView:
    """One root cause. `said`: what it says of every item, or the title where that has no word. `bars`: the heights of its trend."""

    said: str
    title: str
    code: str
    retry: str
    help_href: str
    example: str
    count: str
    list_href: str
    reprocess_href: str
    affiliates: Sequence[tuple[str, str, str]]
    further_affiliates: int
    are_affiliates_whole: bool
    first_at: datetime | None
    last_at: datetime
    bars: Sequence[int]
    days: Sequence[str]


@router.get("/logs/{kind}/groups")
async def show_groups(kind: Kind, request: Request, screen: Visitor) -> Response:
    """Show the root causes of a list, most items first."""
    caller, services = screen.caller, screen.services
    listed = address_of(kind, request, screen)
    address = GroupsAddress(kind, listed.rows, listed.limit)
    found, marketplaces = await asyncio.gather(
        list_groups(services.groups, caller, address.rows, limit=address.limit, now=services.now),
        marketplace_names(services.registry, caller),
    )
    return screen.render(
        "groups.html",
        address=address,
        kind=kind,
        found=found,
        groups=[group_of(one, address, marketplaces, screen.t) for one in found.items],
        affiliates={name: marketplaces.get(name, name) for name in address.rows.affiliate},
        is_longest=address.limit == MOST_AT_ONCE,
    )


def group_of(one: RootCause, address: GroupsAddress, marketplaces: Marketplaces, t: Words) -> GroupView:
    """Return a root cause as a row."""
    [cause] = causes_told([one.cause], one.kind, t)
    template = one.cause["template"]
    its_own = address.of_group(one.id)
    named = list(one.affiliates.items())[:MOST_NAMED]
    return GroupView(
        said=template if any(map(str.isalpha, template)) else cause.title,
        title=cause.title,
        code=cause.code,
        retry=cause.retry,
        help_href=cause.help_href,
        example="" if cause.is_fallback else cause.message,
        count=told(one.count, t),
        list_href=its_own.href(),
        reprocess_href=its_own.href("/reprocess"),
        affiliates=[(affiliate, marketplaces.get(affiliate, affiliate), t.number(items)) for affiliate, items in named],
        further_affiliates=len(one.affiliates) - len(named),
        are_affiliates_whole=one.are_affiliates_whole,
        first_at=one.first_at,
        last_at=one.last_at,
        bars=bars_of([day.items.value for day in one.trend]),
        days=[told(day.items, t) for day in one.trend],
    )


def told(total: Total, t: Words) -> str:
    """Return a number, with a plus where there are at least so many."""
    return t.number(total.value) + ("+" if total.relation == "at_least" else "")


def bars_of(values: Sequence[int]) -> list[int]:
    """Return the heights of bars, the highest BAR_HEIGHT: of what there is some of at least 2, of nothing 0."""
    most = max([*values, 1])
    return [max(2, round(BAR_HEIGHT * value / most)) if value else 0 for value in values]
