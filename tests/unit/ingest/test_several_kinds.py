"""Messages of several kinds on any topic, beside our own events of the same items: offsets of two topics must not meet."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.handlers.ingesting import Ingest
from shared.contracts.errors import StoreUnavailable
from shared.contracts.events import ITEM_CHANGED_TYPE
from shared.contracts.records import Record
from tests.support.builders import make_cloudevent, make_record
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryLogStore, crash_at
from tests.support.ingest_shop import batches, essence

FLAGS = ["StockModified", "PriceModified", "HasStockKeepingUnitModified"]
KINDS = ["stock", "price", "product"]
STAMPS = ["2026-11-23T10:11:12.1Z", "2026-11-23T10:11:12.1000001Z", "2026-11-22T10:11:12Z"]

notices = st.builds(
    lambda flags, at, sku: (
        ITEM_CHANGED_TYPE,
        {"IdSku": sku, "An": "loja", "IdAffiliate": "MLC", "DateModified": at, **dict.fromkeys(flags, True)},
    ),
    st.sets(st.sampled_from(FLAGS), min_size=1),
    st.sampled_from(STAMPS),
    st.sampled_from(["A", "B"]),
)
answers = st.builds(
    lambda kind, at, sku, status: ("", make_cloudevent(kind=kind, code=sku, processed_at=at, status=status)["data"]),
    st.sampled_from(KINDS),
    st.sampled_from(STAMPS),
    st.sampled_from(["A", "B"]),
    st.sampled_from(["success", "error"]),
)


@st.composite
def published(draw: st.DrawFn) -> tuple[list[Record], list[Record]]:
    """Return (each message once in order; the same, some again, in any order), with the offsets of several topics."""
    offsets: dict[tuple[str, int], int] = {}

    def append(value: bytes, kind: str | None) -> Record:
        topic = f"integration.events.{kind or draw(st.sampled_from(KINDS))}"
        partition = draw(st.integers(0, 1))
        offsets[topic, partition] = offset = offsets.get((topic, partition), draw(st.integers(-1, 3))) + 1
        return make_record(value, topic=topic, partition=partition, offset=offset)

    values = []
    for number, (name, data) in enumerate(draw(st.lists(st.one_of(notices, answers), min_size=1, max_size=6))):
        envelope = make_cloudevent(id=f"e{number}")
        envelope |= {"type": name or f"integration.{data['kind']}.processed", "data": data}
        values.append((json.dumps(envelope).encode(), data.get("kind")))
    again = draw(st.lists(st.sampled_from(values), max_size=4))
    once = [append(*value) for value in values]
    # A broker keeps each partition in order; between partitions there is none.
    mixed = sorted((append(*value) for value in [*values, *again]), key=lambda record: record.address.offset)
    return once, mixed


async def documents_of(records: list[Record], sizes: list[int], crash: int | None = None) -> Any:
    log = MemoryLogStore()
    for batch in batches(records, sizes):
        if crash is not None:
            log.before = crash_at(crash)
        try:
            await Ingest(log, MemoryDeadLetters()).handle(batch)
        except StoreUnavailable:
            log.before = lambda _: None
            await Ingest(log, MemoryDeadLetters()).handle(batch)
    return essence(log.attempts, log.entries)


@settings(max_examples=120)
@given(published(), st.lists(st.integers(1, 5), min_size=1, max_size=3), st.none() | st.integers(0, 4))
async def test_messages_of_several_kinds_come_to_the_same_in_any_order_and_after_any_crash(
    shop: Any, sizes: list[int], crash: int | None
) -> None:
    once, mixed = shop

    assert await documents_of(mixed, sizes, crash) == await documents_of(once, [1])
