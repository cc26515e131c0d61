import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.masking import mask_causes, mask_content, mask_field, mask_text
from tests.support.counting import grows_with_length_alone

TOKEN = "EHNFGJDK" * 8
REQUEST = (
    "POST /api HTTP/1.1\r\nX-VTEX-API-AppKey: vtexappkey-loja-QWERTY\r\n"
    f"X-VTEX-API-AppToken: {TOKEN}\r\nCookie: VtexIdclientAutCookie=abcdefgh; theme=SEGREDO, x\r\n"
    "Host: api.example.com\r\n\r\nbody: stays"
)
CANARIES = ("QWERTY", TOKEN[:8], "abcdefgh", "SEGREDO")

texts = st.lists(
    st.sampled_from(
        ["password", "Cookie", "[", "]", ",", "=>", '"value":', '["Cookie",', "Authorization", "X-Api-Key", "token", "Bearer ", "KKKK", "segredo", "expired", "the ", ": ", ":", "=", "\n",
         "\\n", "\\\\r", "\\", '"', '\\"', "'", ", ", ";", ".", ". ", ")", " ", "***", "@", "://", "h/", "{", "é", "1"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


def seen_in(shown: Any) -> list[str]:
    text = shown if isinstance(shown, str) else json.dumps(shown)
    return [canary for canary in CANARIES if canary in text]


@pytest.mark.parametrize(
    "written",
    [
        REQUEST,
        REQUEST.replace("\r\n", "\n"),
        json.dumps({"request": REQUEST}),
        json.dumps({"request": REQUEST})[:-1],
        "said " + json.dumps({"request": REQUEST}),
        "said " + json.dumps(json.dumps({"request": REQUEST})),
        f"said {REQUEST!r}",
        "\n".join(f"> {line}" for line in REQUEST.splitlines()),
    ],
)
def test_headers_of_letters_alone_are_hidden_to_the_end_of_their_lines_and_no_further(written: str) -> None:
    shown = mask_text(written)

    assert seen_in(shown) == []
    assert "Host: api.example.com" in shown
    assert "body: stays" in shown
    assert "X-VTEX-API-AppKey: ***" in shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("x-api-key: KKKK", "x-api-key: ***"),
        ("Cookie: sid=CCCC; b=DDDD", "Cookie: ***"),
        ("Cookie: true; sid=CCCC", "Cookie: ***"),
        ("Authorization: KKKK LLLL", "Authorization: ***"),
        ("Authorization: Bearer KKKK", "Authorization: Bearer ***"),
        ("Authorization: Basic KKKK", "Authorization: Basic ***"),
        ("Authorization: token KKKK", "Authorization: token ***"),
        ("Authorization: Bearer\r\nHost: h", "Authorization: ***\r\nHost: h"),
        ('Proxy-Authorization: Digest username="a", response="KKKK"', "Proxy-Authorization: Digest ***"),
        ("Cookie: \r\nHost: h", "Cookie: \r\nHost: h"),
        ("{Authorization: Bearer KKKK, X-Api-Key: LLLL, Host: h}", "{Authorization: Bearer ***, X-Api-Key: ***, Host: h}"),
        ("{'Authorization': Bearer KKKK, 'Host': h}", "{'Authorization': Bearer ***, 'Host': h}"),
        ("curl -H 'Authorization: K, L' -H \"Cookie: a=b, c\" h", "curl -H 'Authorization: ***' -H \"Cookie: ***\" h"),
        ("password: segredo", "password: ***"),
        ("login failed (senha: segredo) for the order", "login failed (senha: ***) for the order"),
        ("password: a&b. Order refused", "password: ***. Order refused"),
        ("contraseña: secreta, pedido refused", "contraseña: ***, pedido refused"),
        ("password: \"segredo\", token='KKKK'", "password: \"***\", token='***'"),
        ("token: invalid, token: KKKK", "token: invalid, token: ***"),
        ("authorization: invalid token: segredo", "authorization: invalid token: ***"),
        ("token: invalid KKKK1", "token: invalid ***"),
        (f"access_token={TOKEN * 5}&x=y", "access_token=***&x=y"),
        ('{"Cookie":"' + "K" * 5000 + '","a":"b"', '{"Cookie":"***","a":"b"'),
        ('{"vtexidclientautcookie":"KKKK","a":"b"', '{"vtexidclientautcookie":"***","a":"b"'),
        ("refused: Bearer segredo", "refused: Bearer ***"),
        ("got bearer KKKK, sorry", "got bearer ***, sorry"),
        ("Bearer Bearer KKKK", "Bearer Bearer ***"),
        ("to=/x&auth=Bearer%20KKKK", "to=/x&auth=Bearer%20***"),
        ("password => segredo, user => b", "password => ***, user => b"),
        ('{:password=>"segredo", "api_key"   =>   "KKKK", :user=>"b"}', '{:password=>"***", "api_key"   =>   "***", :user=>"b"}'),
        ("Array\n(\n    [senha] => segredo\n    [loja] => b\n)", "Array\n(\n    [senha] => ***\n    [loja] => b\n)"),
        ("'cpf' => '12345678909'", "'cpf' => '***.***.***-09'"),
        ('[["Authorization","Bearer x"],["Host","h"]]', '[["Authorization","***"],["Host","h"]]'),
        ('[["Authorization","segredo"],["Host","h"', '[["Authorization","***"],["Host","h"'),
        ('sent [\n            "Cookie",\n            "s=1 \'token\', \'KKKK\'",\n            "Age"', 'sent [\n            "Cookie",\n            "***",\n            "Age"'),
        ("['Authorization', 'segredo']", "['Authorization', '***']"),
        ('sent ["Host","h","Cookie","a=b, c","Age","x"]', 'sent ["Host","h","Cookie","***","Age","x"]'),
        ('sent [{"name":"authorization","value":"segredo"}]', 'sent [{"name":"authorization","value":"***"}]'),
        ('"{\\"name\\": \\"X-Api-Key\\", \\"value\\": \\"KKKK\\"', '"{\\"name\\": \\"X-Api-Key\\", \\"value\\": \\"***\\"'),
    ],
)  # fmt: skip
def test_what_follows_the_name_of_a_secret_is_hidden_whatever_it_looks_like(text: str, seen: str) -> None:
    assert mask_text(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "authorization: denied by marketplace",
        "token: expired",
        "Token: EXPIRED",
        "Failed to refresh token: connection reset by peer",
        "ExpiredToken: The provided token has expired",
        "token: não informado",
        "senha: inválida!",
        "contraseña: incorrecta",
        '{"password": null, "cut',
        "Unexpected token: < in JSON",
        "Senha incorreta para a loja: tente novamente",
        "Bearer of bad news: no stock",
        "Bearer",
        "BEARER TOKEN MISSING",
        "The bearer scheme is not supported",
        'WWW-Authenticate: Bearer realm="orders"',
        'Fields "token", "email" are required: both',
        'Invalid values [for "token", "limit"]',
        'Allowed: ["Authorization","Content-Type","Accept-Language"]',
        '[["sku","a"],["price","b"]]',
        "quantity => stock",
        "https://example.com/a: not found",
    ],
)
def test_a_sentence_that_explains_stays_readable(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("GET https://user:UPASS12@h/x failed", "GET https://***@h/x failed"),
        ("mongodb://u:p@ss@h:1,i:2/x", "mongodb://***@h:1,i:2/x"),
        ("https://u:pa#s/s?@h/x", "https://***@h/x"),
        ("https:\\/\\/u:p@h\\/x", "https:\\/\\/***@h\\/x"),
        ("https://h:80/x?to=a@b.co", "https://h:80/x?to=***@b.co"),
        ("https://h/a:b, c", "https://h/a:b, c"),
    ],
)
def test_an_address_shows_neither_name_nor_password(text: str, seen: str) -> None:
    assert mask_text(text) == seen


