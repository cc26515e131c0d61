import json
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from services.ingest.core.keeping import PREVIEW_BYTES, ContentLimits, Keeping
from services.ingest.handlers.ingesting import Ingest
from services.ingest.settings import Settings
from shared.contracts.entries import attempt_document, attempt_from_document, state_document
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Address
from tests.support.builders import make_cloudevent, make_event, make_record
from tests.support.fakes.ingest import MemoryDeadLetters, MemoryIntegrations, MemoryLogStore

LIMITS = ContentLimits(payload_bytes=100, evidence_bytes=50)
ADDRESS = Address("integration.events.order", 0, 1)


def kept(event: IntegrationEvent, *masked: tuple[str, str], size: int = 10_000) -> dict[str, Any]:
    return attempt_document(Keeping(LIMITS, frozenset(masked)).keep(event, size), ADDRESS)


def evidence_of(document: dict[str, Any]) -> Any:
    return document["causes"][0]["evidence"]


def test_what_is_short_is_kept_untouched() -> None:
    event = make_event(payload={"email": "a@b.co"})

    assert Keeping(LIMITS).keep(event, 50) is event
    assert kept(event) == attempt_document(event, ADDRESS)
    assert "payload_truncated" not in kept(event)


@pytest.mark.parametrize(("length", "size"), [(100, None), (101, 101)])
def test_the_limit_is_the_length_as_compact_json(length: int, size: int | None) -> None:
    document = kept(make_event(payload={"note": "x" * (length - len('{"note":""}'))}))

    assert document.get("payload_bytes") == size
    assert ("payload_json" not in document) == document.get("payload_truncated", False) == (size is not None)


@pytest.mark.parametrize(("blanks", "size"), [(91, None), (92, None), (93, 101)])
def test_only_what_is_too_long_as_it_came_loses_its_blanks(blanks: int, size: int | None) -> None:
    event, text = make_event(), f'{{"a": "{"x" * blanks}"}}'
    spaced = replace(event.data, payload_json=text)

    document = kept(IntegrationEvent(source="s", id="i", data=spaced, received_at=event.received_at))

    assert document.get("payload_bytes") == size
    assert document.get("payload_json") == {91: text, 92: text.replace(" ", "")}.get(blanks)


def test_a_payload_too_long_leaves_its_length_and_a_masked_beginning() -> None:
    event = make_event(payload={"firstName": "Jo\u00e3o", "document": "12345678909", "note": "\u00e9" * 5000})
    kept_event = Keeping(LIMITS).keep(event, 20_000)

    attempt = attempt_from_document(attempt_document(kept_event, ADDRESS))

    assert (attempt.payload, attempt.payload_truncated, attempt.payload_masked) == (None, True, False)
    assert attempt.payload_bytes == len(
        json.dumps(event.data.payload, ensure_ascii=False, separators=(",", ":")).encode()
    )
    assert attempt.payload_preview is not None
    assert attempt.payload_preview.startswith('{"firstName":"J***","document":"***.***.***-09","note":"\u00e9')
    assert PREVIEW_BYTES - 2 < len(attempt.payload_preview.encode()) <= PREVIEW_BYTES
    assert state_document(kept_event)["payload_preview"] == attempt.payload_preview


def test_evidence_too_long_is_cut_visibly_and_masked() -> None:
    request = {"cpf": "12345678909", "body": "x" * 100}
    cause = {"message": "m", "evidence": {"request": request, "response": "e-mail: a@b.co " + "y" * 100, "status": 400}}

    evidence = evidence_of(kept(make_event(causes=[cause])))

    assert evidence["request"].startswith('{"cpf":"***.***.***-09"')
    assert evidence["request"].endswith("[… cut: 131 bytes came, 50 are kept]")
    assert evidence["response"].startswith("e-mail: ***@b.co yyy")
    assert evidence["status"] == 400


