import json
from typing import Any

import pytest

from services.query.core.letters import mask_document, masked_letter, masked_summary, revealed_letter
from shared.contracts.dead_letters import letter_from_document
from tests.support.letters import make_letter

EVENT: dict[str, Any] = {
    "account": "loja",
    "kind": "order",
    "code": "2000004567",
    "total": 12.5,
    "payload": {
        "comprador": {
            "nome": "Zyxwana",
            "observacao": "Zyxwana",
            "telefones": ["11987654321"],
            "cpf": 52998224725,
            "clientId": "52998224725",
        },
        "cvv": 123,
    },
    "causes": [{"message": "Zyxwana@example.com", "evidence": {"body": json.dumps({"firstName": "Zyxwana"})}}],
}
TEXT = json.dumps(EVENT)
CANARIES = ("zyxwana", "11987654321", "52998224725")


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\ufeff{TEXT}",
        f"  {TEXT}",
        json.dumps(TEXT),
        TEXT[:-1],
        TEXT[: TEXT.index("example")],
        f"{TEXT}}}",
        f"x{TEXT}",
        TEXT[1:],
        TEXT.replace('"', "", 1),
        TEXT.replace(", ", ",\n\t"),
        json.dumps(EVENT, indent=2)[:-1],
        TEXT.replace("12.5", "NaN"),
        f'{{"deep": {"[" * 2000}, "event": {TEXT}',
        f'{{"event": {TEXT}, "deep": {"[" * 300}{"]" * 300}}}',
        f'{{"event": {TEXT}, "deep": {"[" * 900}{"]" * 900}}}',
    ],
)
def test_no_personal_value_stays_in_an_event_however_it_is_broken(text: str) -> None:
    shown = mask_document(text).casefold()
    assert [canary for canary in CANARIES if canary in shown] == []


def test_broken_json_keeps_its_fields_and_which_item_it_was() -> None:
    shown = mask_document(TEXT[:-1])
    assert shown.startswith('{"account": "loja", "kind": "order", "code": "2000004567", "total": 12.5, "payload": {')
    assert '"nome": "Z***", "observacao": "Z***", "telefones": ["***"], "cpf": ***, "clientId": "***"}' in shown
    assert '"cvv": ***' in shown


@pytest.mark.parametrize("text", ['{"id": 1}', "not JSON at all", "", "<a>1</a>", '{ "a" : [1, 2] }'])
def test_what_holds_nothing_personal_stays_as_it_came(text: str) -> None:
    assert mask_document(text) == text


@pytest.mark.parametrize("value", ["Ana".encode("utf-16-le"), b"\xff Ana", "Jo\xe3o".encode("latin-1")])
def test_bytes_that_are_not_text_are_withheld_and_revealed_as_they_are(value: bytes) -> None:
    letter = letter_from_document(make_letter(value=value, key=value, headers=(("x", value),)))

    shown, revealed = masked_letter(letter), revealed_letter(letter)

    assert (shown.value.text, shown.value.encoding, shown.is_masked) == (None, "withheld", True)
    assert (shown.headers[0][1].text, shown.headers[0][1].encoding) == (None, "withheld")
    assert (shown.letter.key, shown.letter.value, shown.letter.headers) == (None, None, ())
    assert revealed.value.text
    assert revealed.is_masked is False


def test_a_header_is_masked_by_its_name_too_and_a_tombstone_is_none() -> None:
    headers = (("authorization", b"abc"), ("buyer-name", b"Ana Silva"), ("ce_type", b"integration.event"))
    shown = masked_letter(letter_from_document(make_letter(value=None, headers=headers)))
    assert [content.text for _, content in shown.headers] == ["***", "A*** S***", "integration.event"]
    assert (shown.value.text, shown.value.encoding) == (None, None)


def test_the_key_that_names_an_item_stays() -> None:
    letter = letter_from_document(make_letter(key=b"loja|order|MLC|2000004567"))
    assert masked_summary(letter).key == b"loja|order|MLC|2000004567"
