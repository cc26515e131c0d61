"""What is stored: the log entry (the current state of one item) and its attempts, as documents of MongoDB, both ways.

A log entry's document:

    _id             "account|kind|affiliate|code"
    account kind affiliate code
    state           the newest attempt: what the newest event says
      version       [order text, sequence or -1, source, event id]
      status processed_at received_at sequence reprocess_id aliases causes words
      payload_json  the payload as JSON text; absent for null. Before November 2026 it stood in `payload` as a document, and is read there
      groups        ids of the root causes, sorted (groups.py); absent where there are no causes
      payload_truncated payload_bytes payload_preview payload_masked: only where the payload was too long, or masked before it was stored
      extra         unknown fields of the event; `log` among them, what was said and exchanged, is shown (`_log_of`)
    aliases         {escaped name: [order text, value]}: per name the newest value; of an event that is older than the state
                    [order text, value, sequence or -1, source, event id]. The MAX_ALIASES names that were told of last
    ids             folded code and alias values, all that ever came up to MAX_IDS: what the search box finds
    first_seen_at   earliest, last_success_at latest: instants by which events are ordered
    attempts        how many distinct events; every change by ingest adds to it, so it also says whether the entry is still the one that was read
    in_order        of a long history (LONG_HISTORY): what `attempts` was when all that it counts came to carry `entry`. As long as the two are
                    alike an index has the attempts in order; a writer that knows nothing of it adds to `attempts` alone, and so takes it back
    applied         {partition: offset}: up to where this entry has counted its attempts; "order:3" is a partition of another kind's topic
    was             {n, status, processed_at, codes}: the counted facts of the state before this one, and how many attempts there were then;
                    for whoever follows the changes (rollups), and of the delivery, like `applied`: other orders leave another
    leaving         {status, processed_at, codes}: the same of an entry at the moment of its deletion, in the same transaction
    reprocess       {id, state, …}, the reprocessor's own; of an automatic retry with `tries` and `cancelled` (automatic_retries.py)

The newest attempt is the entry's `state`; `attempts` holds those before it (decision 0006). An attempt's document: `_id` (entry id + U+001F + hash),
the fields of `state` without `words` and `groups`, and `address` {topic, partition, offset} of its first delivery if it never was a state.
Of a long history it carries `entry`, the entry's id, as its last field: those alone stand in the index `by_order`, which costs no other item anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal

import orjson

from shared.contracts.events import IntegrationEvent, attempt_id
from shared.contracts.groups import groups_of
from shared.contracts.records import Address
from shared.contracts.text import USUAL_LENGTH, fold_ids, fold_words, remember_short
from shared.contracts.times import aware, to_milliseconds

ReprocessState = Literal["claimed", "sent", "answered", "unknown"]
Document = dict[str, Any]

PAYLOAD_FIELDS = ("payload_json", "payload")
"""Where the payload of a state or an attempt stands: as text now, as a document before."""

PAYLOAD_MARKS = ("payload_truncated", "payload_bytes", "payload_preview", "payload_masked")

_MARKS = frozenset(PAYLOAD_MARKS)
_UNMARKED = (False, None, None, False)

LOG_TEXTS = ("message", "operation", "direction")
_EMPTY: Document = {}

FOR_FINDING = frozenset({"words", "groups"})
"""Fields of a state by which entries are found; attempts are not searched."""

NAME_ESCAPES = {"%": "%25", ".": "%2E", "$": "%24", "\x00": "%00"}
"""Characters that an alias name may hold and a MongoDB field name on a path may not."""

_ESCAPES = str.maketrans(NAME_ESCAPES)

MAX_ALIASES = 100
"""Names of an entry's aliases. Connectors have a handful; one that makes a new name for each event must not fill the document."""

LONG_HISTORY = 1_000
"""An item that was attempted so often has a *long history*: an index has its attempts in order. Few items come so far; sorting the attempts of
all others takes MongoDB some ten milliseconds at most. More than one: a first event is no history.
"""

MAX_IDS = 500
"""Ids by which an entry is found, besides its code and the values of its aliases, which always are among them."""