def test_whatever_a_publisher_writes_freely_is_cut_visibly() -> None:
    long, log = "x" * 400, {"operation": "send", "evidence": {"response": "y" * 400}}
    event = make_event(
        causes=[{"message": long, "trace": long, "step": "label"}],
        note=long,
        log=log,
        many=dict.fromkeys("abcdefghij", long),
    )

    document = kept(event)

    (cause,) = document["causes"]
    cut = f"{'x' * 50}\n[… cut: 402 bytes came, 50 are kept]"
    assert (cause["message"], cause["trace"], cause["step"]) == (cut, cut, "label")
    assert document["extra"]["note"] == cut
    assert document["extra"]["log"]["operation"] == "send"
    assert document["extra"]["log"]["evidence"] == {"response": f"{'y' * 50}\n[… cut: 402 bytes came, 50 are kept]"}
    assert document["extra"]["many"].endswith("are kept]")


def test_an_integration_that_says_so_is_masked_before_it_is_stored() -> None:
    cause = {
        "code": "X",
        "message": "CPF 12345678909 of a@b.co",
        "field": "document",
        "evidence": {"request": {"email": "a@b.co"}},
    }
    event = make_event(
        payload={"email": "a@b.co"}, causes=[cause], buyer={"name": "Ana"}, aliases={"order": "12345678909"}
    )

    masked = kept(event, ("loja", "MLC"), size=10)

    assert (masked["payload_json"], masked["payload_masked"]) == ('{"email":"***@b.co"}', True)
    assert masked["causes"][0]["message"] == "CPF ***.***.***-09 of ***@b.co"
    assert evidence_of(masked)["request"] == {"email": "***@b.co"}
    assert masked["extra"] == {"buyer": {"name": "A***"}}
    assert masked["aliases"] == {"order": "12345678909"}
    assert kept(event, ("loja", "AMZ"), ("vizinha", "MLC")) == attempt_document(event, ADDRESS)


def test_secrets_and_the_field_of_a_cause_are_masked_before_they_are_stored() -> None:
    request = "POST /api HTTP/1.1\r\nX-Api-Key: KKKK\r\nHost: h"
    cause = {"code": "X", "message": "password: segredo", "field": "a@b.co", "evidence": {"request": request}}

    masked = kept(make_event(payload="https://u:p@h/x", causes=[cause]), ("loja", "MLC"), size=10)

    assert masked["causes"][0] | {"evidence": None} == {
        "code": "X",
        "message": "password: ***",
        "field": "***@b.co",
        "evidence": None,
    }
    assert evidence_of(masked)["request"] == "POST /api HTTP/1.1\r\nX-Api-Key: ***\r\nHost: h"
    assert masked["payload_json"] == '"https://***@h/x"'


async def test_entry_and_attempt_keep_the_same_and_the_cause_is_known_by_what_it_said() -> None:
    log = MemoryLogStore()
    ingest = Ingest(log, MemoryDeadLetters(), integrations=MemoryIntegrations(("loja", "MLC")), limits=LIMITS)
    told = make_cloudevent(
        payload={"note": "x" * 200}, causes=[{"message": "No available sla for a@b.co to deliver this order"}]
    )

    older = {**told, "id": "older", "data": {**told["data"], "processed_at": "2020-01-01T00:00:00Z"}}

    await ingest.handle([make_record(json.dumps(one).encode(), offset=at) for at, one in enumerate((told, older))])

    (attempt,), (entry,) = log.attempts.values(), log.entries.values()
    for document in (attempt, entry["state"]):
        assert "payload_json" not in document
        assert document["payload_truncated"] is True
        assert document["payload_masked"] is True
        assert "***@b.co" in document["causes"][0]["message"]


@pytest.mark.parametrize("days", [-1, 1, 7])
def test_attempts_are_never_kept_shorter_than_their_records(days: int) -> None:
    with pytest.raises(ValueError, match="ingest_attempts_keep_days"):
        make_settings(days)
    assert [make_settings(right).ingest_attempts_keep_days for right in (0, 8)] == [0, 8]


def make_settings(days: int) -> Settings:
    return Settings(kafka_bootstrap="k:1", mongo_uri=SecretStr("m"), ingest_attempts_keep_days=days)
