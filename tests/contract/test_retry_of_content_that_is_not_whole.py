"""What ingest stored of a payload, read back and sent to its connector again: only what is whole."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.core.keeping import ContentLimits
from services.ingest.handlers.ingesting import Ingest
from services.reprocessor.core.retry_message import build_retry
from shared.contracts.entries import entry_from_document
from tests.support.builders import make_cloudevent, make_record
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryIntegrations, MemoryLogStore
from tests.support.reprocessing import make_command

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def retried(payload: Any, *masked: tuple[str, str]) -> dict[str, Any]:
    log = MemoryLogStore()
    ingest = Ingest(log, MemoryDeadLetters(), integrations=MemoryIntegrations(*masked), limits=ContentLimits(200, 100))
    await ingest.handle([make_record(json.dumps(make_cloudevent(payload=payload)).encode())])
    (stored,) = log.entries.values()
    data: dict[str, Any] = build_retry(entry_from_document(stored), make_command(), claimed_at=NOW).event.data
    return data


@pytest.mark.parametrize(
    ("payload", "masked", "sent"),
    [
        ({"email": "a@b.co"}, (), ({"email": "a@b.co"}, False)),
        ({"email": "a@b.co"}, (("loja", "AMZ"), ("vizinha", "MLC")), ({"email": "a@b.co"}, False)),
        ({"email": "a@b.co"}, (("loja", "MLC"),), (None, True)),
        ({"note": "x" * 200}, (), (None, True)),
        (None, (("loja", "MLC"),), (None, False)),
    ],
)
async def test_a_retry_carries_the_payload_only_if_it_is_what_the_connector_sent(
    payload: Any, masked: tuple[tuple[str, str], ...], sent: tuple[Any, bool]
) -> None:
    data = await retried(payload, *masked)

    assert (data["payload"], data["payload_truncated"]) == sent
