"""Below a person whatever is not known to be harmless is personal, in text as in whole JSON. And codes that nobody may hide."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.masking import mask_content, mask_text
from tests.support.counting import grows_with_length_alone

texts = st.lists(
    st.sampled_from(
        ['"buyer":{"alias":"Ana \\"Zé\\"","id":"C-7"}', r'{\"buyer\":{\"alias\":\"Ana\"}}', "{'users': [{'alias': 'Ana'}]}", "Buyer(alias='Ana', id=7)", "buyer: { alias: Ana, id: 5 }", ":buyer=>{:alias=>12345678909}", "<buyer><alias>12345678909</alias></buyer>", '<buyer alias="Ana"/>', "<contact>Ana</contact>", "buyer[alias]=Ana&", "customer.alias=Zé&", "buyer: Ana Zé is here", '"sku":"A-1"', '{"name":"buyer","value":"Ana"}', ", ", " ", "\n", "; "]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@pytest.mark.parametrize("label", ["name", "key", "id", "label"])
@pytest.mark.parametrize("value", ["value", "content"])
@pytest.mark.parametrize(
    ("named", "text", "seen"),
    [("lastName", "Lima", "L***"), ("buyer", "Ana Lima", "A*** L***"), ("orderId", "12345678909", "12345678909")],
)
def test_lists_of_names_and_values_are_read_together(label: str, value: str, named: str, text: str, seen: str) -> None:
    fields = [{value: "A-1", label: "sku"}, {label: named, value: text}]
    shown = [{value: "A-1", label: "sku"}, {label: named, value: seen}]

    assert mask_content(fields) == shown
    assert mask_text(json.dumps(fields)[:-1]) == json.dumps(shown)[:-1]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("buyer[alias]=Ana+Lima&buyer[id]=7&sku=A-1", "buyer[alias]=A***&buyer[id]=7&sku=A-1"),
        ("buyer.contacts[0][alias]=Ana&order.alias=A-1", "buyer.contacts[0][alias]=A***&order.alias=A-1"),
        ("/x?customer.alias=Ana&customer.orderId=A-1", "/x?customer.alias=A***&customer.orderId=A-1"),
    ],
)
def test_forms_and_addresses_are_read_by_their_paths(text: str, seen: str) -> None:
    assert mask_text(text) == seen


BUYER = {
    "id": "C-7", "alias": "Ana Lima", "reference": "perto do mercado", "other": 11987654321, "tags": ["Zé"], "orderId": "12345678909",
    "city": "São Paulo", "createdAt": "2026-11-23T10:11:12Z", "seen": "2026-11-23", "trackingCode": "BR123456789BR", "skuId": "A-1",
}  # fmt: skip
HIDDEN = ("Ana", "Lima", "perto", "mercado", "11987654321", "Zé")
KEPT = (
    "C-7",
    "12345678909",
    "São Paulo",
    "2026-11-23T10:11:12Z",
    "2026-11-23",
    "BR123456789BR",
    "A-1",
    "P-9",
    "MKP-1",
    "Azul",
)
ORDER = {"orderId": "MKP-1", "buyer": BUYER, "items": [{"sku": "P-9", "colour": "Azul", "code": "MKP-1"}]}


def of_xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<n:{key}>{of_xml(told)}</n:{key}>" for key, told in value.items())
    return "".join(map(of_xml, value)) if isinstance(value, list) else str(value)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(json.dumps(ORDER, ensure_ascii=False)[:-1], id="cut"),
        pytest.param(json.dumps({**ORDER, "buyers": [BUYER]}, ensure_ascii=False, indent=2)[:-9], id="indented"),
        pytest.param(json.dumps({"sent": json.dumps(ORDER, ensure_ascii=False)}, ensure_ascii=False)[:-2], id="within"),
        pytest.param(f"refused: {ORDER}", id="repr"),
        pytest.param(of_xml(ORDER), id="XML"),
        pytest.param(of_xml(ORDER).replace("<", "&lt;").replace(">", "&gt;"), id="escaped XML"),
        pytest.param(json.dumps({"sent": of_xml(ORDER)}).replace("<", r"\u003c")[:-1], id="XML in JSON"),
        pytest.param(str(ORDER).replace("'buyer': ", "'buyer' => "), id="hash"),
    ],
)
def test_below_a_person_what_is_not_known_is_personal_and_codes_stay_in_every_writing(written: str) -> None:
    shown = mask_text(written)

    assert [word for word in HIDDEN if word in shown] == []
    assert [word for word in KEPT if word not in shown] == []


@pytest.mark.parametrize("number", ["12345678909", "12345678000195"])
def test_below_a_person_a_tax_number_stays_as_it_was_masked(number: str) -> None:
    for content in ({"buyer": {"alias": number}}, f"<buyer>{number}</buyer>"):
        masked = mask_content(content)
        assert number[-2:] in str(masked)
        assert mask_content(masked) == masked


def test_below_a_person_the_same_is_personal_in_text_as_in_json() -> None:
    order = {**ORDER, "buyer": {**BUYER, "tags": None}}
    cut = mask_text(json.dumps(order, ensure_ascii=False)[:-1])
    assert json.loads(cut + "}") == mask_content(order)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("no Buyer(id=7, alias='Ana', notes=None) for order(code=A-1)", "no Buyer(id=7, alias='A***', notes=None) for order(code=A-1)"),
        ("buyer=models.Customer(alias=Ana Lima), code=A-1", "buyer=models.Customer(alias=A*** L***), code=A-1"),
        ("{ buyer: { alias: 'Ana', at: 5 }, code: 'A-1' }", "{ buyer: { alias: 'A***', at: 5 }, code: 'A-1' }"),
        (':buyer=>{:alias=>"Ana", :id=>7}, :code=>"A-1"', ':buyer=>{:alias=>"A***", :id=>7}, :code=>"A-1"'),
        ("[buyer] => Array\n(\n [alias] => Ana Lima\n [id] => 7\n)\n[code] => A-1", "[buyer] => Array\n(\n [alias] => A*** L***\n [id] => 7\n)\n[code] => A-1"),
        (r'x {"a":"{\"buyer\":{\"alias\":\"A \\\"B\"},\"code\":\"A-1\"}', r'x {"a":"{\"buyer\":{\"alias\":\"*** \***\"},\"code\":\"A-1\"}'),
        (r'{"a":"{\"firstName\":\"Ana \\\"Zeca\\\" Lima\",\"sku\":\"A-1\"', r'{"a":"{\"firstName\":\"A*** \*** L***\",\"sku\":\"A-1\"'),
        (r'{\"value\":\"Ana \\\"Zeca\\\" Lima\",\"name\":\"receiverName\"},', r'{\"value\":\"A*** \*** L***\",\"name\":\"receiverName\"},'),
        ("Buyer(address=Address(street='Rua X', reference='Y'), id='C-7')", "Buyer(address=Address(street='R*** ***', reference='***'), id='C-7')"),
        ("Buyer(contact=Contact(reference=Rua X), code=7)", "Buyer(contact=Contact(reference=R*** ***), code=7)"),
        ('<buyer alias="Ana" id="C-7" xmlns="urn:a"/><item alias="A-1"/>', '<buyer alias="A***" id="C-7" xmlns="urn:a"/><item alias="A-1"/>'),
        ("<buyer>Ana Lima</buyer><item>A-1</item>", "<buyer>A*** L***</buyer><item>A-1</item>"),
    ],
)  # fmt: skip
def test_a_person_who_was_printed_is_masked_to_the_closing_bracket_or_tag(text: str, seen: str) -> None:
    assert mask_text(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "Invalid customer (code A-1): the address(es) of order(code=A-1) cannot be read",
        '{"a":"buyer: {x}","code":"A-1"',
        '{"name":"orderId","value":"12345678909"},{"id":"sku","content":"A-1"},{"key":"tracking","value":"BR1"',
        '{"buyer":{"id":"C-7"},"code":"A-1","reference":"R-1","number":12345678901,',
        "<buyer><id>C-7</id></buyer><code>A-1</code><reference>R-1</reference>",
        "item.alias=A-1&items[0][code]=A-2",
    ],
)
def test_codes_that_an_operator_needs_stay(text: str) -> None:
    assert mask_text(text) == text


@given(texts)
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)


PIECES = [
    '"buyer":{', "'buyer': [", '\\"buyer\\":{', '"buyer":{"alias":"', '\\"buyer\\":{\\"', "buyer={", "Buyer(", "Buyer(alias=", "buyer[alias]=a&", "buyer.alias=a ", "buyer.", "[buyer] => Array (", "<buyer>", "<buyer ", "<buyer><alias>a", "<buyer></buyer>", "<buyer alias=", '<buyer alias="a', '<buyer alias="a">', '"buyer":{"', '"buyer":{\\', '"buyer":{"a":"\\', "buyer:{'", '{"buyer":{}}', "buyer: Ana De La ", "buyer name: Ana Zé ",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("end", ["", "\\"])
def test_work_grows_with_the_length_alone(piece: str, end: str) -> None:
    assert grows_with_length_alone(mask_text, piece, end)


@pytest.mark.parametrize("piece", PIECES)
def test_a_text_of_one_piece_comes_to_an_end(piece: str) -> None:
    assert mask_text(piece * (200_000 // len(piece)))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("customer: Maria Souza is invalid", "customer: M*** S*** is invalid"),
        ("nome do cliente: Maria de Souza inválido", "nome do cliente: M*** d*** S*** inválido"),
        ('destinatário: "João da Silva" não encontrado', 'destinatário: "J*** d*** S***" não encontrado'),
        ("order.buyer: Ana D'Ávila e Silva, sem CPF", "order.buyer: A*** D*** *** S***, sem CPF"),
        ("buyer name: Maria Souza not found", "buyer name: M*** S*** not found"),
        ("comprador=Zoë Müller-Braun&x=1", "comprador=Z*** M***&x=1"),
    ],
)
def test_a_name_right_behind_a_word_for_a_person_is_masked_and_the_sentence_stays(text: str, seen: str) -> None:
    assert mask_text(text) == mask_text(seen) == seen


@pytest.mark.parametrize(
    "text",
    [
        "nome: campo obrigatório",
        "name: is required",
        "Nome: Obrigatório",
        "name: Tênis Azul is longer than 60 characters",
        "client error. name: Tênis Azul is invalid",
        "product name: Tênis Azul",
        "cliente: Limite de crédito excedido",
        "cliente: Nota Fiscal ausente",
        "Customer: Credit Limit Exceeded",
        "Customer: Order Number is missing",
        "customer: Zip Code invalid",
        "Client: Internal Server Error",
        "Client: Bad Request",
        "user: Access Denied",
        "Contact: Customer Service",
        "comprador: Não encontrado",
        "CLIENTE: LIMITE DE CREDITO EXCEDIDO",
    ],
)
def test_what_a_sentence_says_of_a_person_or_a_name_is_read(text: str) -> None:
    assert mask_text(text) == text
