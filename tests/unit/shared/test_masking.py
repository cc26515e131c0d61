import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.masking import mask_causes, mask_content, mask_text
from shared.contracts.masking.content import LABELS, VALUES, is_tax_number
from shared.contracts.masking.labelled_in_text import LABEL, VALUE
from tests.support.counting import grows_with_length_alone

CPF, CNPJ = "12345678909", "12345678000195"

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=12)
            | st.sampled_from(["firstName", "document", "email", "buyer", "phones", "value", "type"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
texts = st.text(max_size=80) | st.lists(
    st.sampled_from(["cpf", "CPF: ", CPF, "123.456.789-09", "a@b.co", "(11) 98765-4321", "=", ":", '"', "\\", "nome", "<email>", "***", " ", "{", "value", "name", "<value>", "</value>", "<name>", '"value":"', '","', "; ", "\n", "&lt;", "&quot;", "&amp;", "<![CDATA[", "]]>"]),
    max_size=12,
).map("".join)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("firstName", "João", "J***"),
        ("RECEIVER_NAME", "Ana da Silva", "A*** d*** S***"),
        ("razão social", "Loja Boa Ltda", "L*** B*** L***"),
        ("nomeDoCliente", "Zé", "Z***"),
        ("apellidos", "García Márquez", "G*** M***"),
        ("email", "joao.silva@example.com", "***@example.com"),
        ("followUpEmail", "a@b.com.br", "***@b.com.br"),
        ("correo_electronico", "a@b.mx", "***@b.mx"),
        ("document", CPF, "***.***.***-09"),
        ("document", int(CPF), "***.***.***-09"),
        ("corporateDocument", "12.345.678/0001-95", "**.***.***/****-95"),
        ("CPF", "123.456.789-09", "***.***.***-09"),
        ("rg", "12.345.678-9", "***89"),
        ("taxId", "AB123456", "***56"),
        ("phone", "+5511987654321", "***4321"),
        ("telefone-celular", "11 98765-4321", "***4321"),
        ("homePhone", "123", "***"),
        ("telefone1", "11987654321", "***4321"),
        ("Phone_2", 11987654321, "***4321"),
        ("cpf2", CPF, "***.***.***-09"),
        ("postalCode", "04101-300", "041***"),
        ("cep", "4", "***"),
        ("street", "Rua das Flores", "R*** d*** F***"),
        ("logradouro", "Av. Brasil", "A*** B***"),
        ("geoCoordinates", [-46.6, -23.5], ["***", "***"]),
        ("birthDate", "1980-01-02", "***"),
        ("dob", "1980-01-02", "***"),
        (
            "embeddedInvoice",
            "<dest><xNome>Ana Silva</xNome><xLgr>Rua X</xLgr></dest>",
            "<dest><xNome>A*** S***</xNome><xLgr>R*** ***</xLgr></dest>",
        ),
        ("cardNumber", "4111111111111111", "***1111"),
        ("Authorization", "Bearer abc", "***"),
        ("X-VTEX-API-AppToken", "SECRET", "***"),
    ],
)
def test_a_field_is_known_by_its_name_in_any_casing_and_language(name: str, value: Any, seen: Any) -> None:
    assert mask_content({"a": [{name: value}]}) == {"a": [{name: seen}]}


@pytest.mark.parametrize(
    "order",
    [
        {
            "orderId": "MKP-123456789",
            "marketplaceOrderId": CPF,
            "sequence": int(CPF),
            "creationDate": "2023-08-20T15:11:28.1978783Z",
            "marketplacePaymentValue": 12345678909,
            "items": [{"id": CPF, "sku": CNPJ, "name": "Camisa João", "price": 1200, "ean": "7891234567895"}],
            "documentType": "cpf",
            "shippingEstimate": "5bd",
            "invoiceKey": "3" * 44,
            "openTextField": {"value": "ligar antes das 10:30"},
            "totals": [{"id": "Items", "name": "Total", "value": 1990}],
            "message": f"order {CPF} at 10.5% of 12345-678",
        },
        {"clientProfileData": {"isCorporate": False, "documentType": "cpf", "createdAt": "2026-11-23", "phone": None}},
        {"selectedAddresses": [{"city": "São Paulo", "state": "SP", "country": "BRA", "addressType": "residential"}]},
        {"itemId": "1", "listPrice": 10.5, "fixedPrices": [{"value": 9.9, "minQuantity": 1}]},
    ],
)
def test_ids_dates_prices_skus_and_places_stay(order: dict[str, Any]) -> None:
    assert mask_content(order) == order


