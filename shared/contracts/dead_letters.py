"""A dead letter as it is kept to be read and replayed, the filter over dead letters, and the command that sends them back.

A document of `dead_letters`:

    _id "topic:partition:offset:hash"   of the record's first address and of its content: a crash-doubled letter is one document,
                                        and a topic made anew, whose offsets begin again, hides no old one
    account, kind (where known), original {topic, partition, offset}, letter {partition, offset} (on the dead-letter topic),
    error_class, error_message, received_at, expires_at, key, value, size, headers [[name, bytes]],
    state open | replayed, replay {at, by, id}, previous (the letter that was replayed and came back as this one), came_back_as
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args
from urllib.parse import urlencode

from pydantic import Field, model_validator

from shared.contracts.commands import MAX_ITEMS, Command
from shared.contracts.errors import InvalidFilter
from shared.contracts.filter_values import chosen, period, refuse_blank, refuse_unknown, written_filter
from shared.contracts.letter_classes import ERROR_CLASSES
from shared.contracts.names import DEAD_LETTER_TOPIC, EVENTS_TOPICS, EXPORTS_TOPIC, REPLAY_TOPIC, REPROCESS_TOPIC
from shared.contracts.records import Address

LetterState = Literal["open", "replayed"]
LETTER_STATES: Final[tuple[LetterState, ...]] = get_args(LetterState)
LetterId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,320}$")]

REPLAYABLE: Final = (*EVENTS_TOPICS, REPROCESS_TOPIC, EXPORTS_TOPIC)
"""Topics a dead letter may go back to. Not the replay topic itself: a bad replay command would go round for ever."""

LETTER_TOPICS: Final = (*REPLAYABLE, REPLAY_TOPIC, DEAD_LETTER_TOPIC)
"""Topics a dead letter may come from; from its own comes what somebody else put there."""

PARAMETERS: Final = ("error_class", "topic", "state", "from", "to")


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. `value` None is a tombstone, or was not asked for; `size` is the length of the whole value in bytes."""

    id: str
    account: str
    kind: str | None
    original: Address
    error_class: str
    error_message: str
    received_at: datetime
    key: bytes | None
    value: bytes | None
    size: int
    headers: Sequence[tuple[str, bytes | None]]
    state: LetterState
    replayed_at: datetime | None = None
    replayed_by: str | None = None
    replay_id: str | None = None
    previous: str | None = None
    came_back_as: str | None = None
    expires_at: datetime | None = None

    @property
    def may_go_back(self) -> bool:
        """Say whether the letter can be sent to the topic that it came from."""
        return self.original.topic in REPLAYABLE


def letter_from_document(document: Mapping[str, Any]) -> Letter:
    """Return the letter that a document of `dead_letters` holds, its content left out where the query left it out."""
    replay = document.get("replay") or {}
    return Letter(
        id=document["_id"],
        account=document["account"],
        kind=document.get("kind"),
        original=Address(**document["original"]),
        error_class=document["error_class"],
        error_message=document["error_message"],
        received_at=document["received_at"],
        key=document.get("key"),
        value=document.get("value"),
        size=document["size"],
        headers=[(name, value) for name, value in document.get("headers", ())],
        state=document["state"],
        replayed_at=replay.get("at"),
        replayed_by=replay.get("by"),
        replay_id=replay.get("id"),
        previous=document.get("previous"),
        came_back_as=document.get("came_back_as"),
        expires_at=document.get("expires_at"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Every field narrows; an empty one does not. `from_at` is inclusive, `to_at` exclusive, both on `received_at`."""

    error_class: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    from_at: datetime | None = None
    to_at: datetime | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "LetterFilter":
        """Return the filter that `values` (name → text or texts) write. Raise InvalidFilter for the first field at fault."""
        refuse_unknown(values, PARAMETERS)
        from_at, to_at = period(values)
        return cls(
            error_class=chosen("error_class", values.get("error_class"), ERROR_CLASSES),
            topic=chosen("topic", values.get("topic"), LETTER_TOPICS),
            state=chosen("state", values.get("state"), LETTER_STATES),
            from_at=from_at,
            to_at=to_at,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the filter as JSON that `parse` reads back; empty fields are left out."""
        written: dict[str, Any] = {name: list(getattr(self, name)) for name in ("error_class", "topic", "state")}
        return written_filter({**written, "from": self.from_at, "to": self.to_at})

    def to_query_string(self) -> str:
        """Return the filter as a query string that `parse` reads back."""
        return urlencode(self.to_json(), doseq=True)

    def is_empty(self) -> bool:
        """Say whether the filter lets every letter of its account pass."""
        return all(not getattr(self, field.name) for field in fields(self))


class ReplayCommand(Command):
    """Send open dead letters back to their topics: exactly one of `letters` (ids) and `filter` (a LetterFilter as JSON)."""

    letters: Annotated[list[LetterId], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    filter: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> "ReplayCommand":
        if (self.letters is None) == (self.filter is None):
            msg = "give exactly one of `letters` and `filter`"
            raise ValueError(msg)
        return self

    def log_filter(self) -> LetterFilter | None:
        """Return the filter, None when letters are named. Raise InvalidFilter; `state` has no place in it: open ones are sent."""
        if self.filter is None:
            return None
        if "state" in self.filter:
            raise InvalidFilter(
                "state", "only open letters are replayed", [name for name in PARAMETERS if name != "state"]
            )
        refuse_blank(self.filter)
        return LetterFilter.parse({**self.filter, "state": ["open"]})
