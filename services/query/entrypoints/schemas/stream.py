"""The live stream as the OpenAPI schema tells it: its parameters, what the data of each event is, and how they look on the wire."""

from typing import Annotated, Any, Final, get_args

from pydantic import Field

from services.query.entrypoints.parameters import DropEmpty, FilterAsked
from services.query.entrypoints.schemas.base import Answer
from services.query.entrypoints.schemas.entries import EntryItem
from services.query.handlers.stream.ports import ClosingReason, ResyncReason
from shared.contracts.names import Kind

MAX_ID_LENGTH: Final = 64

LastEventId = Annotated[str, Field(max_length=MAX_ID_LENGTH)]


class StreamAsked(FilterAsked):
    """The filter of the lists, over one, several or all kinds."""

    kind: Annotated[list[Kind], DropEmpty] = Field(default_factory=list)
    last_event_id: Annotated[
        LastEventId,
        Field(
            description="go on after this event, where the header Last-Event-ID cannot be set; the header goes first"
        ),
    ] = ""


class ChangedEvent(EntryItem):
    """`changed`: an entry as the lists show it."""

    matches: bool = Field(description="false: the filter does not let it pass, perhaps any more; take it off the list")


class RemovedEvent(Answer):
    """`removed`: an entry that was deleted."""

    kind: Kind
    affiliate: str = Field(examples=["MLC"])
    code: str = Field(examples=["2000004567"])


class ResyncEvent(Answer):
    """`resync`: events were left out. Read the list again; what comes after this event is whole."""

    reason: ResyncReason
    detail: str


class ClosingEvent(Answer):
    """`closing`: the stream ends on purpose. Connect again with the id of the last event."""

    reason: ClosingReason
    detail: str


ID: Final = "AWm04JMAAAASAAAAAaPeAFnQ5w7L"
ITEM: Final = (
    '{"kind":"order","affiliate":"MLC","marketplace":"Mercado Livre","code":"2000004567","status":"error",'
    '"processed_at":"2026-11-23T10:11:12.123Z","first_seen_at":"2026-11-23T09:00:00.000Z","last_success_at":null,"attempts":2,'
    '"causes":[],"aliases":{"vtex_order_id":"MLC-2000004567"},"reprocess":null,"matches":true}'
)


def _example(summary: str, value: str) -> dict[str, str]:
    return {"summary": summary, "value": value}


EXAMPLES: Final = {
    "opening": _example("The first block, no event", f": open\nretry: 3127\nid: {ID}\n\n"),
    "changed": _example(
        "An entry was made or changed and is a row of the filter", f"event: changed\nid: {ID}\ndata: {ITEM}\n\n"
    ),
    "left": _example(
        "An entry changed and is no row of the filter: if the list shows it, take it off",
        f"event: changed\nid: {ID}\ndata: {ITEM.replace('true}', 'false}')}\n\n",
    ),
    "removed": _example(
        "An entry was deleted, by the retention or on demand",
        f'event: removed\nid: {ID}\ndata: {{"kind":"order","affiliate":"MLC","code":"2000004567"}}\n\n',
    ),
    "resync": _example(
        f"Events were left out ({', '.join(get_args(ResyncReason))}): read the list again",
        f'event: resync\nid: {ID}\ndata: {{"reason":"too_old","detail":"…: read the list again"}}\n\n',
    ),
    "closing": _example(
        f"The stream ends on purpose ({', '.join(get_args(ClosingReason))})",
        'event: closing\ndata: {"reason":"stopping","detail":"the service stops: connect again"}\n\n',
    ),
    "heartbeat": _example("A sign of life each 15 s, no event; its id counts", f": alive\nid: {ID}\n\n"),
}

EVENTS: Final = (ChangedEvent, RemovedEvent, ResyncEvent, ClosingEvent)


def _event_schema(data: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return the schema of one event; its examples are the bytes on the wire."""
    text = {"type": "string"}
    told = {"contentMediaType": "application/json", "contentSchema": {"anyOf": list(data.values())}}
    return {
        "type": "object",
        "properties": {"event": {**text, "enum": list(data)}, "id": text, "data": {**text, **told}},
        "required": ["event", "data"],
        "x-events": data,
    }


def stream_responses() -> dict[int | str, dict[str, Any]]:
    """Return what the schema says of the answer: text, the data of whose events are the schemas that `x-events` names."""
    named = {model.__name__.removesuffix("Event").lower(): model.__name__ for model in EVENTS}
    data = {name: {"$ref": f"#/components/schemas/{model}"} for name, model in named.items()}
    told = ", ".join(f"`{name}` (`{model}`)" for name, model in named.items())
    return {
        200: {
            "description": f"Server-sent events, the JSON of whose `data:` is by name: {told}",
            "content": {"text/event-stream": {"schema": _event_schema(data), "examples": EXAMPLES}},
        }
    }