@given(st.integers(0, 10**15).map(str) | st.floats(0, 10**6).map(str) | st.dates().map(str) | st.datetimes().map(str))
def test_a_bare_number_or_date_is_nobody_s(value: str) -> None:
    assert mask_text(value) == value
    assert mask_text(f"order {value} failed") == f"order {value} failed"
    for name in ("orderId", "sku", "code", "price", "invoiceNumber", "trackingNumber", "processed_at", "reference"):
        assert mask_content({name: value}) == {name: value}


def test_below_a_person_every_name_is_personal() -> None:
    buyer = {"id": 77, "name": "Ana Lima", "surname": "Souza", "notes": "gate 3", "number": 12, "other": 11987654321}

    assert mask_content({"buyer": buyer}) == {
        "buyer": {
            "id": 77,
            "name": "A*** L***",
            "surname": "S***",
            "notes": "g*** ***",
            "number": "***",
            "other": "***",
        }
    }
    assert mask_content({"customer": {"id": CPF}})["customer"]["id"] == "***.***.***-09"
    assert mask_content({"Comprador": "Ana Lima"}) == {"Comprador": "A*** L***"}


def test_a_pair_of_label_and_value_is_read_together() -> None:
    pairs = [{"type": "CPF", "number": CPF}, {"name": "E-mail", "value": "a@b.co"}, {"name": "Cor", "value": "Azul"}]

    assert [list(pair.values())[1] for pair in mask_content(pairs)] == ["***.***.***-09", "***@b.co", "Azul"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("CPF inválido: 12345678909", "CPF inválido: ***.***.***-09"),
        ("the cpf of customer 123.456.789-09 is wrong", "the cpf of customer ***.***.***-09 is wrong"),
        ("CNPJ 12.345.678/0001-95", "CNPJ **.***.***/****-95"),
        ("CNPJ 12.ABC.345/01DE-35", "CNPJ **.***.***/****-35"),
        ("write to joao.silva+x@mail.example.com!", "write to ***@mail.example.com!"),
        ("?to=joao%40example.com&x=1", "?to=***@example.com&x=1"),
        ("telefone (11) 98765-4321 errado", "telefone ***4321 errado"),
        ("call +55 11 98765-4321", "call ***4321"),
        ("cep 04101-300 not served", "cep 041*** not served"),
        ("Authorization: Bearer abcdef123456789", "Authorization: Bearer ***"),
        ("https://x.com/a?token=abc123&orderId=12345678901", "https://x.com/a?token=***&orderId=12345678901"),
        ("receiverName: João Silva not found", "receiverName: J*** S*** not found"),
        (
            '{"firstName":"João \\"Zé\\" Silva","document":12345678909, "x',
            '"J*** \\*** S***","document":"***.***.***-09"',
        ),
        ('{"clientProfileData":{"name":"João","phones":["11987654321"]', '"name":"J***","phones":["***"]'),
        ("<cliente><nome>Ana Lima</nome><cpf>12345678909</cpf>", "<nome>A*** L***</nome><cpf>***.***.***-09</cpf>"),
        ('{"cpf": "12345678909"}', '{"cpf":"***.***.***-09"}'),
        ('\ufeff\r\n{"buyer": {"alias": "Ana Lima"}}', '{"buyer":{"alias":"A*** L***"}}'),
        ('\n {"sku": "1 2"}', '\n {"sku": "1 2"}'),
        (
            'Bad request: {"buyer": {"alias": "Ana", "number": 12345678}} (400)',
            'Bad request: {"buyer":{"alias":"A***","number":"***78"}} (400)',
        ),
        ('a {"sku": "1"} b {"c": [', 'a {"sku": "1"} b {"c": ['),
        ("<cpf><![CDATA[12345678909]]></cpf>", "<cpf><![CDATA[***.***.***-09]]></cpf>"),
        ("<xNome>\n <![CDATA[Ana Lima]]>\n</xNome>", "<![CDATA[A*** L***]]>\n</xNome>"),
        ("<s><![CDATA[<xNome>Ana</xNome>]]></s>", "<![CDATA[<xNome>A***</xNome>]]>"),
        ('<dest xNome="Ana Lima" id="7"/>', '<dest xNome="A*** L***" id="7"/>'),
        ('<n:buyer id="7" name="Ana Lima"/><sku name="Ana"/>', '<n:buyer id="7" name="A*** L***"/><sku name="Ana"/>'),
        ('<contact name="email">ana</contact>', '<contact name="email">***</contact>'),
        ("sent firstName='Ana' to=\"x\"", "sent firstName='A***' to=\"x\""),
        ("<s>&lt;xNome&gt;Ana &amp;amp; Eva&lt;/xNome&gt;</s>", "<s>&lt;xNome&gt;A*** &amp;*** E***&lt;/xNome&gt;</s>"),
        ("&lt;xNome&gt;Ana&lt;/xNome&gt;", "&lt;xNome&gt;A***&lt;/xNome&gt;"),
        ("&lt;a&gt;&amp;lt;xNome&amp;gt;Ana&lt;/a&gt;", "&lt;a&gt;&amp;lt;xNome&amp;gt;A***&lt;/a&gt;"),
        ("<s>&amp;lt;cpf&amp;gt;12345678909&amp;lt;/cpf&amp;gt;</s>", "&amp;gt;***.***.***-09&amp;lt;"),
        (
            "<s>{&quot;senha&quot;: &quot;abc&quot;, &quot;n&quot;: 1}</s>",
            "{&quot;senha&quot;: &quot;***&quot;, &quot;n&quot;: 1}",
        ),
        ('failed: {"body":"{\\"firstName\\":\\"Ana\\"}"}', 'failed: {"body":"{\\"firstName\\":\\"A***\\"}"}'),
        ("{'x': '{\"firstName\": \"Ana\"}', 'q': 1}", "{'x': '{\"firstName\": \"A***\"}', 'q': 1}"),
        ('"{\\"email\\":\\"a@b.co\\",\\"lastName\\":\\"Lima\\"}', '\\"lastName\\":\\"L***\\"'),
    ],
)
def test_text_is_masked_where_its_form_or_its_label_says_so(text: str, seen: str) -> None:
    assert seen in mask_text(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (
            "<field><value>Maria Silva</value><name>receiverName</name></field>",
            "<field><value>M*** S***</value><name>receiverName</name></field>",
        ),
        (
            "<f:field><f:type>cpf</f:type>\n    <f:value id='1'>12345678909</f:value></f:field>",
            "<f:field><f:type>cpf</f:type>\n    <f:value id='1'>***.***.***-09</f:value></f:field>",
        ),
        ("value=Maria; name=receiverName", "value=M***; name=receiverName"),
        ("name=receiverName&value=Maria%20S&x=1", "name=receiverName&value=M***&x=1"),
        ("at=5 value=Ana Lima name=receiverName code=7", "at=5 value=A*** L*** name=receiverName code=7"),
        ("- value: Ana\n  name: receiverName\n- value: Ada", "- value: A***\n  name: receiverName\n- value: Ada"),
        ("<field value='Ana' name='receiverName'/>", "<field value='A***' name='receiverName'/>"),
        ('{"value":"Ana Lima","name":"receiverName"},{"na', '{"value":"A*** L***","name":"receiverName"},{"na'),
        ('{"name":"receiverName", "value":"Ana Li', '{"name":"receiverName", "value":"A*** L***'),
        (r"{\"value\":\"Ana\",\"name\":\"receiverName\"}, {", r"{\"value\":\"A***\",\"name\":\"receiverName\"}, {"),
        ('{"valor":12345678909,"tipo":"CPF"},', '{"valor":"***.***.***-09","tipo":"CPF"},'),
        ('{"name":"E-mail","values":["ana","b"]},', '{"name":"E-mail","values":["***"]},'),
        ('{"value":"SEGREDO","name":"X-Api-Key"},', '{"value":"***","name":"X-Api-Key"},'),
        ('{"id":7,"value":"Ana","name":"receiverName"},', '{"id":7,"value":"A***","name":"receiverName"},'),
        ("key=token, value=segredo", "key=token, value=***"),
        ('<field name="receiverName">Ana Lima</field>', '<field name="receiverName">A*** L***</field>'),
        (
            "<ns:item type='text' key='cpf' lang='pt'>12345678909</ns:item>",
            "<ns:item type='text' key='cpf' lang='pt'>***.***.***-09</ns:item>",
        ),
        (
            "<field><value><![CDATA[Ana Lima]]></value><name><![CDATA[receiverName]]></name></field>",
            "<field><value><![CDATA[A*** L***]]></value><name><![CDATA[receiverName]]></name></field>",
        ),
        (r"<a name=\"email\">ana</a>", r"<a name=\"email\">***</a>"),
        ("field: receiverName, value: Ana is unknown", "field: receiverName, value: A*** is unknown"),
    ],
)
def test_in_text_too_a_label_names_the_value_beside_it_before_or_behind(text: str, seen: str) -> None:
    assert mask_text(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "value=Azul; name=cor; value=Grande; name=tamanho",
        "<field><value>Azul</value></field><field><name>receiverName</name></field>",
        "<value>Azul</value><note/><name>receiverName</name>",
        '<input name="receiverName"/> is missing',
        '<field name="color">Azul</field>',
        '<h1 id="phone">Telefone</h1>',
        '{"value":"Azul"},{"name":"receiverName"},',
        '{"value":"Azul","position":1,"name":"receiverName",',
        "value: Azul\n\nname: receiverName",
        "value: Azul. The name: receiverName",
        "field: email, value: is required",
        "name: token, value: expired",
        "The value of the name receiverName is Azul",
        "the field: receiverName has a wrong type: text",
    ],
)
def test_a_label_names_nothing_that_is_not_beside_it(text: str) -> None:
    assert mask_text(text) == text


