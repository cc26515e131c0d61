"""Orders that fail over what was sold: delivery, stock, SKU, price."""

from typing import Final

from shared.contracts.catalogue.model import ORDER, ErrorCode, error

ROWS: Final[tuple[ErrorCode, ...]] = (
    error(
        "ORD-SLA",
        ORDER,
        "fix",
        pt=(
            "Nenhuma entrega disponível para o pedido",
            "Faça uma simulação de frete com a política comercial, o SKU e o CEP do pedido. Corrija o que faltar (estoque, doca sem política, faixa de CEP, SKU inativo) e reprocesse.",
        ),
        en=(
            "No delivery option for this order",
            "Run a shipping simulation with the trade policy, SKU and postal code of the order. Fix what is missing (stock, dock without policy, postal code range, inactive SKU) and reprocess.",
        ),
        es=(
            "Ninguna entrega disponible para el pedido",
            "Haga una simulación de envío con la política comercial, el SKU y el código postal del pedido. Corrija lo que falte (stock, muelle sin política, rango postal, SKU inactivo) y reprocese.",
        ),
        vtex=("EOI002",),
        article="sla-errors-in-marketplace-integration-orders",
        examples=(
            "No available sla to deliver this order",
            "O SLA selecionado para o item não está disponível",
            "Pedido não importado pois o SLA de entrega selecionado para o mesmo não está disponível",
        ),
        patterns=(
            "no available sla",
            "sla * nao esta disponivel",
            "sla * nao disponivel",
            "ERR_UNAVAILABLE_SLA",
            "unavailable sla",
        ),
    ),
    error(
        "ORD-STOCK",
        ORDER,
        "fix",
        pt=(
            "SKU do pedido sem estoque",
            "Confira o saldo e as reservas do SKU: se o reservado passa do total, o estoque está negativo. Atualize o estoque e reprocesse.",
        ),
        en=(
            "A SKU of the order is out of stock",
            "Check the balance and reservations of the SKU: if more is reserved than there is, the stock is negative. Update the stock and reprocess.",
        ),
        es=(
            "SKU del pedido sin stock",
            "Revise el saldo y las reservas del SKU: si lo reservado supera el total, el stock es negativo. Actualice el stock y reprocese.",
        ),
        vtex=("EOI002",),
        article="out-of-stock-errors-in-marketplace-integration-orders",
        examples=("Order with SKU out of stock", "Os skus não possuem estoque suficiente para integrar o pedido"),
        patterns=(
            "sku out of stock",
            "skus * nao possuem estoque suficiente",
            "sku * nao possui estoque suficiente",
            "estoque suficiente para integrar o pedido",
        ),
    ),
    error(
        "ORD-SKUOFF",
        ORDER,
        "fix",
        pt=(
            "SKU do pedido inativo ou fora da política comercial",
            "Ative o SKU no catálogo ou associe-o à política comercial do afiliado. Depois reprocesse o pedido.",
        ),
        en=(
            "A SKU is inactive or outside the trade policy",
            "Activate the SKU in the catalog or associate it with the affiliate's trade policy. Then reprocess the order.",
        ),
        es=(
            "SKU inactivo o fuera de la política comercial",
            "Active el SKU en el catálogo o asócielo a la política comercial del afiliado. Después reprocese el pedido.",
        ),
        vtex=("EOI002",),
        article="order-errors-in-the-mercado-livre-integration",
        examples=(
            "Order with SKU inactive or out of sales channel",
            "Os skus estão inativos ou fora da política comercial",
        ),
        patterns=(
            "sku inactive or out of sales channel",
            "skus * inativos ou fora da politica comercial",
            "sku * inativo ou fora da politica comercial",
            "out of sales channel",
        ),
    ),
    error(
        "ORD-SKUID",
        ORDER,
        "fix",
        pt=(
            "O pedido tem um SKU que não existe na loja",
            "Se o SKU existe no catálogo, peça ao marketplace que corrija o vínculo; se o anúncio foi criado à mão, apague-o. Se o SKU foi removido, o pedido não poderá ser integrado: trate-o no marketplace.",
        ),
        en=(
            "The order has a SKU that the store does not have",
            "If the SKU is in the catalog, ask the marketplace to correct the link; if the listing was created by hand, delete it. If the SKU is gone the order cannot be integrated: handle it in the marketplace.",
        ),
        es=(
            "El pedido tiene un SKU que no existe en la tienda",
            "Si el SKU está en el catálogo, pida al marketplace que corrija el vínculo; si el anuncio se creó a mano, elimínelo. Si el SKU fue eliminado, el pedido no puede integrarse: gestiónelo en el marketplace.",
        ),
        vtex=("EOI004",),
        article="order-errors-in-the-amazon-integration",
        examples=(
            "Sku in order don't belong to a VTEX Store, sku id it's not a integer",
            "Não é possível integrar um pedido composto por skus inexistentes na loja",
            "Não é possível integrar um pedido composto por produtos criados manualmente",
        ),
        patterns=(
            "sku in order don't belong to a vtex store",
            "sku id it's not a integer",
            "composto por skus inexistentes",
            "composto por produtos criados manualmente",
        ),
    ),
    error(
        "ORD-PRICE",
        ORDER,
        "fix",
        pt=(
            "Valor pago diferente do valor esperado pela loja",
            "Compare o total pago com o preço da política comercial. Um Super Admin ou perfil OMS Full deve criar ou ampliar a regra de divergência de valores; depois reprocesse.",
        ),
        en=(
            "The paid total differs from the store's price",
            "Compare the paid total with the price of the trade policy. A Super Admin or OMS Full user has to create or widen the Price Divergence rule; then reprocess.",
        ),
        es=(
            "El total pagado difiere del precio de la tienda",
            "Compare el total pagado con el precio de la política comercial. Un Super Admin o perfil OMS Full debe crear o ampliar la regla de divergencia de precios; después reprocese.",
        ),
        vtex=("EOI003", "EOI011"),
        article="troubleshooting-price-divergence-errors-in-marketplace-orders",
        examples=(
            "Total do pagamento é diferente do pretendido pela loja",
            "The order price in the marketplace is different from the price determined by VTEX.",
            "Taxes are diferents from store desired values",
        ),
        patterns=(
            "total do pagamento * diferente",
            "order price in the marketplace is different",
            "diferents from store desired",
            "different from store desired",
            "price divergence",
            "divergencia de preco",
            "divergencia de valores",
        ),
    ),
    error(
        "ORD-NOPRICE",
        ORDER,
        "fix",
        pt=(
            "Item do pedido sem preço vigente",
            "Cadastre um preço válido, dentro da vigência, para o SKU na política comercial do afiliado. Confira também o estoque e reprocesse.",
        ),
        en=(
            "An item of the order has no valid price",
            "Register a price that is in force for the SKU in the affiliate's trade policy. Check the stock as well, and reprocess.",
        ),
        es=(
            "Un ítem del pedido no tiene precio vigente",
            "Registre un precio vigente para el SKU en la política comercial del afiliado. Revise también el stock y reprocese.",
        ),
        article="order-errors-in-the-dafiti-integration",
        examples=(
            "Não é possível integrar o pedido pois um ou mais itens não possui preço vigente para o canal de vendas configurado",
            "Order with SKU without the correct price",
        ),
        patterns=("nao possui preco vigente", "nao possuem preco vigente", "sku without the correct price"),
    ),
    error(
        "ORD-UNAVAIL",
        ORDER,
        "fix",
        pt=(
            "O marketplace bloqueou o item do pedido",
            "O pedido está como Unavailable no marketplace. Fale com o marketplace para liberar o item e reprocesse.",
        ),
        en=(
            "The marketplace blocked the item of the order",
            "The order is Unavailable in the marketplace. Ask the marketplace to release the item, then reprocess.",
        ),
        es=(
            "El marketplace bloqueó el ítem del pedido",
            "El pedido está como Unavailable en el marketplace. Pida al marketplace que libere el ítem y reprocese.",
        ),
        article="why-dont-marketplace-orders-integrate-with-my-store",
        examples=("status Unavailable",),
        patterns=("status unavailable", "status * is unavailable"),
    ),
    error(
        "ORD-CARRIER",
        ORDER,
        "fix",
        pt=(
            "Transportadora não cadastrada no ERP",
            "Cadastre no ERP a transportadora e o serviço de entrega que o marketplace informou. Depois reprocesse.",
        ),
        en=(
            "Carrier not registered in the ERP",
            "Register in the ERP the carrier and delivery service that the marketplace names. Then reprocess.",
        ),
        es=(
            "Transportadora no registrada en el ERP",
            "Registre en el ERP la transportadora y el servicio de entrega que informa el marketplace. Después reprocese.",
        ),
        article="por-que-o-pedido-do-marketplace-nao-integrou",
        examples=("transportadora / servico de entrega (Expressa / Dia Seguinte) nao cadastrados",),
        patterns=(
            "servico de entrega * nao cadastrados",
            "transportadora * nao cadastrada",
            "transportadora * nao cadastrados",
        ),
    ),
)
