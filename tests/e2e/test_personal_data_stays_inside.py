"""Canaries: values that exist nowhere else go in with an event, and must come out nowhere but where someone reveals them."""

import asyncio
import json
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pymongo import MongoClient

from shared.contracts.names import events_topic
from shared.kafka.producer import OutMessage, Publisher
from tests.support.builders import make_data, now_text
from tests.support.eventually import eventually
from tests.support.ponte import RunningPonte

WRITTEN = "MWR"
"""The affiliate whose data is masked before it is stored."""


def digits(count: int) -> str:
    return "".join(secrets.choice("23456789") for _ in range(count))


class Canaries:
    """One buyer whom nobody else is."""

    def __init__(self) -> None:
        self.word = f"Zyxw{secrets.token_hex(6)}"
        self.cpf, self.cnpj, self.phone, self.card = digits(11), digits(14), f"119{digits(8)}", digits(16)
        self.email = f"{self.word.lower()}.mail@example.com"
        cut = self.cpf
        self.formatted = f"{cut[:3]}.{cut[3:6]}.{cut[6:9]}-{cut[9:]}"

    def found_in(self, text: str) -> set[str]:
        wanted = (self.word, self.cpf, self.formatted, self.cnpj, self.phone, self.card, self.email.partition("@")[0])
        return {canary for canary in wanted if canary.casefold() in text.casefold()}

    def payload(self, *, padding: int = 0) -> dict[str, Any]:
        return {
            "clientProfileData": {
                "firstName": self.word, "lastName": self.word, "email": self.email, "document": self.cpf,
                "documentType": "cpf", "phone": f"+55{self.phone}", "corporateName": self.word, "corporateDocument": self.cnpj,
            },
            "shippingData": {"selectedAddresses": [{"receiverName": self.word, "street": self.word, "complement": self.word}]},
            "invoiceData": {"address": {"name": self.word}, "CPF_CNPJ": self.formatted, "card_number": self.card},
            "comprador": {"nome": self.word, "telefones": [self.phone], "observacao": self.word},
            "padding": "x" * padding,
        }  # fmt: skip

    def causes(self, *, padding: int = 0) -> list[dict[str, Any]]:
        return [
            {
                "message": f"CPF {self.cpf} / {self.formatted} de {self.email} inválido, telefone +55{self.phone}",
                "evidence": {
                    "request": {
                        "headers": {"Authorization": f"Bearer {self.word}1"},
                        "body": json.dumps(self.payload()),
                    },
                    "response": f'{{"email":"{self.email}","firstName":"{self.word}", "cut' + "y" * padding,
                },
            }
        ]


@pytest.fixture(scope="module")
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture(scope="module")
def ponte(canaries: Canaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPonte]:
    with RunningPonte("--ephemeral", PONTE_LOG_LEVEL="debug") as running:
        switched = running.ask("PUT", f"/v1/integrations/{WRITTEN}", {"marketplace": "Masked", "mask_at_write": True})
        assert switched[0] == 201
        told: dict[str, Any] = {"processed_at": now_text(), "aliases": {}}
        events = [
            make_data(code="whole", payload=canaries.payload(), causes=canaries.causes(), **told),
            make_data(
                code="cut", payload=canaries.payload(padding=90_000), causes=canaries.causes(padding=20_000), **told
            ),
            *(
                make_data(
                    code="masked",
                    affiliate=WRITTEN,
                    payload=canaries.payload(),
                    causes=canaries.causes(),
                    sequence=n,
                    **told,
                )
                for n in range(2)
            ),
        ]
        path = tmp_path_factory.mktemp("canaries") / "events.jsonl"
        path.write_text("\n".join(json.dumps(event) for event in events))
        assert running.run("publish", str(path)).returncode == 0
        send_broken(running, canaries)
        eventually(lambda: len(letters_of(running)) == 3, within=60)
        eventually(lambda: running.entry("order", "MLC", "cut"))
        eventually(lambda: (running.entry("order", WRITTEN, "masked") or {}).get("attempts") == 2)
        yield running


def send_broken(ponte: RunningPonte, canaries: Canaries) -> None:
    """A cut event, a whole one without its status, one in another encoding; each in a record with headers."""
    event = make_data(code="broken", payload=canaries.payload(), causes=canaries.causes(), processed_at=now_text())
    text = json.dumps(event)
    unfinished = json.dumps({name: value for name, value in event.items() if name != "status"})
    headers = (("buyer-email", canaries.email.encode()), ("trace", b"\xff" + canaries.word.encode()))

    async def send() -> None:
        publisher = Publisher(ponte.status["kafka"]["bootstrap"], service="test")
        values = (text[:-1].encode(), unfinished.encode(), text.encode() + b"\xff")
        sent = [OutMessage(events_topic("order"), b"loja|order|MLC|broken", value, headers) for value in values]
        assert all(result.delivery == "sent" for result in await publisher.publish_all(sent))
        await publisher.close()

    asyncio.run(send())


