"""Messages as publishers send them, each with the events that it stands for. A sample is added and never changed: what was once
understood must be understood for ever.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import bson
import pytest

from services.ingest.adapters.entry_bytes import entry_bytes
from services.ingest.core.decode import SHAPES, decode
from services.ingest.core.fold import Delivery, new_entry
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Record
from tests.support.builders import make_record

SAMPLES = {path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).parent.glob("samples/*.json"))}


def record_of(sample: dict[str, Any]) -> Record:
    return make_record(
        json.dumps(sample["value"], ensure_ascii=False, separators=(",", ":")).encode(),
        topic=sample["topic"],
        key=sample["key"] and sample["key"].encode(),
        headers=tuple((name, text.encode()) for name, text in sample["headers"].items()),
        timestamp=datetime.fromisoformat(sample["received_at"]),
    )


SAID = ("status", "processed_at", "sequence", "reprocess_id", "aliases", "causes", "payload")


def told(event: IntegrationEvent) -> dict[str, Any]:
    return {
        "entry": event.entry_id,
        "source": event.source,
        "id": event.id,
        "order": event.version[0],
        **{name: getattr(event.data, name) for name in SAID},
        **event.data.extra,
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_means_what_it_always_meant(name: str) -> None:
    sample = SAMPLES[name]

    assert [told(event) for event in decode(record_of(sample))] == sample["events"]


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_stored_of_a_sample_is_its_document(name: str) -> None:
    record = record_of(SAMPLES[name])
    for event in decode(record):
        delivery = Delivery(event, record.address)
        assert entry_bytes(delivery) == bson.encode(new_entry([delivery]))


def test_every_shape_has_its_samples() -> None:
    types = {sample["headers"].get("ce_type") or sample["value"].get("type", "") for sample in SAMPLES.values()}

    assert types >= {kind for kind in SHAPES if not kind.endswith(".processed")}
    assert any(kind.endswith(".processed") for kind in types)
