import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.ingest.core.decode import decode, shapes
from services.ingest.core.shapes.by_integration import change_notice_by
from services.ingest.core.shapes.connector_log import kind_of, status_of
from services.ingest.core.shapes.order_result import our_code
from services.ingest.handlers.ingesting import decode_all
from shared.contracts.errors import InvalidEvent
from shared.contracts.events import CONNECTOR_LOG_TYPE, ITEM_CHANGED_TYPE, ORDER_RESULT_TYPE, IntegrationEvent
from tests.support.builders import RECEIVED_AT, make_data, make_record

NOTICE = {
    "IdSku": "2000037",
    "ProductId": 2000024,
    "An": "loja",
    "IdAffiliate": "MNC",
    "DateModified": "2026-11-20T15:11:28.1978783Z",
    "IsActive": True,
    "StockModified": False,
    "PriceModified": False,
    "HasStockKeepingUnitModified": False,
    "HasStockKeepingUnitRemovedFromAffiliate": False,
}
RESULT = {
    "accountName": "loja",
    "success": False,
    "flow": "PlaceOrder",
    "marketplaceOrderId": "123",
    "code": "EOI003",
    "message": "Total is not what it should be",
    "errors": None,
    "fields": {"mainOrderId": "MKP-123"},
}
LOG = {
    "id": "1",
    "Operation": "UpdatePrice",
    "Direction": "Out",
    "ContentSource": "a",
    "ContentTransalted": "b",
    "ContentDestination": "c",
    "BusinessMessage": "Sku is inactive",
    "Status": "error",
}
KEY = b"loja|price|MLC|77"
OLD_ENOUGH = "2026-11-23T10:11:12Z"


def told(kind: str, data: Any, *, known: Any = None, attributes: Any = None, **record: Any) -> list[IntegrationEvent]:
    envelope = {"specversion": "1.0", "id": "1", "source": "/vtex", "type": kind, "data": data, **(attributes or {})}
    return decode(make_record(json.dumps(envelope).encode(), **record), known=known or shapes())


def refused(kind: str, data: Any, **record: Any) -> str:
    with pytest.raises(InvalidEvent) as error:
        told(kind, data, **record)
    assert error.value.error_class == "InvalidField"
    return str(error.value)


def recased(draw: st.DrawFn, name: str) -> str:
    return "".join(draw(st.sampled_from([letter.lower(), letter.upper()])) for letter in name)


@given(st.data())
def test_a_change_notice_means_the_same_in_any_casing(data: st.DataObject) -> None:
    notice = {**NOTICE, "StockModified": True, "QuantityBefore": 9, "QuantityAfter": 8, "Ean": "789"}
    body = {data.draw(st.composite(recased)(name)): value for name, value in notice.items()}

    (event,), (as_documented,) = told(ITEM_CHANGED_TYPE, body), told(ITEM_CHANGED_TYPE, notice)

    assert replace(event.data, payload_json=None) == replace(as_documented.data, payload_json=None)


@given(st.sets(st.sampled_from(["StockModified", "PriceModified", "HasStockKeepingUnitModified"]), min_size=1))
def test_each_true_flag_is_an_event_of_its_kind(flags: set[str]) -> None:
    kinds = {"StockModified": "stock", "PriceModified": "price", "HasStockKeepingUnitModified": "product"}

    events = told(ITEM_CHANGED_TYPE, {**NOTICE, **dict.fromkeys(flags, True)})

    assert {event.data.kind for event in events} == {kinds[flag] for flag in flags}
    assert {event.data.status for event in events} == {"processing"}
    assert len({event.attempt_id for event in events}) == len(events) == len(flags)


@pytest.mark.parametrize(
    ("before", "after", "minimum", "status"),
    [
        (50, 20, 5, "warning"),
        (0, 23, 5, "processing"),
        (15, 2, 5, "processing"),
        (5, 50, 5, "processing"),
        (6, 6, 5, "warning"),
        (6, 6, 6, "processing"),
        ("50", "20", 5, "warning"),
        (50, None, 5, "processing"),
    ],
)
def test_a_stock_change_that_the_rule_keeps_back_says_so_and_is_no_error(
    before: Any, after: Any, minimum: int, status: str
) -> None:
    notice = {**NOTICE, "StockModified": True, "QuantityBefore": before, "QuantityAfter": after}

    (event,) = told(ITEM_CHANGED_TYPE, notice, known=shapes(minimum_availability=minimum))

    assert event.data.status == status
    assert [cause["code"] for cause in event.data.causes] == (["STK-NOT-SENT"] if status == "warning" else [])


