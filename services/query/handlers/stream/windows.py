"""Changes → events: the entries are read once, judged for each channel, and written once for each language."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from services.query.core.integration import Marketplaces
from services.query.core.masking import mask_entry
from services.query.core.stream.changes import Change
from services.query.core.stream.channel import Channel, Verdict
from services.query.core.stream.position import event_id
from services.query.handlers.registry import Registry
from services.query.handlers.stream.ports import ChangedEntries, EventWriter
from shared.contracts.catalogue import Language
from shared.contracts.entries import entry_from_document
from shared.runtime.retry import until_done

READ_AT_ONCE: Final = 500
Wanted = Sequence[tuple[Channel, Sequence[Change]]]
"""Of each channel the changes that may concern it."""


@dataclass(frozen=True, slots=True)
class WindowMaker:
    """The three ports that an event is made from."""

    entries: ChangedEntries
    registry: Registry
    write: EventWriter

    async def make(self, wanted: Wanted) -> list[tuple[Channel, dict[str, bytes]]]:
        """Return the events of each channel by entry id, in the order of the changes. Waits for as long as reading fails."""
        documents = await self._read({change.entry_id for _, changes in wanted for change in changes})
        names = {account: await self._names(account) for account in {channel.wish.account for channel, _ in wanted}}
        scribe = _Scribe(self.write, documents, names)
        made = []
        for channel, changes in wanted:
            made.append((channel, scribe.frames(channel, changes)))
            await asyncio.sleep(0)  # many channels, one loop: requests go in between
        return made

    async def _read(self, ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        listed, found = list(ids), dict[str, Mapping[str, Any]]()
        for start in range(0, len(listed), READ_AT_ONCE):
            read = partial(self.entries.read_entries, listed[start : start + READ_AT_ONCE])
            found |= await until_done(read, what="reading changed entries")
        return found

    async def _names(self, account: str) -> Marketplaces:
        return Marketplaces(
            await until_done(lambda: self.registry.list_integrations(account), what="reading the registry")
        )


class _Scribe:
    """Writes the events of one window, none twice."""

    def __init__(
        self, write: EventWriter, documents: Mapping[str, Mapping[str, Any]], names: Mapping[str, Marketplaces]
    ) -> None:
        self._write = write
        self._documents = documents
        self._names = names
        self._written: dict[tuple[str, Language, Verdict], bytes] = {}

    def frames(self, channel: Channel, changes: Sequence[Change]) -> dict[str, bytes]:
        """Return the events of a channel by entry id."""
        frames = {}
        for change in changes:
            document = self._documents.get(change.entry_id)
            if (verdict := channel.judge(change, document)) is not None:
                frames[change.entry_id] = self._frame(channel, change, verdict, document)
        return frames

    def _frame(self, channel: Channel, change: Change, verdict: Verdict, document: Mapping[str, Any] | None) -> bytes:
        account, language = channel.wish.account, channel.wish.language
        key = (change.entry_id, language, verdict)
        if (known := self._written.get(key)) is not None:
            return known
        identity = event_id(change.position, account)
        if document is None or verdict == "gone":
            frame = self._write.removed(identity, change.entry_id)
        else:
            entry, names = mask_entry(entry_from_document(document)), self._names[account]
            frame = self._write.changed(identity, entry, matches=verdict == "matches", names=names, language=language)
        self._written[key] = frame
        return frame
