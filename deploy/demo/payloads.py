"""The content behind each event, in the shapes that the platform's own APIs use. Orders count cents, prices count decimals."""

from datetime import datetime, timedelta
from typing import Any

from deploy.demo.chance import dice, happens
from deploy.demo.orders import Line, Order
from deploy.demo.shop import BY_ID, Sku
from shared.contracts.times import format_instant


def order_payload(order: Order, at: datetime) -> dict[str, Any]:
    """Return the order as it comes in from a marketplace; money in cents."""
    who = order.customer
    return {
        "marketplaceOrderId": order.marketplace_order_id,
        "marketplaceOrderStatus": "approved",
        "marketplacePaymentValue": order.total_cents,
        "connectorName": BY_ID[order.affiliate].connector,
        "allowFranchises": False,
        "items": [{"id": line.sku.id, "price": line.cents, "quantity": line.quantity} for line in order.lines],
        "clientProfileData": {
            "firstName": who.first_name,
            "lastName": who.surname,
            "email": who.email,
            "documentType": "cpf",
            "document": who.document,
            "phone": who.phone,
            "isCorporate": False,
        },
        "shippingData": {
            "isFob": False,
            "isMarketplaceFulfillment": False,
            "logisticsInfo": [_logistics(order, line, at) for line in order.lines],
            "selectedAddresses": [_address(order)],
            "trackingHints": None,
        },
        "invoiceData": {"userPaymentInfo": {"paymentMethods": ["marketplace"]}},
        "customData": None,
    }


def tracking_payload(order: Order, at: datetime) -> dict[str, Any]:
    """Return invoice and tracking of an order; the invoice's value is a text of cents."""
    thrown = dice("tracking", order.affiliate, order.code)
    delivered = happens(thrown, 0.6)
    number = f"{100_000 + order.number % 800_000}"
    return {
        "type": "Output",
        "issuanceDate": format_instant(at - timedelta(hours=thrown.randrange(6, 72))),
        "invoiceNumber": number,
        "invoiceValue": str(order.total_cents),
        "invoiceKey": invoice_key(number),
        "invoiceUrl": f"https://notas.example.com/nfe/{number}",
        "courier": order.courier,
        "trackingNumber": f"BR{thrown.randrange(10**9):09d}ZZ",
        "trackingUrl": f"https://rastreio.example.com/{number}",
        "dispatchedDate": format_instant(at - timedelta(hours=5)),
        "isDelivered": delivered,
        "deliveredDate": format_instant(at) if delivered else None,
        "events": [
            {
                "city": order.customer.city,
                "state": order.customer.state,
                "description": "Entregue ao destinatário" if delivered else "Saiu para entrega",
                "date": format_instant(at),
            }
        ],
        "courierStatus": {"status": "delivered" if delivered else "in_transit", "finished": delivered, "data": []},
    }


def product_payload(sku: Sku) -> dict[str, Any]:
    """Return the SKU as the catalog describes it."""
    height, width, length = sku.family.box
    department, category = sku.family.categories
    return {
        "Id": int(sku.id),
        "ProductId": sku.product_id,
        "NameComplete": sku.name,
        "ProductName": sku.product,
        "SkuName": sku.variant,
        "IsActive": True,
        "IsKit": sku.family.is_kit,
        "BrandName": sku.family.brand,
        "Dimension": {
            "height": height,
            "width": width,
            "length": length,
            "weight": sku.family.grams,
            "cubicweight": 0.0,
        },
        "SalesChannels": [1, 2],
        "Images": [{"ImageUrl": f"https://imagens.example.com/ids/{sku.id}/principal.jpg", "ImageName": "principal"}],
        "SkuSpecifications": [
            {"FieldName": name, "FieldValues": [value]}
            for name, value in (("Cor", sku.colour), ("Tamanho", sku.size))
            if value != "Único"
        ],
        "ProductCategories": {"1": department, "11": category},
        "AlternateIds": {"RefId": sku.ref_id} | ({"Ean": sku.ean} if sku.ean else {}),
        "ProductIsVisible": True,
        "ShowIfNotAvailable": True,
    }


def price_payload(sku: Sku, at: datetime) -> dict[str, Any]:
    """Return the prices of a SKU, which move a little from one sending to the next; decimals."""
    percent = dice("price", sku.id, at).choice((100, 100, 97, 95, 92, 90, 88, 85))
    selling = _charming(sku.cents * percent // 100)
    return {
        "itemId": sku.id,
        "listPrice": _reais(_charming(sku.cents * 5 // 4)),
        "costPrice": _reais(sku.cents // 2),
        "markup": round((selling / (sku.cents // 2) - 1) * 100, 2),
        "basePrice": _reais(selling),
        "fixedPrices": [{"tradePolicyId": "2", "value": _reais(selling), "listPrice": None, "minQuantity": 1}],
    }


def stock_payload(sku: Sku, at: datetime) -> dict[str, Any]:
    """Return the balance of a SKU in the shop's two warehouses."""
    thrown = dice("stock", sku.id, at)
    return {
        "skuId": sku.id,
        "balance": [
            {
                "warehouseId": warehouse,
                "warehouseName": name,
                "totalQuantity": total,
                "reservedQuantity": thrown.randrange(min(total, 4) + 1),
                "hasUnlimitedQuantity": False,
                "timeToRefill": None,
                "dateOfSupplyUtc": None,
                "leadTime": "1.00:00:00",
            }
            for warehouse, name, most in (("1_1", "Centro de distribuição", 120), ("1_2", "Loja do bairro", 12))
            for total in (thrown.randrange(most),)
        ],
    }


def invoice_key(number: str) -> str:
    """Return 44 digits in the layout of an electronic invoice's key, the issuer's tax id all zeros."""
    body = f"3526110000000000000055001{int(number):09d}1{int(number) % 10**8:08d}"
    weights = [2 + position % 8 for position in range(len(body))]
    remainder = sum(int(digit) * weight for digit, weight in zip(reversed(body), weights, strict=True)) % 11
    return f"{body}{(11 - remainder) % 11 % 10}"


def _logistics(order: Order, line: Line, at: datetime) -> dict[str, Any]:
    return {
        "price": order.freight_cents // len(order.lines),
        "selectedDeliveryChannel": "delivery",
        "selectedSla": "Normal",
        "lockTTL": "8d",
        "shippingEstimate": "5bd",
        "deliveryIds": [{"courierName": order.courier, "warehouseId": "1_1"}],
        "itemId": line.sku.id,
        "deliveryWindow": None,
        "estimateDate": format_instant(at + timedelta(days=7)),
    }


def _address(order: Order) -> dict[str, Any]:
    who = order.customer
    return {
        "addressType": "residential",
        "receiverName": f"{who.first_name} {who.surname}",
        "street": who.street,
        "number": who.number,
        "city": who.city,
        "state": who.state,
        "postalCode": who.postal_code,
        "country": "BRA",
    }


def _charming(cents: int) -> int:
    return max(cents // 100 * 100 - 10, 490)


def _reais(cents: int) -> float:
    return round(cents / 100, 2)