def test_of_pairs_in_a_row_each_label_names_its_own_value() -> None:
    assert mask_text("value=Azul; name=cor; value=Ana; name=receiverName; value=5") == (
        "value=Azul; name=cor; value=A***; name=receiverName; value=5"
    )
    assert mask_text("name=cor; value=Azul; name=receiverName; value=Ana; name=cor; value=Verde") == (
        "name=cor; value=Azul; name=receiverName; value=A***; name=cor; value=Verde"
    )


def test_what_names_and_is_named_in_payloads_does_in_text() -> None:
    for words, pattern in ((LABELS, LABEL), (VALUES, VALUE)):
        assert [word for word in words if not re.fullmatch(pattern, word)] == []


@given(
    name=st.sampled_from(["receiverName", "cpf", "E-mail", "telefone", "CEP", "password"]),
    value=st.text(st.characters(categories=["L", "Nd"]), min_size=2, max_size=20),
    is_first=st.booleans(),
)
def test_in_every_writing_and_order_a_personal_value_never_stays_whole(
    name: str, value: str, *, is_first: bool
) -> None:
    members = {"value": f"Q1{value}", "name": name}
    ordered = members if is_first else dict(reversed(members.items()))
    for text in (
        json.dumps(ordered, ensure_ascii=False) + ",",
        "".join(f"<{key}>{told}</{key}>" for key, told in ordered.items()),
        "; ".join(f"{key}={told}" for key, told in ordered.items()),
        "\n".join(f"{key}: {told}" for key, told in ordered.items()),
    ):
        assert members["value"] not in mask_text(text)
        assert name in mask_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "No available sla to deliver this order",
        "Document invalid for order 12345678901",
        "firstName: is required",
        "Bearer token expired",
        "basic information is missing",
        "2026-11-23T10:11:12.123Z total: 12345 (99) units, 10-20 days",
        "price: 10.50; SKU 123456789012 EAN 7891234567895",
        "NF-e 35261100000000000000550010000000011000000018",
        "",
    ],
)
def test_what_explains_a_failure_stays_readable(text: str) -> None:
    assert mask_text(text) == text