@dataclass(slots=True)  # not frozen: that doubles what making one costs, and a page has fifty
class LogEntry:
    """One row of the panel. `aliases` are plain name → value; `reprocess` is None or the reprocessor's mark.

    `payload_truncated`: it was too long, so `payload` is None, `payload_bytes` its length as JSON and `payload_preview` its masked
    beginning. `payload_masked`: personal data was taken out before it was stored. Such a payload never goes to a connector again.
    `log`: `message`, `operation`, `direction`, texts, and `evidence`, what was said and exchanged where no cause tells it; None without.
    """

    account: str
    kind: str
    affiliate: str
    code: str
    status: str
    processed_at: datetime
    received_at: datetime
    first_seen_at: datetime
    last_success_at: datetime | None
    attempts: int
    causes: Sequence[Mapping[str, Any]] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    payload: Any = None
    sequence: int | None = None
    reprocess_id: str | None = None
    reprocess: Mapping[str, Any] | None = None
    version: Sequence[Any] = ()
    payload_truncated: bool = False
    payload_bytes: int | None = None
    payload_preview: str | None = None
    payload_masked: bool = False
    groups: Sequence[str] = ()
    log: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """The entry id."""
        return f"{self.account}|{self.kind}|{self.affiliate}|{self.code}"

    @property
    def payload_is_whole(self) -> bool:
        """Whether the payload is what the connector sent."""
        return not (self.payload_truncated or self.payload_masked)


_NAMES = [one.name for one in fields(LogEntry)]
_VALUES = attrgetter(*_NAMES)
_CAUSES = _NAMES.index("causes")


def with_causes(entry: LogEntry, causes: Sequence[Mapping[str, Any]]) -> LogEntry:
    """Return the entry with other causes, in half of the time that `replace` takes: a list shows many."""
    values = list(_VALUES(entry))
    values[_CAUSES] = causes
    return LogEntry(*values)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One processing of an item, as kept in its history."""

    id: str
    status: str
    processed_at: datetime
    received_at: datetime
    sequence: int | None
    reprocess_id: str | None
    source: str
    event_id: str
    causes: Sequence[Mapping[str, Any]]
    payload: Any
    payload_truncated: bool = False
    payload_bytes: int | None = None
    payload_preview: str | None = None
    payload_masked: bool = False
    log: Mapping[str, Any] | None = None


def attempt_document(event: IntegrationEvent, address: Address) -> Document:
    """Return the document of the attempt that `event` tells of, first delivered at `address`."""
    topic, partition, offset = address
    at = {"topic": topic, "partition": partition, "offset": offset}
    return {"_id": event.attempt_id, **_facts(event), "address": at}


def attempt_of_state(entry_id: str, state: Mapping[str, Any]) -> Document:
    """Return the document of the attempt that an entry's `state` holds."""
    facts = {name: state[name] for name in state if name not in FOR_FINDING}
    return {"_id": attempt_id_of_state(entry_id, state), **facts}


def is_long_history(attempts: int) -> bool:
    """Say whether an item that was attempted so often has a long history."""
    return attempts >= LONG_HISTORY


def attempt_id_of_state(entry_id: str, state: Mapping[str, Any]) -> str:
    """Return the id of the attempt that an entry's `state` holds."""
    _, _, source, event_id = state["version"]
    return attempt_id(entry_id, source, event_id)


def state_document(event: IntegrationEvent) -> Document:
    """Return the `state` that `event` gives its entry."""
    state = _facts(event)
    state.update(finding_facts(event.data.kind, state["causes"]))
    return state


def finding_facts(kind: str, causes: Sequence[Mapping[str, Any]]) -> Document:
    """Return the fields of a state by which an entry with these causes is found."""
    if not causes:
        return {"words": []}
    words = _words(tuple([cause["message"] for cause in causes]))
    return {"words": words, "groups": groups_of(kind, causes)}


def _facts(event: IntegrationEvent) -> Document:
    data = event.data
    facts = {
        "version": list(event.version),
        "status": data.status,
        "processed_at": to_milliseconds(event.processed_at),
        "received_at": to_milliseconds(event.received_at),
        "sequence": data.sequence,
        "reprocess_id": data.reprocess_id,
        "aliases": data.aliases,
        "causes": causes_of(event),
    }
    if data.payload_json is not None:
        facts["payload_json"] = data.payload_json
    if event.marks:
        facts.update(event.marks)
    if data.extra:
        facts["extra"] = data.extra
    return facts


def _words(messages: tuple[str, ...]) -> list[str]:
    return _usual_words(messages) if sum(map(len, messages)) < USUAL_LENGTH else fold_words(messages)


@lru_cache(1024)  # marketplaces say the same few sentences again and again
def _usual_words(messages: tuple[str, ...]) -> list[str]:
    return fold_words(messages)


def causes_of(event: IntegrationEvent) -> list[Document]:
    """Return the causes as stored; an event being processed has none."""
    if event.data.status == "processing":
        return []
    return event.data.causes


