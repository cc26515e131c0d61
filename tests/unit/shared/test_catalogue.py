import re
import time

import pytest

from shared.contracts.catalogue import CATALOGUE, LANGUAGES, RETRY_ADVICE, UNMAPPED, classify, find
from shared.contracts.catalogue.matching import Matcher, plain_words
from shared.contracts.names import KINDS

EXAMPLES = [(row.code, kind, message) for row in CATALOGUE.values() for kind in row.kinds for message in row.examples]

MESSAGES_WITH_VALUES = [
    ("PRC-LIMIT", "price", "Sale price cannot be updated to 1.129,90. Can not offer more then 70% off."),
    ("SKU-EXISTS", "product", "Product cannot be saved because sku 998877 already exists."),
    (
        "MAP-ATTR",
        "product",
        'Os atributo(s) "Gênero, Material" é(são) obrigatório(s) e não foi(foram) encontrado(s) na planilha',
    ),
    ("CAT-EAN", "product", "The attributes [GTIN] are required for category [MLB-4711] and channel marketplace."),
    (
        "ORD-CANCELED",
        "order",
        "O PEDIDO COM MARKETPLACE ID 2000007 PARA O AFILIADO mlc JA ESTA CANCELADO e nao pode ser recriado",
    ),
    (
        "ORD-SPLIT",
        "order",
        "Pedido não será importado, pois o Mercado Livre não suporta separar os pedidos\nPack(s): 2000001, 2000002",
    ),
    ("AUT-TOKEN", "stock", '{"message":"invalid_token","error":"not_found","status":401,"cause":[]}'),
    ("NET-DOWN", "price", "System.Net.Http.HttpRequestException: Response status code: 503 (Service Unavailable)."),
    ("CAT-IMG", "product", "Error downloading the following url: https://x.example.com/a.webp?v=1. Error: Unknown"),
]


OURS = {"STK-NOT-SENT", "SKU-REMOVED"}


def test_the_catalogue_has_every_row_of_the_reference_and_what_change_notices_tell_of():
    assert len(CATALOGUE.keys() - OURS) == 52
    assert CATALOGUE.keys() > OURS
    assert all(code == row.code for code, row in CATALOGUE.items())


@pytest.mark.parametrize(("code", "kind", "message"), EXAMPLES)
def test_an_example_message_is_classified_as_its_code(code, kind, message):
    assert classify(message, kind=kind) == code


@pytest.mark.parametrize(("code", "kind", "message"), MESSAGES_WITH_VALUES)
def test_ids_prices_case_and_accents_do_not_change_the_code(code, kind, message):
    assert classify(message, kind=kind) == code


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=lambda row: row.code)
def test_a_row_speaks_all_three_languages(row):
    assert set(row.titles) == set(row.guidance) == set(LANGUAGES)
    for language in LANGUAGES:
        assert 0 < len(row.title(language)) <= 60
        assert len(row.guide(language)) > 20
        assert len(re.findall(r"[.!?](?:\s|$)", row.guide(language))) in {1, 2, 3}
    assert len(set(row.guidance.values())) == 3


@pytest.mark.parametrize("row", CATALOGUE.values(), ids=lambda row: row.code)
def test_a_row_is_whole(row):
    assert row.kinds
    assert set(row.kinds) <= set(KINDS)
    assert row.retry in RETRY_ADVICE
    assert row.article
    assert row.examples
    assert row.patterns
    assert all(plain_words(part).strip() for pattern in row.patterns for part in pattern.split(" * "))


def test_a_known_message_under_an_unexpected_kind_still_gets_its_code():
    assert classify("Order with SKU out of stock", kind="tracking") == "ORD-STOCK"


def test_a_code_of_the_events_own_kind_is_preferred():
    # given a text in which both an order's and a product's pattern are found
    message = "Sku is inactive: os skus estão inativos ou fora da política comercial"

    # then the kind decides, and not the length
    assert classify(message, kind="product") == "SKU-INACTIVE"
    assert classify(message, kind="order") == "ORD-SKUOFF"


@pytest.mark.parametrize("message", ["", " ", "Erro 42", "\x00\x01", "💥", "Falha inesperada ao enviar", "a" * 50_000])
def test_an_unknown_message_is_unmapped(message):
    assert classify(message, kind="order") == UNMAPPED


@pytest.mark.parametrize(
    "message",
    [
        "(" * 100_000,
        "a" * 100_000,
        "sla " * 25_000,
        "nao está " * 12_000,
        r".*+?^${}()|[]\ " * 7_000,
        "\u0301" * 100_000,
        "Ω\ud800" * 50_000,
        "a marca " * 12_000,
    ],
    ids=[
        "brackets",
        "letters",
        "anchor words",
        "accents",
        "metacharacters",
        "combining",
        "lone surrogates",
        "half patterns",
    ],
)
def test_a_hostile_message_is_quick_and_safe(message):
    started = time.perf_counter()
    code = classify(message, kind="order")

    assert time.perf_counter() - started < 0.05
    assert code == UNMAPPED or code in CATALOGUE


def test_nothing_is_classified_as_an_unknown_code():
    words = sorted(
        {word for row in CATALOGUE.values() for pattern in row.patterns for word in plain_words(pattern).split()}
    )
    for start in range(0, len(words), 7):
        for kind in KINDS:
            assert classify(" ".join(words[start : start + 40]), kind=kind) in CATALOGUE


def test_no_two_rows_share_a_pattern():
    seen = [plain_words(pattern) for row in CATALOGUE.values() for pattern in row.patterns]
    assert len(seen) == len(set(seen))


def test_classifying_is_cheap_enough_for_the_hot_path():
    matcher = Matcher(CATALOGUE.values())
    messages = [f"{message} {number}" for number in range(20) for _, _, message in EXAMPLES]

    started = time.perf_counter()
    for message in messages:
        matcher.find(message, "order")

    assert (time.perf_counter() - started) / len(messages) < 100e-6


@pytest.mark.parametrize(
    ("vtex_code", "ours"),
    [
        ("EOI002", "ORD-SLA"),
        ("EOI003", "ORD-PRICE"),
        ("EOI007", "ORD-DUP"),
        ("EOI009", "ORD-STATUS"),
        ("CTLG-006", "CAT-DESC"),
        ("CTLG-010-001", "CAT-EAN"),
        ("NTMAP-001", "UNMAPPED"),
        ("AUTH-001", "AUT-TOKEN"),
    ],
)
def test_a_vtex_code_finds_the_row_that_covers_it(vtex_code, ours):
    found = find(vtex_code)
    assert found is not None
    assert found.code == ours


@pytest.mark.parametrize("code", ["EOI005", "PRICE-001", "CTLG-011", "SOI001", "NOPE", "", "EOI002-x"])
def test_an_ambiguous_or_unknown_code_finds_nothing(code):
    assert find(code) is None


def test_a_code_of_ours_finds_its_row():
    assert all(find(code) is row for code, row in CATALOGUE.items())
