"""Where a list of the panel hears of what changes, and since when: from a little before it was read, so that nothing falls between."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from services.query.core.permissions import Caller
from services.query.core.stream.position import event_id, position_of
from services.query.entrypoints.pages.address import ListAddress
from shared.contracts.catalogue import Language

MARGIN_SECONDS: Final = 2
"""MongoDB's clock may differ from ours by so much. What is told twice changes no row."""


@dataclass(frozen=True, slots=True)
class Live:
    """The stream of a list: its address, and the id to go on after."""

    address: str
    since: str


def live_of(address: ListAddress, caller: Caller, language: Language, now: datetime) -> Live:
    """Return the stream of the list that is read after `now`."""
    query = urlencode({**address.rows.to_json(), "lang": language}, doseq=True)
    since = position_of(int(now.timestamp()) - MARGIN_SECONDS, 0)
    return Live(f"/v1/stream?{query}", event_id(since, caller.account))