def alias_pairs(event: IntegrationEvent) -> Document:
    """Return escaped alias name → [order text, value], as an entry keeps them of the event that is its state."""
    order, told = event.version[0], event.data.aliases
    names = [name for name in sorted(told) if name and told[name]]
    return {escape_name(name): [order, told[name]] for name in names[:MAX_ALIASES]}


def search_ids(event: IntegrationEvent) -> list[str]:
    """Return the folded ids by which a person may search the entry."""
    return fold_ids((event.data.code, *event.data.aliases.values()))


def bounded_ids(ids: list[str], code: str, aliases: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the sorted `ids` of an entry as they are kept: of too many the greatest, since ids mostly rise, and all that it has now.

    The greatest of all that ever came are the greatest of those kept and those that come, so no order of events leaves others.
    """
    if len(ids) <= MAX_IDS:
        return ids
    return sorted({*ids[-MAX_IDS:], *fold_ids((code, *(pair[1] for pair in aliases.values())))})


def entry_from_document(document: Mapping[str, Any]) -> LogEntry:
    """Return the log entry that a document of `log_entries` holds; absent fields of a projection read as empty."""
    read = document.get
    state: Mapping[str, Any] = read("state", _EMPTY)
    told = state.get
    processed, first, success = state["processed_at"], document["first_seen_at"], read("last_success_at")
    processed_at = aware(processed)
    is_truncated, length, preview, is_masked = _marks_of(state)
    # By place: by name, the call takes three times as long, and a page has fifty.
    return LogEntry(
        document["account"],
        document["kind"],
        document["affiliate"],
        document["code"],
        state["status"],
        processed_at,
        aware(state["received_at"]),
        processed_at if first == processed else aware(first),  # of what was told of once they are one instant
        None if success is None else processed_at if success == processed else aware(success),
        read("attempts", 0),
        told("causes", ()),
        {
            unescape_name(name) if "%" in name else name: pair[1]
            for name, pair in sorted(read("aliases", _EMPTY).items())
        },
        _payload_of(state),
        told("sequence"),
        told("reprocess_id"),
        read("reprocess"),
        told("version", ()),
        is_truncated,
        length,
        preview,
        is_masked,
        told("groups", ()),
        _log_of(state),
    )


def attempt_from_document(document: Mapping[str, Any]) -> Attempt:
    """Return the attempt that a document of `attempts` holds."""
    is_truncated, length, preview, is_masked = _marks_of(document)
    return Attempt(
        id=document["_id"],
        status=document["status"],
        processed_at=aware(document["processed_at"]),
        received_at=aware(document["received_at"]),
        sequence=document.get("sequence"),
        reprocess_id=document.get("reprocess_id"),
        source=document["version"][2],
        event_id=document["version"][3],
        causes=document.get("causes", ()),
        payload=_payload_of(document),
        payload_truncated=is_truncated,
        payload_bytes=length,
        payload_preview=preview,
        payload_masked=is_masked,
        log=_log_of(document),
    )


def _payload_of(document: Mapping[str, Any]) -> Any:
    text = document.get("payload_json")
    return document.get("payload") if text is None else orjson.loads(text)


def _log_of(document: Mapping[str, Any]) -> Document | None:
    """Return what the event's `log` tells; it is nobody's duty to write one, so what has another form is left out."""
    extra = document.get("extra")
    told = extra.get("log") if extra else None
    if not isinstance(told, Mapping):
        return None
    texts = {name: text if isinstance(text := told.get(name), str) else "" for name in LOG_TEXTS}
    evidence = told.get("evidence")
    log = {**texts, "evidence": evidence if isinstance(evidence, Mapping) else None}
    return log if any(log.values()) else None


def _marks_of(document: Mapping[str, Any]) -> tuple[bool, int | None, str | None, bool]:
    """Return PAYLOAD_MARKS, in their order."""
    if _MARKS.isdisjoint(document):
        return _UNMARKED
    told = document.get
    return (
        told("payload_truncated", False),
        told("payload_bytes"),
        told("payload_preview"),
        told("payload_masked", False),
    )


@remember_short(1024)  # connectors have a handful of names, and write them with every event
def escape_name(name: str) -> str:
    """Return an alias name as a MongoDB field name."""
    return name.translate(_ESCAPES)


@remember_short(1024)
def unescape_name(escaped: str) -> str:
    """Return the alias name that `escape_name` wrote."""
    for letter, written in reversed(NAME_ESCAPES.items()):
        escaped = escaped.replace(written, letter)
    return escaped
