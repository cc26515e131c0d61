"""Which records were counted before, though they come again: a partition that is held brings them to whichever lane reads it next.

Its commit stands at the first letter that nobody takes, so that one and what was in hand behind it are read once more.
"""

from collections.abc import Mapping, Sequence

from shared.contracts.records import Address, Place, Untaken


class Counted:
    """Shared by the lanes of a process. It keeps one range of offsets for each partition that was ever held."""

    def __init__(self) -> None:
        self._ranges: dict[Place, range] = {}

    def has(self, address: Address) -> bool:
        """Say whether the record at `address` was counted with a batch that left its partition held."""
        offsets = self._ranges.get((address.topic, address.partition))
        return offsets is not None and address.offset in offsets

    def remember(self, untaken: Sequence[Untaken], commit: Mapping[Place, int]) -> None:
        """Keep what a batch held: from its first untaken letter to where it ends, `commit`."""
        firsts: dict[Place, int] = {}
        for one in untaken:
            topic, partition, offset = one.letter.record.address
            firsts[topic, partition] = min(offset, firsts.get((topic, partition), offset))
        for place, first in firsts.items():
            before = self._ranges.get(place)
            if before is None or first < before.start:  # lower than ever: the topic was made again
                self._ranges[place] = range(first, commit[place])
            else:
                self._ranges[place] = range(before.start, max(before.stop, commit[place]))