def letters_of(ponte: RunningPonte) -> list[str]:
    return [item["id"] for item in json.loads(text_of(ponte, "/v1/dead-letters"))["items"]]


def test_no_dead_letter_tells_them_but_to_an_admin_who_says_why(ponte: RunningPonte, canaries: Canaries) -> None:
    letters = letters_of(ponte)
    pages = ["/v1/dead-letters", "/v1/dead-letters/summary", "/dead-letters"]
    pages += [f"{start}/{letter}" for start in ("/v1/dead-letters", "/dead-letters") for letter in letters]

    assert {path: canaries.found_in(text_of(ponte, path)) for path in pages} == {path: set() for path in pages}
    with pytest.raises(urllib.error.HTTPError, match="422"):
        text_of(ponte, f"/v1/dead-letters/{letters[0]}/raw")
    encodings = set()
    for letter in letters:
        shown = json.loads(text_of(ponte, f"/v1/dead-letters/{letter}?reveal=true&reason=canary"))
        encodings.add(shown["value_encoding"])
        if shown["value_encoding"] == "utf-8":
            assert len(canaries.found_in(shown["value"])) == 7
            assert len(canaries.found_in(text_of(ponte, f"/v1/dead-letters/{letter}/raw?reason=canary"))) == 7
    assert encodings == {"utf-8", "base64"}


def text_of(ponte: RunningPonte, address: str) -> str:
    request = urllib.request.Request(
        urllib.parse.urljoin(ponte.url, address), headers={"Authorization": f"Bearer {ponte.key}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())


def paths() -> list[str]:
    items = [f"order/{affiliate}/{code}" for affiliate, code in (("MLC", "whole"), ("MLC", "cut"), (WRITTEN, "masked"))]
    return [
        "/v1/logs/order",
        "/v1/logs/order?q=invalido",
        "/v1/summary",
        "/v1/groups",
        "/logs/order/groups",
        "/logs/order",
        *(f"/v1/logs/{item}" for item in items),
        *(f"/v1/logs/{item}/attempts" for item in items),
        *(f"/logs/{item}" for item in items),
        *(f"/logs/{item}/details" for item in items),
    ]


@pytest.mark.parametrize("path", paths())
def test_no_answer_and_no_page_tells_them(ponte: RunningPonte, canaries: Canaries, path: str) -> None:
    assert canaries.found_in(text_of(ponte, path)) == set()


@pytest.mark.parametrize("kind", ["xlsx", "csv", "jsonl"])
def test_no_report_tells_them(ponte: RunningPonte, canaries: Canaries, tmp_path: Path, kind: str) -> None:
    target = tmp_path / f"report.{kind}"
    exported = ponte.run("export", "order", "--format", kind, "-o", str(target))

    assert exported.returncode == 0, exported.stderr
    if kind == "xlsx":
        book = openpyxl.load_workbook(target)
        text = str([row for sheet in book for row in sheet.iter_rows(values_only=True)])
    else:
        text = target.read_text(encoding="utf-8-sig")
    assert "***@example.com" in text
    assert canaries.found_in(text) == set()


def test_no_log_and_no_metric_tells_them(ponte: RunningPonte, canaries: Canaries) -> None:
    home = Path(ponte._home.name)
    logs = {path: path.read_text(errors="replace") for path in home.glob("**/*.log")}
    ports = {
        int(port) for text in logs.values() for port in re.findall(r'"event":"health.listening".*?"port":(\d+)', text)
    }

    assert len(ports) == 4
    for port in ports:
        assert canaries.found_in(text_of(ponte, f"http://127.0.0.1:{port}/metrics")) == set()
    for path, text in {**logs, ponte.output: ponte.said()}.items():
        assert canaries.found_in(text) == set(), path.name


def test_what_is_masked_at_write_or_cut_stands_nowhere_in_the_log(ponte: RunningPonte, canaries: Canaries) -> None:
    with MongoClient[dict[str, Any]](ponte.status["mongo"]["uri"]) as client:
        stored = {
            document["_id"]: str(document)
            for name in ("log_entries", "attempts")
            for document in client["ponte"][name].find({"_id": {"$regex": "masked"}})
        }
    assert len(stored) == 2
    assert {identity: canaries.found_in(text) for identity, text in stored.items()} == {
        identity: set() for identity in stored
    }


def test_an_admin_who_says_why_sees_them(ponte: RunningPonte, canaries: Canaries) -> None:
    revealed = text_of(ponte, "/v1/logs/order/MLC/whole?reveal=true&reason=canary")

    assert len(canaries.found_in(revealed)) == 7
