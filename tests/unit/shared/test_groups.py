from timeit import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.core.masking import mask_attempt, mask_entry, reveal_attempt, reveal_entry
from shared.contracts.entries import attempt_from_document, attempt_of_state, entry_from_document, state_document
from shared.contracts.filters import LogFilter
from shared.contracts.groups import GROUP, MAX_TEMPLATE, VALUE, group_of, groups_of, template_of
from shared.contracts.matching import lets_pass
from tests.support.builders import make_event
from tests.support.seed import entry_document

ALIKE = [
    ("No available sla to deliver this order", "no available  SLA to deliver this order\n"),
    (
        "O pedido com marketplace id 1234 para o afiliado MLC já está cancelado",
        "O pedido com marketplace id 98 para o afiliado MLC ja esta CANCELADO",
    ),
    (
        "Sale price cannot be updated to 29,99. Can not offer more then 70% off.",
        "Sale price cannot be updated to 1.029,90. Can not offer more then 65% off.",
    ),
    (
        "Cannot update item MLB123 [status:under_review, has_bids:false]",
        "Cannot update item MLB99817 [status:under_review, has_bids:false]",
    ),
    (
        "Product cannot be saved because sku {sku} already exists.",
        "Product cannot be saved because sku 20104-P already exists.",
    ),
    (
        "Error downloading the following url: https://a.example/x--1-.png. Error: Unknown",
        "Error downloading the following url: http://b.example/y?z=1 Error: Unknown",
    ),
    ("Invalid Email ana.lima+loja@example.com", "Invalid Email joao@mail.example.com.br"),
    ('"Campo": "DeliveredDate" "Erro": Data inválida', '"Campo": "ShippedDate" "Erro": Data inválida'),
    ("Pack(s): 2000001, 2000002", "Pack(s): 2000003"),
    ("Pedido criado em 2026-11-23T10:11:12.123Z expirou", "Pedido criado em 2026-01-02 expirou"),
    ("Pedido criado em 23/11/2026 10:11 expirou", "Pedido criado em 1/2/26 expirou"),
    ("Request 4f1c0f6e-2d0b-4b39-a5f3-a0c1de0a7b55 failed", "Request 00000000-2d0b-4b39-a5f3-a0c1de0a7b55 failed"),
    ("A Marca “Acme” não corresponde à um valor aceito", "A Marca “Outra Marca” não corresponde à um valor aceito"),
]
"""Messages of reference connectors and marketplaces that tell of the same, whatever item they tell it of."""

