"""The registry of integrations: which marketplace an affiliate stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.query.core.permissions import Caller
from shared.contracts.errors import NotFound


@dataclass(frozen=True, slots=True)
class Integration:
    """A registered connection of an account to a marketplace."""

    affiliate: str
    marketplace: str


class Registry(Protocol):
    """The integrations of all accounts."""

    async def list_integrations(self, account: str) -> list[Integration]:
        """Return the account's integrations by affiliate, at most 1,000."""
        ...

    async def find_integration(self, account: str, affiliate: str) -> Integration | None:
        """Return one integration."""
        ...

    async def save_integration(self, account: str, integration: Integration) -> None:
        """Create or replace; durable on return."""
        ...


async def list_integrations(registry: Registry, caller: Caller) -> list[Integration]:
    """Return the caller's integrations by affiliate."""
    caller.require("read")
    return await registry.list_integrations(caller.account)


async def get_integration(registry: Registry, caller: Caller, affiliate: str) -> Integration:
    """Return one integration of the caller's account. Raise NotFound."""
    caller.require("read")
    found = await registry.find_integration(caller.account, affiliate)
    if found is None:
        raise NotFound(f"there is no integration {affiliate!r}")
    return found


async def save_integration(registry: Registry, caller: Caller, integration: Integration) -> Integration:
    """Create or replace an integration. Raise NotPermitted."""
    caller.require("admin")
    await registry.save_integration(caller.account, integration)
    return integration


async def marketplace_names(registry: Registry, caller: Caller) -> Mapping[str, str]:
    """Return affiliate → marketplace name; who shows an affiliate that is missing here shows the affiliate itself."""
    return {found.affiliate: found.marketplace for found in await registry.list_integrations(caller.account)}
