"""What goes wrong, how often, and where: messages as the marketplaces write them, `{…}` standing for the item's own values.

Most failures come in clusters, as in life: an affiliate whose token expired fails in everything until somebody authorises it
again, a product line without barcodes fails wherever they are required. The rest is scattered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

from deploy.demo.chance import one_of
from shared.contracts.names import Kind


@dataclass(frozen=True, slots=True)
class Fault:
    """A cause in waiting. No `affiliates` means any; `http` is what the marketplace answered; `coded` connectors name the code."""

    code: str
    message: str
    weight: float = 1
    affiliates: frozenset[str] = frozenset()
    field: str | None = None
    http: int = 400
    coded: bool = True


def _at(*affiliates: str) -> frozenset[str]:
    return frozenset(affiliates)


MELI: Final = _at("MLC", "MLP")
AMAZON: Final = _at("MSM")

TOKEN: Final = Fault(
    "AUT-TOKEN",
    "Error validating grant. Your authorization code or refresh token may be expired or it was already used.",
    http=401,
)
UNAUTHORIZED: Final = Fault("AUT-TOKEN", '"status":401,"message":"Unauthorized"', http=401, coded=False)
THROTTLED: Final = Fault(
    "NET-THROTTLE", "Sorry, we couldn't process this request. Please, wait a few minutes and reprocess it", http=429
)
DOWN: Final = Fault("NET-DOWN", "HttpServerErrorException: 502 Bad Gateway", http=502, coded=False)
NO_EAN: Final = Fault("CAT-EAN", "Field ean in product is missing", field="ean")
NO_GTIN: Final = Fault(
    "CAT-EAN", "The attributes [GTIN] are required for category [{category}].", field="GTIN", coded=False
)
NO_WEIGHT: Final = Fault("CAT-DIM", "Este Sku não possui peso cadastrado ou é inferior a 1 grama.", field="weight")

ANYWHERE: Final = (
    DOWN,
    Fault("NET-DOWN", "The marketplace is unavailable right now. Don't worry - we'll try again in a few minutes", 0.7, http=503),
    Fault("NET-THROTTLE", THROTTLED.message, 0.8, http=429),
    Fault("SYS-BUG", "Object reference not set to an instance of an object", 0.5, http=500, coded=False),
    Fault("SYS-BUG", "Sequence contains no elements", 0.3, http=500, coded=False),
    Fault("AUT-DENIED", "The caller is not authorized to access this resource.", 0.5, AMAZON, http=403),
    Fault("AUT-TOKEN", "Acesso Negado - Auth-token inválido ou inexistente", 0.4, _at("BTW"), http=401),
    Fault("UNMAPPED", "Mensagem de erro não mapeada pela integração: retorno {number} do parceiro", 0.5, http=422, coded=False),
    Fault("UNMAPPED", "Falha ao enviar o item {code}: lote {number} recusado", 0.3, http=422, coded=False),
    Fault("MKT-SELLER", "Seller.unable_to_list (information)", 0.2, MELI, http=403),
)  # fmt: skip

FAULTS: Final[dict[Kind, Sequence[Fault]]] = {
    "order": (
        Fault("ORD-SLA", "No available sla to deliver this order", 6),
        Fault("ORD-SLA", "O SLA selecionado para o item não está disponível", 3, coded=False),
        Fault("ORD-STOCK", "Os skus não possuem estoque suficiente para integrar o pedido", 5),
        Fault("ORD-PRICE", "Total do pagamento é diferente do pretendido pela loja", 5, field="marketplacePaymentValue"),
        Fault("ORD-PRICE", "Taxes are diferents from store desired values", 1, _at("NTS", "DFT"), coded=False),
        Fault("ORD-SKUOFF", "Order with SKU inactive or out of sales channel", 3),
        Fault("ORD-SKUID", "Não é possível integrar um pedido composto por produtos criados manualmente", 1, _at("MGZ", "BTW", "MSM")),
        Fault("ORD-NOPRICE", "O pedido não pode ser integrado pois um ou mais itens não possui preço vigente para o canal de vendas configurado", 1.5),
        Fault("ORD-CUSTOMER", "O campo Documento no perfil do cliente é inválido", 1.5, field="clientProfileData.document"),
        Fault("ORD-CUSTOMER", "Invalid Email", 4, _at("SHP"), field="clientProfileData.email"),
        Fault("ORD-INCOMPLETE", "Não é possível avançar com pedido incompleto", 2, _at("BTW", "MGZ", "CSB")),
        Fault("ORD-CANCELED", "O pedido com marketplace id {code} para o afiliado {affiliate} já está cancelado e não pode ser recriado", 2),
        Fault("ORD-STATUS", "Pedido não integrado pois o mesmo não está pendente", 1.5, _at("BTW", "CSB", "MGZ")),
        Fault("ORD-NOTFOUND", "Pedido não encontrado", 0.7, _at("BTW", "CRF"), http=404),
        Fault("ORD-EXPIRED", "Tempo de limite para retry alcançado", 0.8, _at("MGZ")),
        Fault("ORD-SPLIT", "Pedido não será importado, pois o Mercado Livre não suporta separar os pedidos para as respectivas accounts VTEX quando o modo de envio é self_service ou fulfillment.\nPack(s): {number}", 1, MELI),
        Fault("ORD-UNAVAIL", "status Unavailable", 0.6, _at("MSM", "CRF")),
        Fault("ORD-CARRIER", "transportadora / servico de entrega ({courier}) nao cadastrados", 0.7, coded=False),
    ),
    "product": (
        Fault("MAP-ATTR", "Os atributo(s) Gênero é(são) obrigatório(s) e não foi(foram) encontrado(s) na planilha", 5, _at("NTS", "CNT", "DFT"), field="Gênero"),
        Fault("MAP-ATTR", "Specification Cor mapped not found for sku {code}", 1.5, field="Cor"),
        Fault("MAP-CATEGORY", "A categoria selecionada no atributo category_meli não existe no Mercado Livre.", 3, MELI, field="category_meli"),
        Fault("MAP-VAR", "Item tier-variation level not same", 3, _at("SHP"), coded=False),
        Fault("MAP-SHEET", "Não foi possível localizar o mapeamento deste SKU na planilha", 2, _at("NTS", "CNT", "CRF")),
        Fault("CAT-EAN", "SEM GTIN is not a valid EAN", 1, field="GTIN"),
        NO_WEIGHT,
        Fault("CAT-DESC", "Este produto não possui descrição", 1.5, field="description"),
        Fault("CAT-IMG", "Error downloading the following url: https://imagens.example.com/ids/{code}/principal. Error: Unknown / unsupported image type extension.", 2, field="images"),
        Fault("CAT-BRAND", "Amazon must approve your brand before you can use it to list products. Brand {brand}, error code 5665", 4, AMAZON, field="brand", coded=False),
        Fault("CAT-CONFLICT", "The SKU data provided is different from what's already in the Amazon catalog. The conflicting attribute is color: {colour}", 3, AMAZON),
        Fault("MKT-REVIEW", "Cannot update item MLB{number} [status:under_review, has_bids:false] available quantity is not modifiable.", 1.5, MELI),
        Fault("SKU-INACTIVE", "Sku is inactive", 1.5),
        Fault("SKU-HIDDEN", "ProductId not found.", 1, MELI, http=404),
        Fault("NET-WAF", "Could not complete the request. Request blocked by the marketplace CDN.", 0.8, http=403),
        Fault("PRC-MISSING", "Sku não exportado pois o mesmo não possui Preço cadastrado para a Política comercial", 1.5),
    ),
    "tracking": (
        Fault("TRK-INVKEY", "Pedido com chave da nota inválida", 3, field="invoiceKey"),
        Fault("TRK-DATE", "\"Campo\": \"DeliveredDate\" \"Erro\": \"'Data de Entrega ao Cliente' deve ser maior que a 'Data de Despacho' e deve ser igual ou menor a data de hoje\"", 3, field="deliveredDate"),
        Fault("TRK-QTY", "As quantidades fornecidas para a ID do pedido ({code}) eram maiores do que as quantidades que podiam ser atendidas", 5, AMAZON),
        Fault("TRK-MODE", 'This api call "SetStatusToShipped" is currently not allowed', 8, _at("DFT"), coded=False),
    ),
    "price": (
        Fault("PRC-MISSING", "Verifique se este SKU possui preço cadastrado para esta política ou se o preço não expirou.", 4),
        Fault("PRC-LIMIT", "Sale price cannot be updated to {price}. Can not offer more then 70% off.", 4, _at("NTS", "SHP", "MGZ"), field="price"),
        Fault("PRC-PROMO", "Cannot update price for {number} because the product has promotion.", 3, _at("SHP", "MLC", "MLP"), coded=False),
        Fault("SKU-MISSING", "Não existe um sku com o Id informado", 2, _at("MGZ", "BTW", "CSB"), http=404),
        Fault("SKU-INACTIVE", "Sku is inactive", 1),
        Fault("MKT-CLOSED", "Preço não atualizado pois o anúncio no Mercado Livre está finalizado", 1.5, MELI),
    ),
    "stock": (
        Fault("MKT-CLOSED", "Estoque não atualizado pois o anúncio no Mercado Livre está finalizado", 2, MELI),
        Fault("MKT-REVIEW", "Cannot update item MLB{number} [status:under_review, has_bids:false] available quantity is not modifiable.", 2, MELI),
        Fault("MKT-CATALOGING", "Produto ainda não foi catalogado no Carrefour", 8, _at("CRF")),
        Fault("STK-ZERO", "Validation error. Is not possible to activate an item without stock.", 4, field="available_quantity"),
        Fault("STK-WAREHOUSE", "Estoque inexistente para o warehouse. Problemas ao atualizar item.", 6, _at("CSB", "BTW")),
        Fault("SKU-MISSING", "O produto pai não foi integrado", 3, _at("MGZ", "BTW"), http=404),
        NO_WEIGHT,
    ),
}  # fmt: skip

WARNINGS: Final[dict[Kind, Sequence[Fault]]] = {
    "order": (
        Fault("ORD-DUP", "Order already exists", http=409),
        Fault("ORD-PRICE", "The order price in the marketplace is different from the price determined by VTEX.", field="marketplacePaymentValue", http=200),
    ),
    "product": (
        Fault("SKU-KIT", "O conector está configurado para não enviar SKUs do tipo Kit.", http=200),
        Fault("SKU-EXISTS", "Product cannot be saved because sku {code} already exists.", 2, http=409),
    ),
    "tracking": (Fault("TRK-DATE", "A data informada deve ser maior que a 'Data de Despacho'", field="deliveredDate", coded=False),),
    "price": (Fault("PRC-PROMO", "Cannot update price for {number} because the product has promotion.", http=200),),
    "stock": (Fault("MKT-FULL", "A quantidade disponível não é modificável em items com logística Fulfillment", affiliates=MELI, http=200),),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outage:
    """A while in which everything of an affiliate failed for one cause; ages counted back from the start of the demo."""

    affiliate: str
    fault: Fault
    began: timedelta
    ended: timedelta

    def covers(self, affiliate: str, age: timedelta) -> bool:
        """Tell whether something that `affiliate` did that long ago failed for it."""
        return affiliate == self.affiliate and self.ended <= age <= self.began


OUTAGES: Final[tuple[Outage, ...]] = (
    Outage("SHP", TOKEN, timedelta(days=8), timedelta(days=4, hours=5)),
    Outage("NTS", UNAUTHORIZED, timedelta(hours=30), timedelta(minutes=20)),
    Outage("BTW", DOWN, timedelta(days=2, hours=6), timedelta(days=2)),
    Outage("MLP", THROTTLED, timedelta(days=11, hours=4), timedelta(days=11)),
)


def outage_at(affiliate: str, age: timedelta) -> Outage | None:
    """Return the outage in which `affiliate` was that long ago, if any."""
    return next((outage for outage in OUTAGES if outage.covers(affiliate, age)), None)


def choose(kind: Kind, affiliate: str, thrown: Random) -> Fault:
    """Return a fault that items of `kind` meet at `affiliate`, as often as its weight says."""
    return _weighted((*FAULTS[kind], *ANYWHERE), affiliate, thrown)


def choose_warning(kind: Kind, affiliate: str, thrown: Random) -> Fault | None:
    """Return what the marketplace remarks on an item that it took; None where this affiliate remarks nothing."""
    fitting = [fault for fault in WARNINGS[kind] if not fault.affiliates or affiliate in fault.affiliates]
    return _weighted(fitting, affiliate, thrown) if fitting else None


def _weighted(faults: Sequence[Fault], affiliate: str, thrown: Random) -> Fault:
    fitting = {fault: fault.weight for fault in faults if not fault.affiliates or affiliate in fault.affiliates}
    return one_of(thrown, fitting)