@pytest.mark.parametrize(
    "name",
    ["vtexidclientautcookie", "VtexIdclientAutCookie_loja", "Set-Cookie", "sessionId", "novaSenha", "contraseña"],
)
def test_cookies_sessions_and_passwords_are_secrets_in_any_language(name: str) -> None:
    assert mask_content({name: "KKKK"}) == {name: "***"}


def test_lists_of_names_and_values_are_read_as_such() -> None:
    pairs = [["Authorization", "segredo"], ["firstName", "Ana"], ["cpf", "12345678909"], ["Host", "h"]]
    in_turn = ["Host", "h", "Cookie", "sid=KKKK", "X-Api-Key", "KKKK", "Age", "KKKK"]

    assert mask_content(pairs) == [
        ["Authorization", "***"],
        ["firstName", "A***"],
        ["cpf", "***.***.***-09"],
        ["Host", "h"],
    ]
    assert mask_content({"headers": in_turn}) == {
        "headers": ["Host", "h", "Cookie", "***", "X-Api-Key", "***", "Age", "KKKK"]
    }
    for harmless in (
        ["token", "email"],
        ["Authorization", "Content-Type"],
        ["token", "is missing"],
        [["a", 1], ["b"]],
        [],
    ):
        assert mask_content({"fields": harmless}) == {"fields": harmless}