@pytest.mark.parametrize(("affiliate", "status"), [("ALL", "processing"), ("FEW", "warning"), ("MLC", "warning")])
def test_each_integration_may_have_a_minimum_availability_of_its_own(affiliate: str, status: str) -> None:
    own = {("loja", "ALL"): 1_000, ("loja", "FEW"): 0}
    notice = {**NOTICE, "An": "loja", "StockModified": True, "QuantityBefore": 50, "QuantityAfter": 20}
    shape = change_notice_by(lambda *pair: own.get(pair), otherwise=5)

    (event,) = told(ITEM_CHANGED_TYPE, {**notice, "IdAffiliate": affiliate}, known={ITEM_CHANGED_TYPE: shape})

    assert event.data.status == status


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"IdSku": None}, "IdSku"),
        ({"IdSku": ["1"]}, "IdSku"),
        ({"An": " "}, "An"),
        ({"IdAffiliate": None}, "IdAffiliate"),
        ({"DateModified": "20/08/2023"}, "DateModified"),
        ({"DateModified": "2023-08-20T15:11:28.1978783"}, "DateModified"),
        ({"StockModified": "maybe"}, "StockModified"),
        ({"StockModified": True, "QuantityBefore": "many"}, "QuantityBefore"),
        ({"StockModified": True, "QuantityBefore": "1_000"}, "QuantityBefore"),
        ({"StockModified": True, "QuantityBefore": "٣"}, "QuantityBefore"),
        ({"StockModified": True, "QuantityBefore": "9" * 5_000}, "QuantityBefore"),
        ({"StockModified": True, "QuantityAfter": 1.5}, "QuantityAfter: must be a whole number"),
        (dict.fromkeys([name for name in NOTICE if name.startswith(("Is", "Stock", "Price", "Has"))]), "StockModified"),
    ],
)
def test_a_change_notice_that_cannot_be_used_names_the_field(changes: Any, named: str) -> None:
    assert refused(ITEM_CHANGED_TYPE, {**NOTICE, **changes}).startswith(named)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"accountName": None}, "accountName"),
        ({"fields": None}, "affiliate"),
        ({"marketplaceOrderId": None, "fields": None}, "affiliate"),
        ({"code": None, "success": None}, "code"),
        ({"errors": "none"}, "errors"),
        ({"errors": [1]}, "errors"),
        ({"fields": []}, "fields"),
    ],
)
def test_an_order_result_that_cannot_be_used_names_what_is_missing(changes: Any, named: str) -> None:
    assert refused(ORDER_RESULT_TYPE, {**RESULT, **changes}).startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("changes", "attributes", "key", "entry"),
    [
        ({}, {}, None, "loja|order|MKP|123"),
        ({"fields": None}, {}, b"x|order|MLC|9", "loja|order|MLC|123"),
        ({"fields": None}, {"subject": "x|order|MLC|9"}, b"random", "loja|order|MLC|123"),
        ({"fields": None}, {"source": "/orders?affiliateId=ABC"}, b"x|price|MLC|9", "loja|order|ABC|123"),
        ({"accountName": None, "marketplaceOrderId": None}, {"source": "/orders?an=x"}, None, "x|order|MKP|123"),
        ({"fields": {"mainOrderId": "LONG-123"}}, {}, None, "loja|order|LONG|123"),
        ({"fields": {"mainOrderId": "MKP-9-01"}}, {}, None, "loja|order|MKP|123"),
    ],
)
def test_an_order_result_finds_its_order(changes: Any, attributes: Any, key: Any, entry: str) -> None:
    (event,) = told(ORDER_RESULT_TYPE, {**RESULT, **changes}, attributes=attributes, key=key)

    assert event.entry_id == entry


@pytest.mark.parametrize(
    ("changes", "status", "causes"),
    [
        ({"code": "SOI001"}, "success", 0),
        ({"code": "SOI002", "success": None}, "success", 0),
        ({"code": "SOI001", "errors": [{"description": "freight recalculated"}]}, "warning", 1),
        ({"code": "SOI003"}, "processing", 0),
        ({"code": "EOI007"}, "warning", 1),
        ({"code": "EOI003", "success": True}, "error", 1),
        ({"code": "EOI005", "errors": [{"code": "1", "description": "a"}, "b", {}]}, "error", 2),
        ({"code": None, "success": True}, "success", 0),
        ({"code": "X", "success": "false"}, "error", 1),
    ],
)
def test_the_code_of_a_result_is_its_status(changes: Any, status: str, causes: int) -> None:
    (event,) = told(ORDER_RESULT_TYPE, {**RESULT, **changes})

    assert (event.data.status, len(event.data.causes)) == (status, causes)