@given(json_values)
def test_masking_twice_is_masking_once_and_keeps_the_shape(value: Any) -> None:
    masked = mask_content(value)

    assert mask_content(masked) == masked
    assert type(masked) is type(value) or not isinstance(value, (dict, list))
    json.dumps(masked)


@given(texts)
def test_masked_text_is_stable(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.strip() and "*" not in text))
def test_a_personal_value_never_stays_whole(text: str) -> None:
    for name in ("firstName", "document", "email", "phone", "postalCode", "password"):
        assert mask_content({name: text}) != {name: text}


@pytest.mark.parametrize("depth", [250, 400, 900, 5000])
def test_text_nested_too_deep_to_follow_is_masked_by_its_patterns(depth: int) -> None:
    text = f'{{"email": "ana@example.com", "deep": {"[" * depth}{"]" * depth}}}'
    assert "ana@" not in mask_text(text)


def test_two_names_masked_to_the_same_both_stay() -> None:
    assert mask_content({"a@x.co": 1, "b@x.co": 2}) == {"***@x.co": 1, "***@x.co (2)": 2}


def test_causes_keep_code_and_field() -> None:
    cause = {
        "code": "X",
        "field": "clientProfileData.email",
        "message": "bad a@b.co",
        "evidence": {"request": {"cpf": CPF}},
    }

    assert mask_causes([cause]) == [
        {
            "code": "X",
            "field": "clientProfileData.email",
            "message": "bad ***@b.co",
            "evidence": {"request": {"cpf": "***.***.***-09"}},
        }
    ]


