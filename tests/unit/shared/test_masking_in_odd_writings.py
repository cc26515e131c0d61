"""Personal data as libraries of marketplaces write it: escaped for JSON or an address, in the parts of a form. And codes that stay."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.masking import mask_text
from tests.support.counting import grows_with_length_alone

PART = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'

texts = st.lists(
    st.sampled_from(
        [r"\u003cxNome\u003eAna\u003c/xNome\u003e", r'"a":"{\u0022lastName\u0022:\u0022Lima\u0022}"', r'\"{\\u0022cpf\\u0022:\\u002212345678909', r'"raz\u00e3oSocial":"Loja"', 'form-data; name="email"\r\n\r\nana\r\n--b', r'form-data; name=\"cpf\"\r\n\r\n12345678909\r\n--b', "d=%7B%22cpf%22%3A%2212345678909%22%7D&", "buyer%5Balias%5D=Ana&", "u=d%3D%257B%2522lastName%2522%253A%2522Lima&", "%3CxNome%3EAna", "%E3%22", 's:3:"cpf";s:11:"12345678909";', 's:5:"buyer";a:2:{s:4:"name";s:3:"Ana";', "}", '"sku":"A-1"', ", ", " ", "\n", "; "]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (r'{"body":"\u003cxNome\u003eAna Lima\u003c/xNome\u003e","x', '"<xNome>A*** L***</xNome>"'),
        (r'{"body":"\u003Cs\u003E\u0026lt;cpf\u0026gt;12345678909"', "&lt;cpf&gt;***.***.***-09"),
        (r'{"body":"{\u0022lastName\u0022:\u0022Lima\u0022,', r"{\"lastName\":\"L***\","),
        (r'"{\"a\":\"{\\u0022lastName\\u0022:\\u0022Lima\\u0022', r"\\\"lastName\\\":\\\"L***\\\""),
        (r'{"raz\u00e3oSocial":"Loja Boa", "x', '"razãoSocial":"L*** B***"'),
        (r'{"sku":"\u003cA-1\u003e","x', r'{"sku":"\u003cA-1\u003e","x'),
    ],
)
def test_signs_that_json_need_not_escape_hide_nothing(text: str, seen: str) -> None:
    assert seen in mask_text(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('a:1:{s:3:"cpf";s:11:"12345678909";}', 'a:1:{s:3:"cpf";s:11:"***.***.***-09";}'),
        ('a:1:{s:3:"cpf";i:12345678909;}', 'a:1:{s:3:"cpf";i:"***.***.***-09";}'),
        ('s:8:"password";s:6:"hunter";s:3:"sku";s:3:"ABC"', 's:8:"password";s:6:"***";s:3:"sku";s:3:"ABC"'),
        ('s:5:"buyer";a:2:{s:4:"name";s:3:"Ana";}s:5:"alias";s:2:"TV"', 's:5:"buyer";a:2:{s:4:"name";s:3:"A***";}s:5:"alias";s:2:"TV"'),
        ('O:5:"Buyer":1:{s:5:"alias";s:3:"Ana";}', 'O:5:"Buyer":1:{s:5:"alias";s:3:"A***";}'),
        ('{"sent":"a:1:{s:3:\\"cpf\\";s:11:\\"12345678909\\";}","x', '{"sent":"a:1:{s:3:\\"cpf\\";s:11:\\"***.***.***-09\\";}","x'),
        ('a:1:{s:3:"sku";i:12345678909;}', 'a:1:{s:3:"sku";i:12345678909;}'),
    ],
)  # fmt: skip
def test_what_php_serialized_is_known_by_its_names(text: str, seen: str) -> None:
    assert mask_text(text) == seen


@pytest.mark.parametrize(
    ("name", "value", "seen"),
    [
        ("cpf", "12345678909", "***.***.***-09"),
        ("email", "ana", "***"),
        ("buyer", "Ana Lima", "A*** L***"),
        ("customer[alias]", 'Zé "Ana" D\'Ávila', 'Z*** "*** D***'),
        ("password", "segredo", "***"),
        ("orderId", "12345678909", "12345678909"),
        ("customer[id]", "7", "7"),
    ],
)
def test_a_part_of_a_form_is_known_by_its_name(name: str, value: str, seen: str) -> None:
    text = PART.format(name, value) + PART.format("sku", "A-1") + "--b--"
    assert mask_text(text) == text.replace(value, seen)


def test_parts_of_a_form_are_known_within_strings_and_below_other_headers() -> None:
    text = '{"sent":"' + json.dumps(PART.format("lastName", "Lima"))[1:-1] + '--b","sku":"A-1'
    assert mask_text(text) == text.replace("Lima", "L***")
    typed = (
        PART.replace('"\r\n', '"\nContent-Type: text/plain\n', 1)
        .replace("\r\n", "\n")
        .format("lastName", "Lima\nSouza")
    )
    assert mask_text(typed) == typed.replace("Lima", "L***").replace("Souza", "S***")
    assert mask_text(PART.format("lastName", "Lima").removesuffix("\r\n")).endswith("\r\nL***")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("buyer%5Balias%5D=Ana&buyer%5Bid%5D=7", "buyer%5Balias%5D=A***&buyer%5Bid%5D=7"),
        ("x%5Bcpf%5D=12345678909&s=%5B1%5D", "x%5Bcpf%5D=***.***.***-09&s=%5B1%5D"),
        (urlencode({"data": '{"lastName": "Lima", "sku": "A 1"}', "id": 7}), urlencode({"data": '{"lastName":"L***","sku":"A 1"}', "id": 7}, safe="*")),
        ("u=d%3D%257B%2522lastName%2522%253A%2522Lima", "u=d=%257B%2522lastName%2522%253A%2522L***"),
        ("d=%3CxNome%3EAna%3C%2FxNome%3E&sku=A-1", "d=%3CxNome%3EA***%3C%2FxNome%3E&sku=A-1"),
    ],
)  # fmt: skip
def test_forms_and_addresses_are_read_through_their_escapes(text: str, seen: str) -> None:
    assert mask_text(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "GET /orders?orderId=12345678909&sku=A-1&filter%5Bstatus%5D=error&q=%7B%22sku%22%3A%22A-1%22%7D",
        r'{"order":{"code":"\u0041-1","name":"Camisa","trackingCode":"BR123456789BR"},"x',
        PART.format("orderId", "12345678909") + PART.format("tracking", "BR123456789BR"),
    ],
)
def test_codes_that_an_operator_needs_stay_however_they_are_escaped(text: str) -> None:
    assert mask_text(text) == text


@given(texts)
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)


PIECES = [
    "\\u003c", "\\u0022", "\\\\u0022a", "\\u003cnome\\u003ea", "\\u00", "%22", "%2522", "a%22&", "%7B%22cpf%22%3A1", "form-data; name=", 'form-data; name="cpf"', 'form-data; name="cpf"\r\n\r\n', 'form-data; name="cpf"\r\n\r\na', 'form-data; name="cpf"\\r\\n\\r\\na', "form-data;", 's:3:"cpf";', '"cpf";s:1:"', '"a";i:', '"buyer";a:1:{', '"buyer";a:',
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("end", ["", "\\"])
def test_work_grows_with_the_length_alone(piece: str, end: str) -> None:
    assert grows_with_length_alone(mask_text, piece, end)


@pytest.mark.parametrize("piece", PIECES)
def test_a_text_of_one_piece_comes_to_an_end(piece: str) -> None:
    assert mask_text(piece * (200_000 // len(piece)))
