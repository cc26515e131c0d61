"""The registered integrations: how each does, and for admins the forms that register, change, pause and remove one."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.query.core.integration import Integration, Marketplaces, oddities_of
from services.query.core.preconditions import expect_revision
from services.query.entrypoints.pages.forms import field, fields_of, revision_of
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.integration_form import FormView, form_as_sent, form_of, read_form
from services.query.entrypoints.pages.lists import Visitor
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.freshness import check_health, list_unregistered
from services.query.handlers.registry import (
    AlreadyRegistered,
    Changes,
    change_integration,
    create_integration,
    get_integration,
    list_integrations,
    remove_integration,
)
from shared.contracts.errors import Stale
from shared.contracts.masking import mask_text
from shared.contracts.segments import write_segment
from shared.contracts.text import fold

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Sent = Mapping[str, Sequence[str]]


@router.get("/integrations")
async def show_integrations(screen: Visitor) -> Response:
    """Show all integrations with the health of each kind, and affiliates that nobody registered."""
    services, caller = screen.services, screen.caller
    found = await list_integrations(services.registry, caller)
    unknown = await list_unregistered(services.freshness, caller, Marketplaces(found))
    strangers = [Integration(affiliate, affiliate) for affiliate in unknown]
    health = await check_health(services.freshness, caller, [*found, *strangers], now=services.now())
    return screen.render(
        "integrations.html",
        integrations=sorted(found, key=lambda one: (one.removed_at is not None, fold(one.marketplace), one.affiliate)),
        strangers=strangers,
        health=health,
    )


@router.get("/new-integration")
async def show_new(screen: Visitor, affiliate: str = "") -> Response:
    """Show an empty form; `affiliate` fills in the id of one that only events speak of."""
    screen.caller.require("admin")
    return screen.render("integration_new.html", form=FormView(affiliate=affiliate))


@router.post("/integrations")
async def register(request: Request, screen: Visitor) -> Response:
    """Register an integration, or show the form again with what cannot be."""
    sent = await fields_of(request)
    screen.caller.require("admin")
    said, errors = read_form(sent, "")
    if not errors:
        services, affiliate = screen.services, field(sent, "affiliate")
        reason = field(sent, "reason")
        try:
            await create_integration(
                services.registry, services.audit, screen.caller, affiliate, said, reason=reason, now=services.now
            )
        except AlreadyRegistered:
            found = await get_integration(services.registry, screen.caller, affiliate)
            if not (_is_as_asked(found, said) and found.updated_at == found.created_at):
                errors = frozenset({"taken"})
        if not errors:
            return RedirectResponse(f"/integrations/{write_segment(affiliate)}?done=created", status_code=303)
    return screen.render("integration_new.html", status=422, form=form_as_sent(sent, "", errors))


@router.get("/integrations/{affiliate}")
async def show_integration(affiliate: str, screen: Visitor, done: str = "") -> Response:
    """Show one integration: its health and, to admins, its form."""
    found = await get_integration(screen.services.registry, screen.caller, affiliate)
    return await _show(screen, found, form_of(found), done=done)


@router.post("/integrations/{affiliate}")
async def change(affiliate: str, request: Request, screen: Visitor) -> Response:
    """Save the form, or show it again with what cannot be."""
    sent = await fields_of(request)
    screen.caller.require("admin")
    said, errors = read_form(sent, affiliate)
    if errors:
        found = await get_integration(screen.services.registry, screen.caller, affiliate)
        return await _show(screen, found, form_as_sent(sent, affiliate, errors), status=422)
    return await _save(screen, affiliate, said, sent, "changed", form_as_sent(sent, affiliate, frozenset()))


@router.post("/integrations/{affiliate}/pause")
async def pause(affiliate: str, request: Request, screen: Visitor) -> Response:
    """Send nothing more to its connector."""
    return await _save(screen, affiliate, {"paused": True}, await fields_of(request), "paused")


@router.post("/integrations/{affiliate}/resume")
async def resume(affiliate: str, request: Request, screen: Visitor) -> Response:
    """Send to its connector again."""
    return await _save(screen, affiliate, {"paused": False}, await fields_of(request), "resumed")


@router.post("/integrations/{affiliate}/remove")
async def remove(affiliate: str, request: Request, screen: Visitor) -> Response:
    """Take it out of the registry and show it as removed."""
    sent = await fields_of(request)
    services, expected = screen.services, expect_revision(revision_of(sent))
    try:
        await remove_integration(
            services.registry,
            services.audit,
            screen.caller,
            affiliate,
            expected,
            reason=field(sent, "reason"),
            now=services.now,
        )
    except Stale:
        found = await get_integration(services.registry, screen.caller, affiliate)
        if found.removed_at is None:
            return await _show_stale(screen, found, removal_reason=field(sent, "reason"))
    return RedirectResponse(f"/integrations/{write_segment(affiliate)}?done=removed", status_code=303)


async def _save(
    screen: Screen, affiliate: str, said: Changes, sent: Sent, done: str, form: FormView | None = None
) -> Response:
    services, expected = screen.services, expect_revision(revision_of(sent))
    try:
        await change_integration(
            services.registry,
            services.audit,
            screen.caller,
            affiliate,
            said,
            expected,
            reason=field(sent, "reason"),
            now=services.now,
        )
    except Stale:
        found = await get_integration(services.registry, screen.caller, affiliate)
        if not _is_as_asked(found, said):
            return await _show_stale(screen, found, form=form)
    return RedirectResponse(f"/integrations/{write_segment(affiliate)}?done={done}", status_code=303)


def _is_as_asked(found: Integration, said: Changes) -> bool:
    """Say whether what was asked for is so already: by the same form, sent twice, or by somebody else."""
    return found.removed_at is None and all(getattr(found, name) == value for name, value in said.items())


async def _show_stale(
    screen: Screen, found: Integration, *, form: FormView | None = None, removal_reason: str = ""
) -> Response:
    """Show what was typed, if it was the settings, and what of it differs from what is saved now."""
    saved = form_of(found)
    shown = form or saved
    differing = shown.differs_from(saved)
    done = "overtaken" if differing else "stale"
    return await _show(
        screen, found, shown, done=done, status=412, saved=saved, differing=differing, removal_reason=removal_reason
    )


async def _show(
    screen: Screen,
    found: Integration,
    form: FormView,
    *,
    done: str = "",
    status: int = 200,
    saved: FormView | None = None,
    differing: Sequence[str] = (),
    removal_reason: str = "",
) -> Response:
    services, is_admin = screen.services, screen.caller.may("admin")
    health = await check_health(services.freshness, screen.caller, [found], now=services.now())
    return screen.render(
        "integration.html",
        status=status,
        integration=found,
        health=health[found.affiliate],
        form=form,
        saved=saved,
        differing=differing,
        removal_reason=removal_reason,
        is_admin=is_admin,
        emails=[email if is_admin else mask_text(email) for email in found.emails],
        oddities=list(oddities_of(found)),
        done=done if screen.t.has(f"integrations.done.{done}") else "",
    )
