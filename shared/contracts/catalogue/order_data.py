"""Orders that fail over the order itself: its customer's data, its status, its age."""

from typing import Final

from shared.contracts.catalogue.model import ORDER, ErrorCode, error

ROWS: Final[tuple[ErrorCode, ...]] = (
    error(
        "ORD-CUSTOMER",
        ORDER,
        "fix",
        pt=(
            "Dados do cliente ausentes ou inválidos",
            "Peça ao marketplace que corrija o documento, o telefone ou o e-mail do cliente e reprocesse. Se o e-mail é gerado pelo marketplace (Shopee), não há correção: trate o pedido no portal dele.",
        ),
        en=(
            "Customer data missing or invalid",
            "Ask the marketplace to correct the customer's document, phone or e-mail, then reprocess. If the marketplace makes up the e-mail (Shopee) there is no fix: handle the order in its portal.",
        ),
        es=(
            "Datos del cliente ausentes o inválidos",
            "Pida al marketplace que corrija el documento, el teléfono o el e-mail del cliente y reprocese. Si el e-mail lo genera el marketplace (Shopee), no hay solución: gestione el pedido en su portal.",
        ),
        vtex=("EOI005",),
        article="order-errors-in-the-magazine-luiza-integration",
        examples=(
            "O campo Documento no perfil do cliente é inválido",
            "O campo Telefone no perfil do cliente é inválido",
            "code: 001",
            "Invalid Email",
        ),
        patterns=(
            "no perfil do cliente",
            "o campo documento",
            "o campo telefone",
            "campo * perfil do cliente * invalido",
            "code 001",
            "invalid email",
            "email * is not valid",
            "cpf * invalido",
            "invalid document",
        ),
    ),
    error(
        "ORD-INCOMPLETE",
        ORDER,
        "auto",
        pt=(
            "Pedido ainda incompleto",
            "O marketplace ainda não enviou todos os dados do pedido. Aguarde a nova tentativa automática ou reprocesse.",
        ),
        en=(
            "The order is not complete yet",
            "The marketplace has not sent all data of the order yet. Wait for the automatic retry, or reprocess.",
        ),
        es=(
            "Pedido todavía incompleto",
            "El marketplace aún no envió todos los datos del pedido. Espere el reintento automático o reprocese.",
        ),
        vtex=("EOI005",),
        article="order-errors-in-the-b2w-integration",
        examples=(
            "Não é possível avançar com pedido incompleto",
            "O pedido não pode ser criado. Por favor, tente novamente",
        ),
        patterns=("avancar com pedido incompleto", "pedido incompleto", "pedido nao pode ser criado * tente novamente"),
    ),
    error(
        "ORD-CANCELED",
        ORDER,
        "never",
        pt=(
            "Pedido cancelado",
            "O cancelamento é definitivo e o pedido não será integrado. Veja no marketplace por que foi cancelado.",
        ),
        en=(
            "The order was canceled",
            "A cancellation is final and the order will not be integrated. See in the marketplace why it was canceled.",
        ),
        es=(
            "Pedido cancelado",
            "La cancelación es definitiva y el pedido no se integrará. Vea en el marketplace por qué fue cancelado.",
        ),
        vtex=("EOI009",),
        article="order-errors-in-the-via-integration",
        examples=(
            "Não é possível integrar o pedido pois o mesmo se encontra cancelado",
            "O pedido com marketplace id 2000004567 para o afiliado MLC já está cancelado e não pode ser recriado",
        ),
        patterns=(
            "o mesmo se encontra cancelado",
            "pedido * ja esta cancelado",
            "cancelado e nao pode ser recriado",
            "order is already canceled",
        ),
    ),
    error(
        "ORD-STATUS",
        ORDER,
        "never",
        pt=(
            "Pedido fora do status de integração",
            "O pedido foi tratado no portal do marketplace e já não pode ser integrado. Termine-o por lá e, daqui em diante, trate os pedidos só pela VTEX.",
        ),
        en=(
            "The order left the status that can be integrated",
            "The order was handled in the marketplace's portal and can no longer be integrated. Finish it there, and from now on work orders from VTEX only.",
        ),
        es=(
            "Pedido fuera del estado de integración",
            "El pedido se gestionó en el portal del marketplace y ya no puede integrarse. Termínelo allí y, de ahora en adelante, gestione los pedidos solo desde VTEX.",
        ),
        vtex=("EOI009",),
        article="order-errors-in-the-b2w-integration",
        examples=("Pedido fora do status para integrar", "Pedido não integrado pois o mesmo não está pendente"),
        patterns=("pedido fora do status", "o mesmo nao esta pendente", "pedido nao integrado * nao esta pendente"),
    ),
    error(
        "ORD-NOTFOUND",
        ORDER,
        "fix",
        pt=(
            "O marketplace não encontrou o pedido",
            "Confira o código do pedido no portal do marketplace. Se ele existe lá, abra um chamado com o código e a hora da tentativa; depois reprocesse.",
        ),
        en=(
            "The marketplace could not find the order",
            "Check the order's code in the marketplace's portal. If it is there, open a support ticket with the code and the time of the attempt; then reprocess.",
        ),
        es=(
            "El marketplace no encontró el pedido",
            "Verifique el código del pedido en el portal del marketplace. Si existe allí, abra un ticket con el código y la hora del intento; después reprocese.",
        ),
        article="order-errors-in-the-b2w-integration",
        examples=("Pedido não encontrado",),
        patterns=("pedido nao encontrado", "pedido nao foi encontrado", "order not found"),
    ),
    error(
        "ORD-DUP",
        ORDER,
        "never",
        pt=(
            "O pedido já existe na loja",
            "Nada a fazer: o pedido já foi integrado antes. Procure-o na lista de pedidos.",
        ),
        en=(
            "The order already exists in the store",
            "Nothing to do: the order was integrated before. Look for it in the list of orders.",
        ),
        es=(
            "El pedido ya existe en la tienda",
            "No hay nada que hacer: el pedido ya se integró antes. Búsquelo en la lista de pedidos.",
        ),
        vtex=("EOI007",),
        article="external-marketplace-integration-collect-orders",
        examples=("Order already exists",),
        patterns=(
            "order already exists",
            "pedido ja existe",
            "pedido ja integrado",
            "duplicated order",
            "duplicate order",
        ),
    ),
    error(
        "ORD-EXPIRED",
        ORDER,
        "never",
        pt=(
            "Prazo de 30 dias para integrar esgotado",
            "O marketplace não aceita mais tentativas para este pedido. Trate-o no portal do marketplace.",
        ),
        en=(
            "The 30 days for integrating are over",
            "The marketplace takes no more attempts for this order. Handle it in the marketplace's portal.",
        ),
        es=(
            "Se agotó el plazo de 30 días para integrar",
            "El marketplace ya no acepta intentos para este pedido. Gestiónelo en el portal del marketplace.",
        ),
        article="order-errors-in-the-magazine-luiza-integration",
        examples=("Tempo de limite para retry alcançado",),
        patterns=("limite para retry alcancado", "limite de retry alcancado"),
    ),
    error(
        "ORD-SPLIT",
        ORDER,
        "never",
        pt=(
            "O Mercado Livre não separa este carrinho por conta",
            "O carrinho junta itens de contas diferentes e o envio é Full ou Flex: ele não pode ser dividido. Trate o pedido no portal do Mercado Livre.",
        ),
        en=(
            "Mercado Livre cannot split this cart by account",
            "The cart joins items of different accounts and ships by Full or Flex, so it cannot be split. Handle the order in Mercado Livre's portal.",
        ),
        es=(
            "Mercado Libre no separa este carrito por cuenta",
            "El carrito une ítems de cuentas distintas y el envío es Full o Flex: no puede dividirse. Gestione el pedido en el portal de Mercado Libre.",
        ),
        article="KI 664351",
        examples=(
            "Pedido não será importado, pois o Mercado Livre não suporta separar os pedidos para as respectivas accounts VTEX quando o modo de envio é self_service ou fulfillment.",
        ),
        patterns=("nao suporta separar os pedidos", "separar os pedidos para as respectivas accounts vtex"),
    ),
)
