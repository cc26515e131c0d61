"""Listings that a marketplace holds back: cataloging, closed, under review, its own stock, its seller."""

from typing import Final

from shared.contracts.catalogue.model import ErrorCode, error
from shared.contracts.names import KINDS

ROWS: Final[tuple[ErrorCode, ...]] = (
    error(
        "MKT-CATALOGING",
        ("stock", "price"),
        "auto",
        pt=(
            "O marketplace ainda está catalogando o produto",
            "Aguarde: a catalogação leva de horas a dias e o envio segue sozinho depois. Não é preciso reprocessar.",
        ),
        en=(
            "The marketplace is still cataloging the product",
            "Wait: cataloging takes hours to days, and the update goes out by itself afterwards. No need to reprocess.",
        ),
        es=(
            "El marketplace todavía está catalogando el producto",
            "Espere: la catalogación tarda de horas a días y el envío sigue solo después. No hace falta reprocesar.",
        ),
        article="erros-de-integracao-de-estoque-com-o-carrefour",
        examples=("Produto ainda não foi catalogado no Carrefour...",),
        patterns=("produto ainda nao foi catalogado", "ainda nao foi catalogado"),
    ),
    error(
        "MKT-CLOSED",
        ("stock", "price"),
        "never",
        pt=(
            "Anúncio finalizado no marketplace",
            "O anúncio terminou e não aceita mais mudanças. Para voltar a vender, fale com o marketplace ou crie um novo anúncio.",
        ),
        en=(
            "The listing has ended in the marketplace",
            "The listing is closed and takes no more changes. To sell it again, contact the marketplace or create a new listing.",
        ),
        es=(
            "Anuncio finalizado en el marketplace",
            "El anuncio terminó y ya no acepta cambios. Para volver a vender, contacte al marketplace o cree un nuevo anuncio.",
        ),
        article="erros-de-integracao-de-estoque-com-o-mercado-livre",
        examples=("Estoque não atualizado pois o anúncio no Mercado Livre está finalizado",),
        patterns=("anuncio no mercado livre esta finalizado", "anuncio * esta finalizado", "status closed"),
    ),
    error(
        "MKT-REVIEW",
        ("stock", "product"),
        "fix",
        pt=(
            "Anúncio em revisão no marketplace",
            "O marketplace está revisando o anúncio e não aceita mudanças. Resolva no portal dele o que pede a revisão e reprocesse.",
        ),
        en=(
            "The listing is under review",
            "The marketplace is reviewing the listing and takes no changes. Settle in its portal what the review asks for, then reprocess.",
        ),
        es=(
            "Anuncio en revisión en el marketplace",
            "El marketplace está revisando el anuncio y no acepta cambios. Resuelva en su portal lo que pide la revisión y reprocese.",
        ),
        vtex=("CTLG-012",),
        article="erros-de-integracao-de-estoque-com-o-mercado-livre",
        examples=(
            "Cannot update item MLB3000000001 [status:under_review, has_bids:false] available quantity is not modifiable.",
            "Cannot update item XXX [status:under_review, has_bids:false] available quantity is not modifiable.",
        ),
        patterns=("status under_review", "under_review * is not modifiable"),
    ),
    error(
        "MKT-FULL",
        ("stock",),
        "never",
        pt=(
            "O estoque deste anúncio é do marketplace (Full)",
            "Nada a fazer: o estoque está no centro de distribuição do marketplace e só ele o altera.",
        ),
        en=(
            "The marketplace owns this listing's stock (Full)",
            "Nothing to do: the stock lies in the marketplace's fulfillment center and only the marketplace changes it.",
        ),
        es=(
            "El stock de este anuncio es del marketplace (Full)",
            "No hay nada que hacer: el stock está en el centro de distribución del marketplace y solo él lo modifica.",
        ),
        vtex=("CTLG-011",),
        article="erros-de-integracao-de-estoque-com-o-mercado-livre",
        examples=("A quantidade disponível não é modificável em items com logística Fulfillment",),
        patterns=("nao e modificavel em items com logistica fulfillment", "logistica fulfillment"),
    ),
    error(
        "MKT-SELLER",
        KINDS,
        "fix",
        pt=(
            "Conta de vendedor bloqueada ou pendente",
            "O marketplace bloqueou a conta ou ela tem pendências, por isso todos os itens falham. Regularize a conta no portal do marketplace e reprocesse tudo.",
        ),
        en=(
            "Seller account blocked or pending",
            "The marketplace blocked the account or waits for something, so every item fails. Settle it in the marketplace's portal, then reprocess them all.",
        ),
        es=(
            "Cuenta de vendedor bloqueada o pendiente",
            "El marketplace bloqueó la cuenta o tiene pendientes, por eso fallan todos los ítems. Regularícela en el portal del marketplace y reprocese todo.",
        ),
        vtex=("AUTH-002",),
        article="erros-de-integracao-de-estoque-com-o-mercado-livre",
        examples=(
            "User not active",
            "Seller.unable_to_list (information)",
            "The seller does not have an eligible Amazon account to call Amazon MWS.",
        ),
        patterns=(
            "user not active",
            "user is not active",
            "seller unable_to_list",
            "unable_to_list",
            "does not have an eligible amazon account",
        ),
    ),
)