APART = [
    "No available sla to deliver this order",
    "Order with SKU out of stock",
    "Os skus não possuem estoque suficiente para integrar o pedido",
    "Order with SKU inactive or out of sales channel",
    "Total do pagamento é diferente do pretendido pela loja",
    "O campo Documento no perfil do cliente é inválido",
    "O campo Telefone no perfil do cliente é inválido",
    "Pedido não encontrado",
    "Tempo de limite para retry alcançado",
    "Pedido com chave da nota inválida",
    "Sku is inactive",
    "Este produto não possui descrição...",
    "Category not available for integration",
    "Valor de variação inválido",
    "User not active",
    "Sequence contains no elements",
    "Object reference not set to an instance of an object",
    "Input string was not in a correct format",
    "We couldn't process this request. Don't worry - we'll try again in a few minutes",
    "",
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_messages_that_differ_by_values_are_one_group(one: str, other: str) -> None:
    assert template_of(one).rstrip(".") == template_of(other).rstrip(".")


def test_messages_that_say_something_else_are_groups_of_their_own() -> None:
    assert len({template_of(message) for message in APART}) == len(APART)
    assert all(VALUE not in template_of(message) for message in APART)


def test_kind_and_code_are_part_of_a_group() -> None:
    assert len({group_of(kind, code, "x") for kind in ("order", "price") for code in ("A", "B", None)}) == 6


def test_a_group_never_changes_by_itself() -> None:
    assert group_of("order", "ORD-SLA", "No available sla to deliver this order 7") == "1276a6371bca6b0e"


def test_causes_that_say_the_same_are_one_group_of_their_entry() -> None:
    causes = [
        {"code": "A", "message": "item 1"},
        {"code": "A", "message": "item 2"},
        {"code": "A", "message": "no item"},
    ]
    assert groups_of("order", causes) == sorted({group_of("order", "A", "item 9"), group_of("order", "A", "no item")})


@given(st.text(max_size=800))
def test_any_text_has_a_short_template_and_a_well_formed_group(message: str) -> None:
    assert len(template_of(message)) <= MAX_TEMPLATE
    assert GROUP.fullmatch(group_of("order", None, message))


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_a_number_is_as_good_as_any_other(one: int, other: int) -> None:
    assert template_of(f"Pedido {one} recusado") == template_of(f"Pedido {other} recusado")


def test_a_long_message_of_brackets_and_quotes_takes_no_time() -> None:
    for hostile in ("{" * 500, '"' * 500, "'a" * 250, "a@" * 250, "1." * 250, "sku" * 160, "a.b@" + "c." * 240):
        assert timeit(lambda message=hostile: template_of(message), number=1) < 1


def test_a_state_names_the_groups_of_its_causes_and_an_attempt_does_not() -> None:
    state = state_document(make_event(causes=[{"code": "A", "message": "item 1"}]))

    assert state["groups"] == [group_of("order", "A", "item 2")]
    assert "groups" not in attempt_of_state("loja|order|MLC|1", state)
    assert "groups" not in state_document(make_event(status="success", causes=[]))


def test_a_cause_is_told_with_its_group_however_its_message_is_masked() -> None:
    event = make_event(causes=[{"code": "A", "message": "Invalid Email ana.lima@example.com"}])
    entry = entry_from_document(entry_document([event]))

    (masked,), (revealed,) = mask_entry(entry).causes, reveal_entry(entry).causes

    assert masked["group"] == revealed["group"] == group_of("order", "A", "Invalid Email joao@example.com")
    assert "ana.lima" not in masked["message"]


def test_a_cause_in_the_history_has_the_group_that_the_entry_tells_of_it() -> None:
    causes = [{"code": code, "message": f"{code} failed for ana@example.com"} for code in ("A", "B")]
    document = entry_document([make_event(causes=causes)])
    attempt = attempt_from_document(attempt_of_state(document["_id"], document["state"]))

    groups = [cause["group"] for cause in mask_entry(entry_from_document(document)).causes]

    for shown in (mask_attempt(attempt, "order"), reveal_attempt(attempt, "order")):
        assert [cause["group"] for cause in shown.causes] == groups
    assert "ana" not in str(mask_attempt(attempt, "order").causes)


def test_a_group_is_told_as_it_is_stored_though_the_rule_has_changed_since() -> None:
    document = entry_document([make_event(causes=[{"code": "A", "message": "one"}])])
    document["state"]["groups"] = ["0123456789abcdef"]

    assert [cause["group"] for cause in mask_entry(entry_from_document(document)).causes] == ["0123456789abcdef"]


def test_several_groups_are_told_of_the_causes_that_they_are_of() -> None:
    causes = [{"code": code, "message": f"{code} failed for ana@example.com"} for code in ("A", "B")]
    entry = entry_from_document(entry_document([make_event(causes=causes)]))

    assert [cause["group"] for cause in mask_entry(entry).causes] == [
        group_of("order", cause["code"], cause["message"]) for cause in causes
    ]


def test_an_entry_from_before_groups_has_none() -> None:
    document = entry_document([make_event()])
    del document["state"]["groups"]
    entry = entry_from_document(document)

    assert [cause.get("group") for cause in mask_entry(entry).causes] == [None]
    assert not lets_pass(LogFilter(group=(group_of("order", "ORD-SLA", "x"),)), "loja", document)
