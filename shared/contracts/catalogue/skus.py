"""SKUs that are not ready to be offered: inactive, missing, hidden, sent twice, kits."""

from typing import Final

from shared.contracts.catalogue.model import ErrorCode, error

ROWS: Final[tuple[ErrorCode, ...]] = (
    error(
        "SKU-INACTIVE",
        ("product", "price", "stock"),
        "fix",
        pt=("SKU inativo no catálogo", "Ative o SKU no catálogo (com imagem e preço) e reprocesse."),
        en=(
            "The SKU is inactive in the catalog",
            "Activate the SKU in the catalog (it needs an image and a price) and reprocess.",
        ),
        es=("SKU inactivo en el catálogo", "Active el SKU en el catálogo (con imagen y precio) y reprocese."),
        vtex=("A2",),
        article="erros-de-integracao-de-produtos-com-a-amazon",
        examples=("Sku is inactive",),
        patterns=("sku is inactive", "sku esta inativo", "sku inativo", "sku inactive"),
    ),
    error(
        "SKU-REMOVED",
        ("product",),
        "never",
        pt=(
            "SKU retirado do afiliado",
            "O SKU saiu da política comercial do afiliado e deixa de ser oferecido ali. Se não era para sair, associe-o de novo: uma nova notificação o enviará.",
        ),
        en=(
            "The SKU was removed from the affiliate",
            "The SKU left the affiliate's trade policy and is no longer offered there. If that was not meant, associate it again: a new notification will send it.",
        ),
        es=(
            "SKU retirado del afiliado",
            "El SKU salió de la política comercial del afiliado y ya no se ofrece allí. Si no era la intención, asócielo de nuevo: una nueva notificación lo enviará.",
        ),
        article="external-marketplace-integration-new-products",
        examples=("SKU removed from the affiliate",),
        patterns=(
            "removed from the affiliate",
            "retirado do afiliado",
            "removido do afiliado",
            "retirado del afiliado",
        ),
    ),
    error(
        "SKU-MISSING",
        ("price", "stock"),
        "fix",
        pt=(
            "O SKU ainda não existe no marketplace",
            "O produto nunca foi importado. Confira a política comercial do SKU, reprocesse-o na aba Produtos e só depois o estoque ou o preço.",
        ),
        en=(
            "The SKU does not exist in the marketplace yet",
            "The product was never imported. Check the trade policy of the SKU, reprocess it under Products, and only then its stock or price.",
        ),
        es=(
            "El SKU aún no existe en el marketplace",
            "El producto nunca se importó. Revise la política comercial del SKU, reprocéselo en la pestaña Productos y solo después el stock o el precio.",
        ),
        article="erros-de-integracao-de-estoque-com-o-magazine-luiza",
        examples=("Não existe um sku com o Id informado", "O produto pai não foi integrado"),
        patterns=("nao existe um sku com o id", "produto pai nao foi integrado"),
    ),
    error(
        "SKU-HIDDEN",
        ("product", "stock"),
        "fix",
        pt=(
            "Produto oculto no site",
            'Ligue "Exibir no site" e "Mostrar produto esgotado" no cadastro do produto e reprocesse.',
        ),
        en=(
            "The product is hidden on the site",
            'Turn on "Show on site" and "Show when out of stock" in the product\'s form and reprocess.',
        ),
        es=(
            "Producto oculto en el sitio",
            'Active "Mostrar en el sitio" y "Mostrar producto agotado" en el registro del producto y reprocese.',
        ),
        article="erros-de-integracao-de-estoque-com-o-mercado-livre",
        examples=("ProductId not found.",),
        patterns=("productid not found", "product id * not found", "productid was not found"),
    ),
    error(
        "SKU-EXISTS",
        ("product",),
        "never",
        pt=(
            "O SKU já está no marketplace, sem mudança",
            "Nada a fazer: o SKU foi reenviado sem alteração e o anúncio está lá. Confira o anúncio só se você esperava uma mudança.",
        ),
        en=(
            "The SKU is already there, unchanged",
            "Nothing to do: the SKU was sent again without a change and the listing is there. Check the listing only if you expected a change.",
        ),
        es=(
            "El SKU ya está en el marketplace, sin cambios",
            "No hay nada que hacer: el SKU se reenvió sin cambios y el anuncio está allí. Revise el anuncio solo si esperaba un cambio.",
        ),
        article="KI 1351096",
        examples=("Product cannot be saved because sku 31042 already exists.",),
        patterns=("product cannot be saved because sku * already exists",),
    ),
    error(
        "SKU-KIT",
        ("product",),
        "fix",
        pt=(
            "A integração não envia kits",
            "O SKU é um kit e o conector está configurado para não os enviar. Habilite kits nas configurações da integração e reprocesse.",
        ),
        en=(
            "The integration does not send kits",
            "The SKU is a kit and the connector is set not to send them. Enable kits in the integration's settings and reprocess.",
        ),
        es=(
            "La integración no envía kits",
            "El SKU es un kit y el conector está configurado para no enviarlos. Habilite los kits en la configuración de la integración y reprocese.",
        ),
        article="configurar-integracao-com-o-magazine-luiza",
        examples=("O conector está configurado para não enviar SKUs do tipo Kit.",),
        patterns=("nao enviar skus do tipo kit", "skus do tipo kit"),
    ),
)