@pytest.mark.parametrize(
    ("message", "vtex_codes", "ours"),
    [
        ("Order with SKU out of stock", ("EOI002",), "ORD-STOCK"),
        ("what nobody ever named", ("EOI002",), "ORD-SLA"),
        ("Order with SKU out of stock", ("EOI003",), "ORD-PRICE"),
        ("Order with SKU out of stock", ("EOI000",), "ORD-STOCK"),
        ("what nobody ever named", ("EOI000",), "SYS-BUG"),
        ("what nobody ever named", ("X-1", "EOI006"), "NET-DOWN"),
        ("what nobody ever named", ("EOI005",), "UNMAPPED"),
        ("", (), "UNMAPPED"),
    ],
)
def test_the_message_refines_what_the_code_of_vtex_says(message: str, vtex_codes: Any, ours: str) -> None:
    assert our_code(message, *vtex_codes) == ours


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("UpdatePrice", "price"),
        ("envio de preços", "price"),
        ("ATUALIZAÇÃO DE ESTOQUE", "stock"),
        ("InventoryUpdate", "stock"),
        ("UpdateSKUPrice", "price"),
        ("SendOrderInvoice", "tracking"),
        ("Rastreamento do pedido", "tracking"),
        ("emissão de NFe", "tracking"),
        ("envio da NF-e do pedido", "tracking"),
        ("importar pedidos", "order"),
        ("sku_export", "product"),
        ("Publicar Produtos", "product"),
        ("reprice", None),
        ("", None),
    ],
)
def test_an_operation_tells_its_kind_in_both_languages(operation: str, kind: str | None) -> None:
    assert kind_of(operation) == kind


def test_the_key_names_the_item_of_a_connector_log_and_what_it_lacks_is_asked_of_operation_and_topic() -> None:
    assert told(CONNECTOR_LOG_TYPE, {**LOG, "Operation": "order"}, key=KEY)[0].entry_id == "loja|price|MLC|77"
    assert told(CONNECTOR_LOG_TYPE, LOG, key=b"loja|?|MLC|7|7")[0].entry_id == "loja|price|MLC|7|7"
    assert told(CONNECTOR_LOG_TYPE, {**LOG, "Operation": "sync"}, key=b"loja||MLC|7")[0].entry_id == "loja|order|MLC|7"
    assert refused(CONNECTOR_LOG_TYPE, LOG, key=b"77").startswith("account: ")
    assert refused(CONNECTOR_LOG_TYPE, LOG, key=b"loja|price||77").startswith("affiliate: ")
    assert refused(CONNECTOR_LOG_TYPE, {**LOG, "Status": "so so"}, key=KEY).startswith("Status: 'so so' is none of")


def test_of_several_spellings_the_first_that_is_not_null_stands() -> None:
    rest = {name: value for name, value in NOTICE.items() if name != "IdSku"}

    assert told(ITEM_CHANGED_TYPE, {"idSKU": "1", "IdSku": "2", **rest})[0].data.code == "1"
    assert told(ITEM_CHANGED_TYPE, {"idSKU": None, "IdSku": "2", **rest})[0].data.code == "2"


def test_what_a_result_says_of_its_order_goes_before_the_key() -> None:
    key, numberless = b"outra|order|AFF|9", {**RESULT, "marketplaceOrderId": None}

    assert told(ORDER_RESULT_TYPE, RESULT, key=key)[0].entry_id == "loja|order|MKP|123"
    assert told(ORDER_RESULT_TYPE, numberless, key=key)[0].entry_id == "loja|order|MKP|9"


def test_a_key_that_is_no_utf_8_names_no_item_rather_than_another_one() -> None:
    latin = "loja|price|MLC|café".encode("latin-1")

    assert refused(CONNECTOR_LOG_TYPE, LOG, key=latin).startswith(
        "account: is missing; it is read from the record's key"
    )
    (event,) = told(CONNECTOR_LOG_TYPE, LOG, key=latin, attributes={"subject": "loja|price|MLC|café"})
    assert event.entry_id == "loja|price|MLC|café"
    assert told(ITEM_CHANGED_TYPE, NOTICE, key=b"\xff")[0].data.code == NOTICE["IdSku"]


def test_the_words_of_a_status_are_known_with_and_without_accents() -> None:
    words = ["Sucesso", "ÉXITO", "ERRO", "falha", "Alert", "aviso", "pendente", "processing"]

    assert [status_of(word) for word in words] == [
        *["success"] * 2,
        *["error"] * 2,
        *["warning"] * 2,
        *["processing"] * 2,
    ]


@pytest.mark.parametrize(("kind", "data"), [(ORDER_RESULT_TYPE, RESULT), (CONNECTOR_LOG_TYPE, LOG)])
def test_without_a_time_the_broker_tells_when_and_the_same_record_is_the_same_event(kind: str, data: Any) -> None:
    (one,), (again,) = told(kind, data, key=KEY, offset=1), told(kind, data, key=KEY, offset=1)

    assert one.order_at == one.received_at == RECEIVED_AT
    assert (one.attempt_id, one.version) == (again.attempt_id, again.version)
    assert told(kind, data, key=KEY, attributes={"time": OLD_ENOUGH})[0].data.processed_at == OLD_ENOUGH
    for time in ("yesterday", 1732356672):
        with pytest.raises(InvalidEvent, match="time: must be"):
            told(kind, data, key=KEY, attributes={"time": time})


