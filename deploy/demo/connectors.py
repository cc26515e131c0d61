"""The connectors' voice: what happened to an item, as the CloudEvent that its marketplace's connector publishes.

The event's id is made of what it tells, so the same happening is the same event however often it is published.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from deploy.demo.chance import dice
from deploy.demo.faults import Fault
from deploy.demo.orders import Order
from deploy.demo.payloads import order_payload, price_payload, product_payload, stock_payload, tracking_payload
from deploy.demo.shop import BY_ID, Sku
from shared.contracts.cloudevents import CONTENT_TYPE, SPEC_VERSION, CloudEvent, structured
from shared.contracts.events import Status, entry_id, type_of
from shared.contracts.names import Kind, events_topic
from shared.contracts.times import format_instant
from shared.kafka.producer import OutMessage


@dataclass(frozen=True, slots=True)
class Item:
    """What an event is about: an order in orders and tracking, a SKU in the other kinds."""

    kind: Kind
    affiliate: str
    subject: Order | Sku

    @property
    def code(self) -> str:
        """The item's id within its kind."""
        return self.subject.code if isinstance(self.subject, Order) else self.subject.id

    @property
    def aliases(self) -> dict[str, str]:
        """The other ids of the item."""
        if isinstance(self.subject, Order):
            return self.subject.aliases
        return {"ref_id": self.subject.ref_id} | ({"ean": self.subject.ean} if self.subject.ean else {})


@dataclass(frozen=True, slots=True)
class Happening:
    """One processing of an item. `label` tells it from the item's other processings."""

    item: Item
    status: Status
    at: datetime
    label: str
    faults: Sequence[Fault] = field(default_factory=tuple)


def event_of(account: str, happening: Happening) -> OutMessage:
    """Return the message in which the item's connector tells of `happening`."""
    item = happening.item
    data = {
        "account": account,
        "kind": item.kind,
        "affiliate": item.affiliate,
        "code": item.code,
        "status": happening.status,
        "processed_at": format_instant(happening.at),
        "reprocess_id": None,
        "aliases": item.aliases,
        "causes": [cause_of(fault, item) for fault in happening.faults],
        "payload": payload_of(item, happening.at),
    }
    return message_of(data, event_id(account, item.kind, item.affiliate, item.code, happening.label))


def message_of(data: dict[str, Any], identity: str) -> OutMessage:
    """Return the record that carries `data`, in the mode that its connector speaks."""
    affiliate = BY_ID.get(data["affiliate"])
    event = CloudEvent(
        id=identity,
        source=f"/connectors/{affiliate.connector if affiliate else 'demo'}/{data['affiliate']}",
        type=type_of(data["kind"]),
        data=data,
        time=data["processed_at"],
    )
    value, headers = _binary(event) if affiliate and affiliate.binary else structured(event)
    key = entry_id(data["account"], data["kind"], data["affiliate"], data["code"])
    return OutMessage(events_topic(data["kind"]), key.encode(), value, headers)


def event_id(*tells: object) -> str:
    """Return the id of the event that tells this."""
    return hashlib.sha256("\x1f".join(map(str, tells)).encode()).hexdigest()[:32]


def payload_of(item: Item, at: datetime) -> dict[str, Any]:
    """Return the content behind the event, in its kind's shape."""
    if isinstance(item.subject, Order):
        make = order_payload if item.kind == "order" else tracking_payload
        return make(item.subject, at)
    if item.kind == "product":
        return product_payload(item.subject)
    return price_payload(item.subject, at) if item.kind == "price" else stock_payload(item.subject, at)


def cause_of(fault: Fault, item: Item) -> dict[str, Any]:
    """Return the cause as published: the item's values in the message, secrets masked in the evidence."""
    message = fault.message.format_map(_values(item))
    return {
        "code": fault.code if fault.coded else None,
        "message": message,
        "field": fault.field,
        "evidence": {
            "request": {
                "method": "PUT" if item.kind in {"price", "stock"} else "POST",
                "url": f"https://api.{BY_ID[item.affiliate].connector}.example.com/v2/{item.kind}s/{item.code}",
                "headers": {"Authorization": "Bearer ****", "Content-Type": "application/json"},
            },
            "response": {"status": fault.http, "body": {"error": message}},
        },
    }


def _values(item: Item) -> dict[str, str]:
    number = dice("number", item.affiliate, item.code).randrange(3 * 10**9, 4 * 10**9)
    sku = item.subject.lines[0].sku if isinstance(item.subject, Order) else item.subject
    return {
        "affiliate": item.affiliate,
        "code": item.code,
        "number": str(number),
        "courier": item.subject.courier if isinstance(item.subject, Order) else "",
        "brand": sku.family.brand,
        "category": sku.family.categories[1],
        "colour": sku.colour,
        "price": f"{sku.cents // 400},{sku.cents % 100:02d}",
    }


def _binary(event: CloudEvent) -> tuple[bytes, list[tuple[str, bytes]]]:
    attributes = {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time,
    }
    headers = [(f"ce_{name}", str(text).encode()) for name, text in attributes.items()]
    return orjson.dumps(event.data), [(CONTENT_TYPE, b"application/json"), *headers]