def test_below_a_secret_no_name_is_harmless() -> None:
    cookies = {"cookies": {"vtex_id": "KKKK", "list": ["LLLL"], "secure": True}}
    assert mask_content(cookies) == {"cookies": {"vtex_id": "***", "list": ["***"], "secure": True}}


@pytest.mark.parametrize(
    ("field", "seen"),
    [
        ("529.982.247-25", "***.***.***-25"),
        ("52998224725", "***.***.***-25"),
        ("ana@example.com", "***@example.com"),
        ("password: segredo", "password: ***"),
        ("clientProfileData.email", "clientProfileData.email"),
        ("items[0].price", "items[0].price"),
        ("12345678901", "12345678901"),
        (None, None),
        (["ana@example.com"], ["***@example.com"]),
    ],
)
def test_the_field_of_a_cause_is_masked_where_someone_wrote_more_than_a_name(field: Any, seen: Any) -> None:
    usual = {"code": "X", "field": field, "message": "m"}
    with_evidence = {**usual, "evidence": {"request": REQUEST}}

    shown = mask_causes([usual, with_evidence])

    assert [cause["field"] for cause in shown] == [seen, seen]
    assert mask_field(field) == seen
    assert seen_in(shown) == []


@given(texts)
def test_masked_secrets_are_stable(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)


PIECES = [
    "password: ", "Cookie:", "\nCookie: a", "\\nCookie: a", "\\\\nCookie: a", '"Cookie: ', "'Cookie: \\", "token: the ", "token:a,",
    "token:a. ", 'token:"', "token: ", "a-token:\\", "Authorization: Bearer ", "://a:", "://a@", ":\\/", "a:b@", "://a:b", '"token"',
    "token:the:", "\\tX-Key: the, ", "Bearer ", "Bearer%20", "bearer the ", '"token",', '["token","', '"token","the ', """'token',\\"a""",
    "token => ", "[token] =>", "token=", "[ ", '"name":"token","value":', '["token",["a",',
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("end", ["", "\n@1"])
def test_work_grows_with_the_length_alone(piece: str, end: str) -> None:
    assert grows_with_length_alone(mask_text, piece, end)


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("end", ["", "\n@1"])
def test_a_text_of_one_piece_comes_to_an_end(piece: str, end: str) -> None:
    assert mask_text(piece * (300_000 // len(piece)) + end)