@pytest.mark.parametrize("kind", [ORDER_RESULT_TYPE, ITEM_CHANGED_TYPE, CONNECTOR_LOG_TYPE])
@pytest.mark.parametrize("data", [None, [], "text", 7, {}])
def test_data_of_a_wrong_form_is_refused_and_never_an_accident(kind: str, data: Any) -> None:
    assert refused(kind, data)


@given(
    st.sampled_from([(ORDER_RESULT_TYPE, RESULT), (ITEM_CHANGED_TYPE, NOTICE), (CONNECTOR_LOG_TYPE, LOG)]),
    st.data(),
    st.sampled_from([None, True, 0, -1.5, "", " ", "x" * 400, "a\x1f", [], [[]], [None], [{}], {}, {"a": []}]),
)
def test_any_field_of_any_type_is_an_event_or_a_named_refusal(shape: Any, data: st.DataObject, value: Any) -> None:
    kind, body = shape
    spoilt = {**body, data.draw(st.sampled_from(sorted(body))): value}
    envelope = {"specversion": "1.0", "id": "1", "source": "/vtex", "type": kind, "data": spoilt}

    deliveries, letters = decode_all([make_record(json.dumps(envelope).encode(), key=KEY)], frozenset())

    assert bool(deliveries) != bool(letters)
    assert all(letter.error_class == "InvalidField" and ": " in letter.error_message for letter in letters)


def test_plain_json_is_recognised_by_fields_that_no_other_shape_has() -> None:
    def plain(body: Any) -> Any:
        return decode(make_record(json.dumps(body).encode(), key=b"loja||MLC|7"))[0].data

    assert plain(RESULT).code == "123"
    assert plain(NOTICE).kind == "product"
    assert plain(LOG).kind == "price"


@pytest.mark.parametrize(
    "body",
    [
        {key: value for key, value in make_data().items() if key != "kind"},
        {key: value for key, value in make_data().items() if key != "processed_at"},
        {**NOTICE, "kind": "stock"},
        {**NOTICE, "DateModified": None} | {"account": "loja"},
        {key: value for key, value in NOTICE.items() if key != "DateModified"},
        {**RESULT, "flow": "Else"},
        {**RESULT, "flow": ["PlaceOrder"]},
        {**RESULT, "code": "ORD-SLA"},
        {key: value for key, value in LOG.items() if key != "ContentDestination"},
    ],
)
def test_plain_json_that_is_nearly_a_shape_is_a_dead_letter(body: Any) -> None:
    with pytest.raises(InvalidEvent) as error:
        decode(make_record(json.dumps(body).encode(), key=KEY))

    assert error.value.error_class == "InvalidField"


@pytest.mark.parametrize("data", ["?", 7, "eyJ", "W10="])
def test_base64_that_holds_no_object_is_refused_by_name(data: Any) -> None:
    envelope = {"specversion": "1.0", "id": "1", "source": "/x", "type": "integration.order.processed"}
    with pytest.raises(InvalidEvent) as error:
        decode(make_record(json.dumps({**envelope, "data_base64": data}).encode()))

    assert error.value.error_class in {"InvalidEnvelope", "InvalidJson", "NotAnObject"}


@pytest.mark.parametrize("said", [{}, {"reprocessid": None}])
def test_an_extension_that_is_null_names_no_job(said: dict[str, None]) -> None:
    assert told(ORDER_RESULT_TYPE, RESULT, attributes=said)[0].data.reprocess_id is None
    assert told(ORDER_RESULT_TYPE, {**RESULT, "reprocessId": "j"}, attributes=said)[0].data.reprocess_id == "j"


def test_a_whole_number_may_be_written_with_a_decimal_point() -> None:
    stock = {"StockModified": True, "QuantityBefore": 10.0, "QuantityAfter": 8.0}
    events = told(ITEM_CHANGED_TYPE, {**NOTICE, **stock, "IdSku": 88.0, "DateModified": OLD_ENOUGH})

    assert {event.data.code for event in events} == {"88"}
    assert [cause["code"] for event in events for cause in event.data.causes] == ["STK-NOT-SENT"]


@pytest.mark.parametrize("sku", [88.5, 2.0**53, 1e300, True])
def test_what_is_no_exact_whole_number_is_no_id(sku: Any) -> None:
    assert "IdSku: must be a text" in refused(ITEM_CHANGED_TYPE, {**NOTICE, "IdSku": sku, "DateModified": OLD_ENOUGH})
