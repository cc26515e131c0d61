"""A connector's log message: what it did, in which direction, how it went, and three payloads: as received, translated, answered.

The message itself does not say which item it is about: the record's key does, or the CloudEvents subject in the same form.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.ingest.core.shapes.foreign import KEY_FORM, Foreign, invalid
from services.ingest.core.shapes.processed import KIND_BY_TOPIC
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.events import EventData, Status
from shared.contracts.names import KINDS, Kind
from shared.contracts.records import Record
from shared.contracts.text import fold

WORDS_BY_KIND: Final[Mapping[Kind, frozenset[str]]] = {
    "tracking": frozenset(
        {"tracking", "rastreio", "rastreamento", "seguimiento", "invoice", "nota", "factura", "nf", "nfe", "shipment"}
    ),
    "price": frozenset({"price", "preco", "precio"}),
    "stock": frozenset({"stock", "estoque", "inventory", "inventario"}),
    "order": frozenset({"order", "pedido"}),
    "product": frozenset({"product", "produto", "producto", "sku", "catalog", "catalogo"}),
}
"""The narrower kind first: the invoice of an order is tracking, the price of a product is a price."""

WORDS_BY_STATUS: Final[Mapping[Status, frozenset[str]]] = {
    "success": frozenset({"success", "sucesso", "exito", "ok"}),
    "error": frozenset({"error", "erro", "fail", "failed", "failure", "falha"}),
    "warning": frozenset({"alert", "alerta", "warning", "aviso", "advertencia"}),
    "processing": frozenset({"pending", "pendente", "pendiente", "processing", "processando"}),
}

_WORD: Final = re.compile(r"[A-Za-z]+")
_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def connector_log(message: CloudEvent, record: Record) -> Sequence[EventData]:
    """Return the item's event."""
    given = Foreign(message, record)
    told_by = f"the record's key or the CloudEvents subject ({KEY_FORM})"
    status = status_of(given.text("Status"))
    return (
        given.event(
            account=given.first("account", (given.key.account,), told_by=told_by),
            kind=_kind(given, record),
            affiliate=given.first("affiliate", (given.key.affiliate,), told_by=told_by),
            code=given.first("code", (given.key.code,), told_by=told_by),
            status=status,
            processed_at=given.instant(),
            payload=given.value("ContentSource"),
            **_told(given, status),
        ),
    )


def _told(given: Foreign, status: Status) -> Mapping[str, Any]:
    """Return what was said and exchanged: as a cause of what went wrong, else beside it as `log`."""
    translated = given.value("ContentTranslated")
    evidence = {
        "request": given.value("ContentTransalted") if translated is None else translated,  # sic: their own spelling
        "response": given.value("ContentDestination"),
    }
    said = given.text("BusinessMessage")
    log: dict[str, Any] = {name: given.text(name) for name in ("id", "operation", "direction")}
    if status in {"error", "warning"}:
        return {"causes": [{"message": said, "evidence": evidence}], "log": log}
    return {"log": {**log, "message": said, "evidence": evidence}}


def _kind(given: Foreign, record: Record) -> str:
    """Return the key's kind; else what the operation is about; else what the topic is about."""
    if given.key.kind in KINDS:
        return given.key.kind
    kind = kind_of(given.text("Operation")) or KIND_BY_TOPIC.get(record.address.topic)
    return given.first("kind", (kind or "",), told_by=f"the record's key ({KEY_FORM}), Operation, or the topic")


def kind_of(operation: str) -> Kind | None:
    """Return the kind that an operation's name tells of, in Portuguese, English or Spanish: `UpdatePrice`, `envio de preços`."""
    plain = "".join(fold(letter) if not letter.isascii() else letter for letter in operation)
    words = {word.lower() for word in (*_WORD.findall(plain), *_PART.findall(plain))}
    words |= {word.removesuffix("s") for word in words}
    return next((kind for kind, known in WORDS_BY_KIND.items() if words & known), None)


def status_of(written: str) -> Status:
    """Return our status for theirs. Raise InvalidEvent naming the words that are known."""
    for status, known in WORDS_BY_STATUS.items():
        if fold(written) in known:
            return status
    every = ", ".join(sorted(word for known in WORDS_BY_STATUS.values() for word in known))
    raise invalid("Status", f"{written[:40]!r} is none of {every}")