@given(st.text(max_size=40) | st.sampled_from(["bad a@b.co", f"CPF {CPF}", '{"cpf": "12345678909"}']))
def test_a_cause_is_masked_as_any_content_whichever_fields_it_has(message: str) -> None:
    usual = {"code": "X", "field": "f", "message": message}
    (masked,), (with_more,) = mask_causes([usual]), mask_causes([{**usual, "evidence": None}])

    assert masked == {**usual, "message": mask_content({"message": message})["message"]}
    assert with_more == {**masked, "evidence": None}


def test_only_right_check_digits_make_a_tax_number() -> None:
    assert is_tax_number(CPF)
    assert is_tax_number(CNPJ)
    assert not any(map(is_tax_number, ("12345678901", "11111111111", "12345678000190", "1", "", "²" * 11)))


PIECES = [
    "a",
    "1",
    '"',
    "a:",
    '"a":"',
    "\\",
    '\\"',
    "cpf ",
    "a@",
    "<a>",
    "9.",
    "(11) ",
    "Bearer ",
    "a=",
    "%40",
    "[",
    "eyJ",
    '"nome": ',
    '"value":"a",',
    '"name":"cpf",',
    '"value":"',
    "<value>a</value><name>cpf</name>",
    "<value>",
    "value=a; name=cpf; ",
    "value=",
    "value: \t ",
    "<a name=",
    '<a name="cpf">a',
    'a {"a": "',
    "{}",
    "&lt;",
    "&amp;",
    "&lt;nome&gt;a",
    'nome="',
    "<nome><![CDATA[",
    '<buyer name="a',
    ' name="',
    "<nome>a]]>",
    """"a":"'b':'""",
    '"a":"\\"nome\\":\\"b',
    '"name":"\\"name\\":\\"buyer',
]


@pytest.mark.parametrize("piece", PIECES)
def test_work_grows_with_the_length_alone(piece: str) -> None:
    assert grows_with_length_alone(mask_text, piece)


@pytest.mark.parametrize("piece", PIECES)
def test_a_text_of_one_piece_comes_to_an_end(piece: str) -> None:
    assert mask_text(piece * (1_000_000 // len(piece)))
