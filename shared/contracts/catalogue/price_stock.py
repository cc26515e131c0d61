"""Prices and quantities that a marketplace does not take."""

from typing import Final

from shared.contracts.catalogue.model import ErrorCode, error

ROWS: Final[tuple[ErrorCode, ...]] = (
    error(
        "PRC-MISSING",
        ("price", "product", "stock"),
        "fix",
        pt=(
            "SKU sem preço na política comercial",
            "Cadastre um preço para o SKU na política comercial do afiliado e confira se ele não expirou. Depois reprocesse.",
        ),
        en=(
            "The SKU has no price in the trade policy",
            "Register a price for the SKU in the affiliate's trade policy and check that it has not expired. Then reprocess.",
        ),
        es=(
            "SKU sin precio en la política comercial",
            "Registre un precio para el SKU en la política comercial del afiliado y verifique que no haya vencido. Después reprocese.",
        ),
        vtex=("PRICE-001",),
        article="why-havent-my-product-prices-been-sent-to-the-marketplace",
        examples=(
            "Sku não exportado pois o mesmo não possui Preço cadastrado para a Política comercial",
            "Verifique se este SKU possui preço cadastrado para esta política ou se o preço não expirou.",
        ),
        patterns=(
            "nao possui preco cadastrado",
            "possui preco cadastrado para esta politica",
            "sku sem preco",
            "price not found",
        ),
    ),
    error(
        "PRC-LIMIT",
        ("price",),
        "fix",
        pt=(
            "Desconto acima do limite do marketplace",
            "O marketplace limita a queda de preço de uma só vez. Aumente o preço, ou baixe-o em etapas, e reprocesse.",
        ),
        en=(
            "The discount exceeds the marketplace's limit",
            "The marketplace caps how far a price may fall at once. Raise the price, or lower it in steps, and reprocess.",
        ),
        es=(
            "El descuento supera el límite del marketplace",
            "El marketplace limita la baja de precio de una sola vez. Suba el precio, o bájelo por etapas, y reprocese.",
        ),
        vtex=("PRICE-001",),
        article="why-havent-my-product-prices-been-sent-to-the-marketplace",
        examples=("Sale price cannot be updated to 29,99. Can not offer more then 70% off.",),
        patterns=("sale price cannot be updated", "can not offer more then", "cannot offer more than"),
    ),
    error(
        "PRC-PROMO",
        ("price", "stock"),
        "fix",
        pt=(
            "Produto em promoção no marketplace",
            "Uma promoção criada no marketplace impede a mudança. Retire o produto da promoção no portal do marketplace e reprocesse.",
        ),
        en=(
            "The product has a promotion in the marketplace",
            "A promotion made in the marketplace blocks the change. Take the product out of it in the marketplace's portal and reprocess.",
        ),
        es=(
            "Producto en promoción en el marketplace",
            "Una promoción creada en el marketplace impide el cambio. Retire el producto de la promoción en su portal y reprocese.",
        ),
        vtex=("PRICE-001",),
        article="KI 1294478",
        examples=(
            "Cannot update price for [item variation] because the product has promotion.",
            "Cannot update price for 2000123456 variation 77 because the product has promotion.",
        ),
        patterns=("cannot update price for * promotion", "because the product has promotion"),
    ),
    error(
        "STK-ZERO",
        ("stock",),
        "fix",
        pt=(
            "Item sem estoque não pode ser ativado",
            "O SKU está sem estoque, inativo ou fora da política comercial. Atualize o estoque e reprocesse.",
        ),
        en=(
            "An item without stock cannot be activated",
            "The SKU has no stock, is inactive or outside the trade policy. Update the stock and reprocess.",
        ),
        es=(
            "Un ítem sin stock no puede activarse",
            "El SKU está sin stock, inactivo o fuera de la política comercial. Actualice el stock y reprocese.",
        ),
        vtex=("INVNT-001",),
        article="erros-de-integracao-de-estoque-com-o-mercado-livre",
        examples=("Validation error. Is not possible to activate an item without stock.",),
        patterns=("not possible to activate an item without stock", "item without stock"),
    ),
    error(
        "STK-WAREHOUSE",
        ("stock",),
        "fix",
        pt=(
            "Estoque inexistente para o depósito",
            "Faça uma simulação de frete: falta saldo válido no depósito ou estratégia de envio para ele. Corrija e reprocesse.",
        ),
        en=(
            "No stock for the warehouse",
            "Run a shipping simulation: the warehouse has no valid balance, or no shipping strategy. Correct it and reprocess.",
        ),
        es=(
            "Stock inexistente para el almacén",
            "Haga una simulación de envío: al almacén le falta saldo válido o estrategia de envío. Corrija y reprocese.",
        ),
        vtex=("INVNT-001",),
        article="erros-de-integracao-de-estoque-com-a-via",
        examples=("Estoque inexistente para o warehouse. Problemas ao atualizar item.",),
        patterns=("estoque inexistente para o warehouse", "problemas ao atualizar item"),
    ),
    error(
        "STK-NOT-SENT",
        ("stock",),
        "never",
        pt=(
            "Mudança de estoque não enviada, por regra",
            "Nada a fazer: pela regra de disponibilidade mínima, só é enviada a mudança em que o saldo, antes ou depois, é baixo. Um erro anterior deste SKU continua por resolver.",
        ),
        en=(
            "Stock change not sent, by rule",
            "Nothing to do: by the minimum-availability rule a change is sent only if the quantity before or after it is low. An earlier error of this SKU still has to be dealt with.",
        ),
        es=(
            "Cambio de stock no enviado, por regla",
            "Nada que hacer: por la regla de disponibilidad mínima solo se envía el cambio en que el saldo, antes o después, es bajo. Un error anterior de este SKU sigue por resolver.",
        ),
        article="entendendo-a-regra-de-disponibilidade-minima",
        examples=("Not sent by rule: 50 before and 20 after, both above 5",),
        patterns=("not sent by rule", "nao enviado por regra", "regra de disponibilidade minima"),
    ),
)
