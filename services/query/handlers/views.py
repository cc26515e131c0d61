"""Saved views: the account's filters under a name. Every change needs the newest revision and leaves a line.

A change is written down before it is made: a line too many is harmless, a change that nobody wrote down is not.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from services.query.core.permissions import Caller
from services.query.core.preconditions import Expected
from services.query.core.sorting import DEFAULT_SORT, Sort
from services.query.core.view import MAX_VIEWS, View, name_key, read_filter
from services.query.handlers.auditing import Audit, record_act
from shared.contracts.errors import NotEligible, NotFound, Stale
from shared.contracts.names import Kind
from shared.contracts.times import to_milliseconds
from shared.runtime.clock import Clock

ID_BYTES: Final = 8

REMEMBERED_FOR: Final = timedelta(hours=24)
"""Of a removed view, for whoever never got the answer; as long as answers under an Idempotency-Key are kept."""

Changes = Mapping[str, Any]
"""`name`, `kind`, `filter` (a query string) and `sort`, as many as are to be set."""


class NameTaken(NotEligible):
    """Another view of the account has the name, or one that differs by its case alone."""


class TooManyViews(NotEligible):
    """The account has as many views as it may."""

    def __init__(self) -> None:
        super().__init__(f"an account may keep {MAX_VIEWS} views; remove one that nobody needs any longer")


class ViewStore(Protocol):
    """The views of all accounts. Writes are durable on return."""

    async def list_views(self, account: str) -> list[View]:
        """Return the account's views by name, at most MAX_VIEWS."""
        ...

    async def find_view(self, account: str, view_id: str) -> View | None:
        """Return one view."""
        ...

    async def add_view(self, account: str, view: View) -> None:
        """Store a new one. Raise NameTaken, or TooManyViews where the account has MAX_VIEWS, however many are added at once."""
        ...

    async def replace_view(self, account: str, view: View, *, revision: int) -> bool:
        """Store it over the one of that revision; False when there is none of that revision. Raise NameTaken."""
        ...

    async def remove_view(self, account: str, view: View, *, until: datetime) -> bool:
        """Take it away and remember it until then; False when it is not there in its revision. Its id and name are free at once."""
        ...

    async def find_removed(self, account: str, view_id: str) -> View | None:
        """Return a removed view as it was last, for as long as it is remembered."""
        ...


async def list_views(views: ViewStore, caller: Caller) -> list[View]:
    """Return the views of the caller's account by name."""
    caller.require("read")
    return await views.list_views(caller.account)


async def get_view(views: ViewStore, caller: Caller, view_id: str) -> View:
    """Return one view of the caller's account. Raise NotFound."""
    caller.require("read")
    return await _find(views, caller, view_id)


async def create_view(
    views: ViewStore,
    audit: Audit,
    caller: Caller,
    *,
    name: str,
    kind: Kind,
    filter: str = "",  # noqa: A002  # as the API says it
    sort: Sort = DEFAULT_SORT,
    reason: str = "",
    operation: str | None = None,
    now: Clock,
) -> View:
    """Save a view. Raise NotPermitted, InvalidFilter, NameTaken, TooManyViews.

    An `operation` makes one view however often it is tried.
    """
    caller.require("admin")
    printed, at = read_filter(filter, kind), to_milliseconds(now())
    view_id = secrets.token_hex(ID_BYTES) if operation is None else _id_of(operation)
    known = await views.list_views(caller.account)
    if made := next((view for view in known if view.id == view_id), None):
        return made
    _refuse_taken(known, name)
    if len(known) >= MAX_VIEWS:
        raise TooManyViews
    view = View(view_id, name, kind, printed, sort, created_by=caller.name, created_at=at, updated_at=at)
    await record_act(audit, caller, "view.created", view.id, now=at, reason=reason)
    await views.add_view(caller.account, view)
    return view


async def change_view(
    views: ViewStore,
    audit: Audit,
    caller: Caller,
    view_id: str,
    changes: Changes,
    expected: Expected,
    *,
    reason: str = "",
    now: Clock,
) -> View:
    """Set these fields. Raise NotPermitted, NotFound, PreconditionMissing, Stale, InvalidFilter, NameTaken."""
    caller.require("admin")
    known = await _find(views, caller, view_id)
    expected.check(known.revision)
    changed = replace(known, **changes)
    changed = replace(changed, filter=read_filter(changed.filter, changed.kind))
    if changed == known:
        return known
    _refuse_taken([view for view in await views.list_views(caller.account) if view.id != view_id], changed.name)
    at = to_milliseconds(now())
    changed = replace(changed, updated_at=at, revision=known.revision + 1)
    await record_act(audit, caller, "view.changed", view_id, now=at, reason=reason)
    if not await views.replace_view(caller.account, changed, revision=known.revision):
        raise Stale(f"the view {known.name!r} was changed by someone else at this moment; read it again")
    return changed


async def remove_view(
    views: ViewStore, audit: Audit, caller: Caller, view_id: str, expected: Expected, *, reason: str = "", now: Clock
) -> View:
    """Take a view away and return it as it was last. Safe to repeat as it was asked, for REMEMBERED_FOR.

    Raise NotPermitted, NotFound, PreconditionMissing, Stale.
    """
    caller.require("admin")
    known = await views.find_view(caller.account, view_id)
    if known is None:
        return await _find_removed(views, caller, view_id, expected)
    expected.check(known.revision)
    at = to_milliseconds(now())
    await record_act(audit, caller, "view.removed", view_id, now=at, reason=reason)
    if await views.remove_view(caller.account, known, until=at + REMEMBERED_FOR):
        return known
    if await views.find_view(caller.account, view_id) is None:  # asked twice at once
        return await _find_removed(views, caller, view_id, expected)
    raise Stale(f"the view {known.name!r} was changed by someone else at this moment; read it again")


async def _find_removed(views: ViewStore, caller: Caller, view_id: str, expected: Expected) -> View:
    """Return what the request named and what was removed: perhaps that answer was lost (RFC 9110, 13.1.1). Raise NotFound."""
    removed = await views.find_removed(caller.account, view_id)
    if removed is None or not expected.names(removed.revision):
        raise _no_view(view_id)
    return removed


async def _find(views: ViewStore, caller: Caller, view_id: str) -> View:
    found = await views.find_view(caller.account, view_id)
    if found is None:
        raise _no_view(view_id)
    return found


def _no_view(view_id: str) -> NotFound:
    return NotFound(f"there is no view {view_id!r}")


def _refuse_taken(others: list[View], name: str) -> None:
    for other in others:
        if name_key(other.name) == name_key(name):
            raise NameTaken(f"the name {other.name!r} is taken by the view {other.id}; change that one, or say another")


def _id_of(operation: str) -> str:
    return hashlib.sha256(operation.encode()).hexdigest()[: 2 * ID_BYTES]
