"""The registry of integrations, read only: query owns it."""

from datetime import datetime, timedelta
from typing import Final

from shared.contracts.names import INTEGRATIONS
from shared.mongo.client import Database
from shared.mongo.errors import translated
from shared.runtime.clock import Clock

REMEMBERED_FOR: Final = timedelta(seconds=30)
"""A changed setting holds for events that come this much later; asking for every batch would cost one more question each."""


class MongoIntegrations:
    """The port Integrations."""

    def __init__(self, database: Database, *, now: Clock) -> None:
        self._integrations = database[INTEGRATIONS]
        self._now = now
        self._known: tuple[frozenset[tuple[str, str]], datetime] | None = None

    async def list_masked(self) -> frozenset[tuple[str, str]]:
        """Return (account, affiliate) of those whose content is masked before it is stored; at most 30 s old."""
        now = self._now()
        if self._known is None or now >= self._known[1]:
            with translated():
                found = await self._integrations.find(
                    {"mask_at_write": {"$eq": True}}, {"account": 1, "affiliate": 1}
                ).to_list()
            masked = frozenset((document["account"], document["affiliate"]) for document in found)
            self._known = (masked, now + REMEMBERED_FOR)
        return self._known[0]
