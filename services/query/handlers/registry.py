"""The registry of integrations: who is connected, read and changed. Every change needs the newest revision and leaves a line.

A change is written down before it is made: a line too many is harmless, a change that nobody wrote down is not.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from services.query.core.actions import IntegrationAction
from services.query.core.integration import Integration, Marketplaces
from services.query.core.permissions import Caller
from services.query.core.preconditions import Expected, tag_of
from services.query.handlers.auditing import Audit, record_act
from shared.contracts.errors import NotEligible, NotFound, Stale
from shared.contracts.times import to_milliseconds
from shared.runtime.clock import Clock

MAX_INTEGRATIONS: Final = 1_000
"""Of one account: the list is short enough to be read as a whole, with every page of the log."""

T = TypeVar("T")

Changes = Mapping[str, Any]
"""Fields of Integration that a person sets, by name."""


class AlreadyRegistered(NotEligible):
    """The affiliate has an integration that nobody removed."""


class Registry(Protocol):
    """The integrations of all accounts. Writes are durable on return."""

    def remembered(self, account: str) -> list[Integration] | None:
        """Return what `list_integrations` would, where that is known without asking."""
        ...

    async def list_integrations(self, account: str) -> list[Integration]:
        """Return the account's integrations by affiliate, removed ones too, at most MAX_INTEGRATIONS."""
        ...

    async def find_integration(self, account: str, affiliate: str) -> Integration | None:
        """Return one integration as it stands now, removed or not."""
        ...

    async def add_integration(self, account: str, integration: Integration) -> bool:
        """Store one that was never there; False when its affiliate has one, removed or not."""
        ...

    async def replace_integration(self, account: str, integration: Integration, *, revision: int) -> bool:
        """Store it over the one of that revision; False when there is none of that revision."""
        ...


async def list_integrations(registry: Registry, caller: Caller) -> list[Integration]:
    """Return the caller's integrations by affiliate, removed ones too."""
    caller.require("read")
    return await registry.list_integrations(caller.account)


async def get_integration(registry: Registry, caller: Caller, affiliate: str) -> Integration:
    """Return one integration of the caller's account, removed or not. Raise NotFound."""
    caller.require("read")
    return await _find(registry, caller, affiliate)


async def marketplace_names(registry: Registry, caller: Caller) -> Marketplaces:
    """Return the marketplaces that the caller's affiliates stand for."""
    return Marketplaces(await registry.list_integrations(caller.account))


async def beside_marketplaces(
    registry: Registry, caller: Caller, reading: Coroutine[Any, Any, T]
) -> tuple[T, Marketplaces]:
    """Return what `reading` gives, and the marketplaces: asked for at the same time, unless they are remembered, as they nearly always are."""
    if (known := registry.remembered(caller.account)) is not None:
        return await reading, Marketplaces(known)
    given, names = await asyncio.gather(reading, marketplace_names(registry, caller))
    return given, names


async def create_integration(
    registry: Registry,
    audit: Audit,
    caller: Caller,
    affiliate: str,
    said: Changes,
    *,
    operation: str | None = None,
    reason: str = "",
    now: Clock,
) -> Integration:
    """Register an affiliate, or register a removed one again. Raise NotPermitted, AlreadyRegistered, NotEligible.

    An `operation` registers once however often it is tried, and is then told what became of it.
    """
    caller.require("admin")
    known = await registry.find_integration(caller.account, affiliate)
    if known is not None and operation is not None and known.operation == operation:
        return known
    if known is not None and known.removed_at is None:
        raise AlreadyRegistered(f"{affiliate} is registered; change it with `If-Match: {tag_of(known.revision)}`")
    if known is None and len(await registry.list_integrations(caller.account)) >= MAX_INTEGRATIONS:
        raise NotEligible(f"an account may register {MAX_INTEGRATIONS} integrations")
    at = to_milliseconds(now())
    kept = {} if known is None else {"mask_at_write": known.mask_at_write}
    given = {"affiliate": affiliate, "created_at": at, "operation": operation, **kept, **said}
    made = _written(Integration(**given), known, caller, at)
    await record_act(audit, caller, "integration.created", _subject(caller, made), now=at, reason=reason)
    done = (
        await registry.add_integration(caller.account, made)
        if known is None
        else await registry.replace_integration(caller.account, made, revision=known.revision)
    )
    if not done:
        raise AlreadyRegistered(f"someone else registered {affiliate} at this moment; read it again")
    return made


async def change_integration(
    registry: Registry,
    audit: Audit,
    caller: Caller,
    affiliate: str,
    changes: Changes,
    expected: Expected,
    *,
    is_patch: bool = False,
    reason: str = "",
    now: Clock,
) -> Integration:
    """Set these fields, or what they come to as a merge patch. Raise NotPermitted, NotFound, NotEligible when it was removed, PreconditionMissing, Stale."""
    caller.require("admin")
    known = await _find(registry, caller, affiliate)
    expected.check(known.revision)
    if known.removed_at is not None:
        raise NotEligible(f"{affiliate} was removed; register it again to change it")
    changed = replace(known, **(known.merged(changes) if is_patch else changes))
    if changed == known:
        return known
    action: IntegrationAction = "integration.changed"
    if changed == replace(known, paused=changed.paused):
        action = "integration.paused" if changed.paused else "integration.resumed"
    return await _replace(registry, audit, caller, known, changed, action, reason, to_milliseconds(now()))


async def remove_integration(
    registry: Registry,
    audit: Audit,
    caller: Caller,
    affiliate: str,
    expected: Expected,
    *,
    reason: str = "",
    now: Clock,
) -> Integration:
    """Take an integration out of the registry; its entries, its name and its masking stay. Safe to repeat as it was asked.

    Raise NotPermitted, NotFound, PreconditionMissing, Stale.
    """
    caller.require("admin")
    known = await _find(registry, caller, affiliate)
    if known.removed_at is not None and expected.names(known.revision - 1):
        return known  # what was named is what was removed: perhaps that answer was lost (RFC 9110, 13.1.1)
    expected.check(known.revision)
    if known.removed_at is not None:
        return known
    at = to_milliseconds(now())
    removed = replace(known, removed_at=at)
    try:
        return await _replace(registry, audit, caller, known, removed, "integration.removed", reason, at)
    except Stale:
        found = await _find(registry, caller, affiliate)
        if found.removed_at is not None and found.revision == known.revision + 1:
            return found  # asked twice at once: the other request did just this
        raise


async def _find(registry: Registry, caller: Caller, affiliate: str) -> Integration:
    found = await registry.find_integration(caller.account, affiliate)
    if found is None:
        raise NotFound(f"there is no integration {affiliate!r}")
    return found


async def _replace(
    registry: Registry,
    audit: Audit,
    caller: Caller,
    known: Integration,
    changed: Integration,
    action: IntegrationAction,
    reason: str,
    at: datetime,
) -> Integration:
    written = _written(changed, known, caller, at)
    await record_act(audit, caller, action, _subject(caller, known), now=at, reason=reason)
    if not await registry.replace_integration(caller.account, written, revision=known.revision):
        raise Stale(f"{known.affiliate} was changed by someone else at this moment; read it again")
    return written


def _written(integration: Integration, known: Integration | None, caller: Caller, at: datetime) -> Integration:
    return replace(
        integration, updated_at=at, updated_by=caller.name, revision=1 if known is None else known.revision + 1
    )


def _subject(caller: Caller, integration: Integration) -> str:
    return f"{caller.account}|{integration.affiliate}"
