"""The audit: who changed or saw what, newest first, under a filter that stands in the address. It can only be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.query.core.actions import ACTIONS
from services.query.core.keys import ApiKey
from services.query.entrypoints.pages.address import instants_of, is_untidy, local_input
from services.query.entrypoints.pages.audit_line import line_of
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.lists import Visitor, first, values_of
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.auditing import AuditFilter, list_audit
from services.query.handlers.keys import list_keys
from services.query.handlers.leafing import MAX_LIMIT
from shared.contracts.filter_values import chosen, period
from shared.contracts.times import format_instant

Query = Mapping[str, Sequence[str]]

NAMES: Final = ("actor", "action", "target")

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class AuditAddress:
    """The address of the list; every link on the page is this one with something changed."""

    rows: AuditFilter

    def pairs(self) -> list[tuple[str, str]]:
        """Return the filter as (name, value) pairs."""
        ends = (("from", self.rows.from_at), ("to", self.rows.to_at))
        return [
            *((name, value) for name in NAMES for value in getattr(self.rows, name)),
            *((name, format_instant(at)) for name, at in ends if at is not None),
        ]

    def href(self, **more: str) -> str:
        """Return the address, with further parameters."""
        query = urlencode([*self.pairs(), *((name, value) for name, value in more.items() if value)])
        return "/audit" + (f"?{query}" if query else "")

    def page(self, cursor: str) -> str:
        """Return the address of the page that `cursor` names."""
        return self.href(cursor=cursor)

    def only(self, name: str, value: str) -> str:
        """Return the address with `value` as the one value of a field, the rest kept."""
        changes: dict[str, Any] = {name: (value,)}
        return AuditAddress(replace(self.rows, **changes)).href()


@router.get("/audit")
async def show_audit(request: Request, screen: Visitor) -> Response:
    """Show a page of lines. An address that a form wrote is tidied first."""
    caller, services, query = screen.caller, screen.services, values_of(request)
    caller.require("admin")
    if is_untidy(query):
        named = await _keys(screen) if any(query.get("actor", ())) else ()
        meant = _address(_as_meant(query, named), screen.zone)
        return RedirectResponse(meant.href(cursor=first(query, "cursor")), status_code=303)
    address = _address(query, screen.zone)
    page = await list_audit(services.audit, caller, address.rows, cursor=first(query, "cursor") or None)
    keys = await _keys(screen)
    by_id = {key.id: key for key in keys}
    return screen.render(
        "audit.html",
        address=address,
        page=page,
        lines=[line_of(line, caller, screen.t, by_id) for line in page.items],
        actions=ACTIONS,
        actors=keys,
        from_input=local_input(address.rows.from_at, screen.zone),
        to_input=local_input(address.rows.to_at, screen.zone),
    )


async def _keys(screen: Screen) -> Sequence[ApiKey]:
    return (await list_keys(screen.services.credentials, screen.caller, limit=MAX_LIMIT)).items


def _as_meant(query: Query, keys: Sequence[ApiKey]) -> dict[str, list[str]]:
    """Return what was typed without the blanks around it; in place of a key's name, in any case, the ids of all that have it."""
    typed = {name: [value.strip() for value in values] for name, values in query.items()}
    named = {
        text: [key.id for key in keys if key.name.casefold() == text.casefold()] for text in typed.get("actor", ())
    }
    return {**typed, "actor": [one for text, ids in named.items() for one in ids or [text]]}


def _address(query: Query, zone: ZoneInfo) -> AuditAddress:
    from_at, to_at = period(instants_of(query, ("from", "to"), zone))
    actor, target = (tuple(dict.fromkeys(filter(None, query.get(name, ())))) for name in ("actor", "target"))
    action = chosen("action", query.get("action"), ACTIONS)
    return AuditAddress(AuditFilter(actor=actor, action=action, target=target, from_at=from_at, to_at=to_at))
