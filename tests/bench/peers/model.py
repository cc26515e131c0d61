"""Our documents and write calls, without what surrounds them in the service: no validation, no dead letters, no metrics, no search for duplicates.

Written a second time on purpose: it is the limit that the service is held against, so it must not share the service's code. The
benchmark compares the documents that both leave behind.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from confluent_kafka import Message
from pymongo import UpdateOne

from shared.contracts.groups import groups_of
from shared.contracts.text import fold_words

Document = dict[str, Any]
Arrived = tuple[bytes, str, int, int, int]
"""(value, topic, partition, offset, timestamp in milliseconds)."""

_words: dict[str, list[str]] = {}
_groups: dict[tuple[str, ...], list[str]] = {}


def arrived(message: Message) -> Arrived:
    """Return what the model needs of a librdkafka message."""
    return message.value(), message.topic(), message.partition(), message.offset(), message.timestamp()[1]


@dataclass(slots=True)
class Told:
    """What one message says: the state it would be, the other fields of its entry, and where it stood."""

    identity: str
    entry: Document
    partition: str
    offset: int

    @property
    def state(self) -> Document:
        """The attempt, as an entry holds it."""
        state: Document = self.entry["state"]
        return state


@dataclass(slots=True)
class Writes:
    """What a batch writes: attempts that are history, then new entries and changes of known ones, by entry id."""

    attempts: list[Document]
    new: list[Document]
    changes: dict[str, UpdateOne]


def by_entry(messages: Iterable[Arrived]) -> dict[str, list[Told]]:
    """Return what the messages tell of each entry."""
    entries: dict[str, list[Told]] = {}
    for message in messages:
        told = _told(message)
        entries.setdefault(told.identity, []).append(told)
    return entries


def plan(entries: Mapping[str, Sequence[Told]], held: Mapping[str, Document]) -> Writes:
    """Return the writes; `held` are the documents of those entries that are there."""
    writes = Writes([], [], {})
    for identity, told in entries.items():
        ordered = sorted(told, key=lambda one: one.state["version"]) if len(told) > 1 else told
        found = held.get(identity)
        if found is None:
            writes.attempts += [_attempt(identity, one.state) for one in ordered[:-1]]
            writes.new.append(_new(ordered) if len(ordered) > 1 else ordered[0].entry)
            continue
        stays = found["state"]["version"] > ordered[-1].state["version"]
        writes.attempts += [_attempt(identity, one.state) for one in (ordered if stays else ordered[:-1])]
        if not stays:
            writes.attempts.append(_attempt(identity, found["state"]))
        writes.changes[identity] = UpdateOne(
            {"_id": identity, "attempts": found["attempts"]}, {"$set": _fields(found, ordered, stays=stays)}
        )
    return writes


def _new(ordered: Sequence[Told]) -> Document:
    entry = dict(ordered[-1].entry)
    entry.update(_common(ordered, {}))
    entry["applied"] = _applied(ordered)
    return entry


def _fields(found: Document, ordered: Sequence[Told], *, stays: bool) -> Document:
    fields = _common(ordered, found)
    fields = {name: value for name, value in fields.items() if found.get(name) != value}
    fields |= {f"applied.{partition}": offset for partition, offset in _applied(ordered).items()}
    if stays:
        return fields
    was = found["state"]
    codes = [cause["code"] for cause in was["causes"]]
    facts = {"n": found["attempts"], "status": was["status"], "processed_at": was["processed_at"], "codes": codes}
    return {**fields, "state": ordered[-1].state, "was": facts}


def _common(ordered: Sequence[Told], found: Document) -> Document:
    ids = {*found.get("ids", ()), *(text for one in ordered for text in one.entry["ids"])}
    success = [one.entry["last_success_at"] for one in ordered if "last_success_at" in one.entry]
    success += [found["last_success_at"]] if "last_success_at" in found else []
    seen = [one.entry["first_seen_at"] for one in ordered]
    return {
        "aliases": _aliases(ordered, found),
        "ids": sorted(ids),
        "first_seen_at": min([*seen, found["first_seen_at"]] if found else seen),
        **({"last_success_at": max(success)} if success else {}),
        "attempts": found.get("attempts", 0) + len(ordered),
    }


def _aliases(ordered: Sequence[Told], found: Document) -> Document:
    """Return per name the newest value; one that is not of the newest state carries the rest of its event's version."""
    versions = [one.state["version"] for one in ordered]
    held = found["state"]["version"] if found else None
    newest = {
        name: ([pair[0], *pair[2:]] if len(pair) > 2 else held, pair[1])
        for name, pair in found.get("aliases", {}).items()
    }
    for one, version in zip(ordered, versions, strict=True):
        for name, (_, text) in one.entry["aliases"].items():
            if name not in newest or newest[name][0] < version:
                newest[name] = version, text
    latest = max(versions if held is None else [*versions, held])
    return {
        name: [version[0], text] if version == latest else [version[0], text, *version[1:]]
        for name, (version, text) in sorted(newest.items())
    }


def _applied(told: Sequence[Told]) -> dict[str, int]:
    return {one.partition: max(each.offset for each in told if each.partition == one.partition) for one in told}


def _attempt(identity: str, state: Document) -> Document:
    _, _, source, event_id = state["version"]
    digest = hashlib.sha256(f"{source}\x00{event_id}".encode()).hexdigest()[:32]
    facts = dict(state)
    facts.pop("words")
    facts.pop("groups", None)
    return {"_id": f"{identity}\x1f{digest}", **facts}


def _told(message: Arrived) -> Told:
    value, _, partition, offset, milliseconds = message
    body = orjson.loads(value)
    data = body["data"]
    identity = f"{data['account']}|{data['kind']}|{data['affiliate']}|{data['code']}"
    at = datetime.fromisoformat(data["processed_at"])
    order = data["processed_at"][:-1].rstrip("0").rstrip(".")
    status, aliases = data["status"], data["aliases"]
    causes = [] if status == "processing" else [{**cause, "evidence": None} for cause in data["causes"]]
    entry = {
        "_id": identity,
        "account": data["account"],
        "kind": data["kind"],
        "affiliate": data["affiliate"],
        "code": data["code"],
        "state": {
            "version": [order, -1, body["source"], body["id"]],
            "status": status,
            "processed_at": at,
            "received_at": datetime.fromtimestamp(milliseconds / 1000, UTC),
            "sequence": None,
            "reprocess_id": None,
            "aliases": aliases,
            "causes": causes,
            **({"payload_json": orjson.dumps(data["payload"]).decode()} if data.get("payload") is not None else {}),
            "words": _words_of(causes),
            **({"groups": _groups_of(data["kind"], causes)} if causes else {}),
        },
        "aliases": {name: [order, text] for name, text in aliases.items()},
        "ids": sorted({data["code"].lower(), *(text.lower() for text in aliases.values())}),
        "first_seen_at": at,
        **({"last_success_at": at} if status == "success" else {}),
        "attempts": 1,
        "applied": {str(partition): offset},
    }
    return Told(identity, entry, str(partition), offset)


def _words_of(causes: Sequence[Document]) -> list[str]:
    found: list[str] = []
    for cause in causes:
        message = cause["message"]
        if message not in _words:
            _words[message] = fold_words([message])
        found += _words[message]
    return found


def _groups_of(kind: str, causes: Sequence[Document]) -> list[str]:
    told = (kind, *(text for cause in causes for text in (cause["code"], cause["message"])))
    if told not in _groups:
        _groups[told] = groups_of(kind, causes)
    return _groups[told]
