"""The registry of integrations: which marketplace an affiliate stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.query.core.permissions import Caller
from shared.contracts.errors import NotFound


@dataclass(frozen=True, slots=True)
class Integration:
    """A registered connection of an account to a marketplace. `mask_at_write`: its events' personal data is never stored."""

    affiliate: str
    marketplace: str
    mask_at_write: bool = False


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


async def save_integration(
    registry: Registry, caller: Caller, affiliate: str, *, marketplace: str, mask_at_write: bool | None = None
) -> Integration:
    """Create or replace an integration. `mask_at_write` None leaves that as it is. Raise NotPermitted."""
    caller.require("admin")
    if mask_at_write is None:  # whoever only renames must not open what someone had closed
        known = await registry.find_integration(caller.account, affiliate)
        mask_at_write = known is not None and known.mask_at_write
    integration = Integration(affiliate, marketplace, mask_at_write)
    await registry.save_integration(caller.account, integration)
    return integration


async def marketplace_names(registry: Registry, caller: Caller) -> Mapping[str, str]:
    """Return affiliate → marketplace name; who shows an affiliate that is missing here shows the affiliate itself."""
    return {found.affiliate: found.marketplace for found in await registry.list_integrations(caller.account)}
