"""`ponte publish FILE`: events from a file onto the events topics, as a connector would publish them.

The file holds one JSON object, an array of them, or JSON lines. A CloudEvent travels as it is; bare `data` is wrapped. The wrapped
event's id is the hash of its data, so that the same file published twice is the same events twice.
"""

import asyncio
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.errors import CommandError
from shared.contracts.cloudevents import CloudEvent, envelope
from shared.contracts.events import KIND_BY_TYPE, entry_id, type_of
from shared.contracts.names import KINDS, Kind, events_topic
from shared.kafka.address import shown_servers
from shared.kafka.producer import OutMessage, Publisher

SOURCE = "/ponte/cli"
BATCH = 5_000


def publish_file(path: str, *, bootstrap: str, default_account: str, kind: Kind | None = None) -> int:
    """Publish all events of `path` (`-` is standard input) and return how many. Raise CommandError; nothing was sent then,
    unless it says otherwise. `kind` is that of bare data without one, and chooses the topic of messages in other shapes than ours, whose
    key is their `subject`; data that names another kind is refused.
    """
    items = read_items(path)
    if not items:
        raise CommandError(f"{path} holds no events")
    messages = [to_message(item, default_account, f"item {n}", kind) for n, item in enumerate(items, 1)]
    asyncio.run(_send(messages, bootstrap))
    return len(messages)


def read_items(path: str) -> list[Any]:
    """Return the JSON values of a file: an array's items, or one a line, or the only one."""
    try:
        text = (sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}") from error
    try:
        whole = json.loads(text)
    except ValueError as error:
        return _read_lines(path, text, error)
    except RecursionError as error:
        raise CommandError(f"{path} is nested deeper than can be read here; an event may be 100 deep") from error
    return whole if isinstance(whole, list) else [whole]


def to_message(item: object, default_account: str, place: str, kind: Kind | None = None) -> OutMessage:
    """Return the record of one event: topic by its kind, key by its entry. Raise CommandError naming `place`."""
    if not isinstance(item, dict):
        raise CommandError(f"{place}: an event is a JSON object")
    if kind is not None and "specversion" in item and item.get("type") not in KIND_BY_TYPE:
        return _message(events_topic(kind), str(item.get("subject", "")), item, place)
    _refuse_another_kind(item.get("data") if "specversion" in item else item, kind, place)
    event = item if "specversion" in item else _wrap(item, default_account, place, kind)
    data = event.get("data")
    if not isinstance(data, dict) or data.get("kind") not in KINDS:
        advice = "" if event.get("type") in KIND_BY_TYPE else "; other shapes than ours need --kind"
        raise CommandError(f"{place}: `data.kind` must be one of {', '.join(KINDS)}{advice}")
    key = entry_id(*(str(data.get(name, "")) for name in ("account", "kind", "affiliate", "code")))
    return _message(events_topic(data["kind"]), key, event, place)


def _refuse_another_kind(data: object, kind: Kind | None, place: str) -> None:
    named = data.get("kind") if isinstance(data, dict) else None
    if kind is not None and named is not None and named != kind:
        raise CommandError(
            f"{place}: its `kind` is {named!r} and --kind is {kind!r}: leave out --kind, or repair the event"
        )


def _message(topic: str, key: str, event: Mapping[str, Any], place: str) -> OutMessage:
    try:
        value, key_bytes = json.dumps(event, ensure_ascii=False).encode(), key.encode()
    except UnicodeEncodeError as error:
        raise CommandError(
            f"{place}: half of a surrogate pair is no text: write both halves, or the character"
        ) from error
    return OutMessage(topic, key_bytes or None, value, [("content-type", b"application/cloudevents+json")])


def _wrap(data: Mapping[str, Any], default_account: str, place: str, kind: Kind | None) -> dict[str, Any]:
    data = {"account": default_account, **data, **({"kind": kind} if kind else {})}
    if data.get("kind") not in KINDS:
        raise CommandError(f"{place}: `kind` must be one of {', '.join(KINDS)}; data that names none needs --kind")
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    return envelope(CloudEvent(id=digest[:32], source=SOURCE, type=type_of(data["kind"]), data=data))


def _read_lines(path: str, text: str, not_whole: ValueError) -> list[Any]:
    items: list[Any] = []
    for number, line in enumerate(text.split("\n"), 1):  # the other line breaks of Unicode may stand within a JSON text
        if not line.strip():
            continue
        try:
            items.append(json.loads(line))
        except ValueError as error:
            why = f"line {number}: {error}" if items else not_whole  # where no line is JSON, one value was meant
            raise CommandError(f"{path} is neither JSON nor JSON lines: {why}") from error
    return items


async def _send(messages: list[OutMessage], bootstrap: str) -> None:
    publisher = Publisher(bootstrap, service="cli")
    sent = 0
    for start in range(0, len(messages), BATCH):
        results = await publisher.publish_all(messages[start : start + BATCH])
        sent += sum(result.delivery == "sent" for result in results)
        if failed := [result for result in results if result.delivery != "sent"]:
            raise CommandError(
                f"{sent} of {len(messages)} events were published to {shown_servers(bootstrap)}, then: {failed[0].detail}; "
                "publish the file again, what has arrived counts once"
            )
    await publisher.close()
