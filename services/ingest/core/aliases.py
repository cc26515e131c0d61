"""The newest value of each alias of an entry, by the total order of its events.

A pair `[order text, value]` came with the state: it has the state's version. A value of an older event carries the rest of its own,
`[order text, value, sequence, source, event id]`. So an entry whose newest event names all its aliases, as nearly all do, needs no more,
and what is stored follows from the events alone, however they come. Of too many names those stay that were told of last; of one event's
the first by name: a name that is left out could come back only by an event that is newer than all of those. A pair from before November 2026 may be of an event that is not
the state; nothing is known of it but its order text, and any event of the same instant is newer.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from shared.contracts.entries import MAX_ALIASES, Document, alias_pairs, unescape_name
from shared.contracts.events import IntegrationEvent, Version

_PAIR: Final = 2


def merged_aliases(
    held: Mapping[str, Sequence[Any]], state: Version | None, events: Sequence[IntegrationEvent]
) -> Document:
    """Return the aliases of an entry that `events` tell of. `state` is the version of its state before them, None without one."""
    told = [(event.version, alias_pairs(event)) for event in events]
    latest, last = max(told, key=itemgetter(0))
    is_newest = state is None or state < latest
    if is_newest and last.keys() >= held.keys() and all(last.keys() >= pairs.keys() for _, pairs in told):
        return last  # it names all that there are
    newest = {name: (_version_of(pair, state), pair[1]) for name, pair in held.items()}
    for version, pairs in told:
        for name, pair in pairs.items():
            if name not in newest or newest[name][0] < version:
                newest[name] = (version, pair[1])
    if state is not None:
        latest = max(latest, state)
    return {name: _written(*newest[name], latest) for name in _kept(newest)}


def _kept(newest: Mapping[str, tuple[Version, str]]) -> list[str]:
    names = sorted(newest, key=unescape_name)
    if len(names) <= MAX_ALIASES:
        return names
    latest = sorted(names, key=lambda name: newest[name][0], reverse=True)  # leaves those of one version in their order
    return sorted(latest[:MAX_ALIASES], key=unescape_name)


def _version_of(pair: Sequence[Any], state: Version | None) -> Version:
    order = pair[0]
    if len(pair) > _PAIR:
        return order, pair[2], pair[3], pair[4]
    return state if state is not None and state[0] == order else (order, -1, "", "")


def _written(version: Version, value: str, state: Version) -> list[Any]:
    order, *others = version
    return [order, value] if version == state else [order, value, *others]
