"""Mappings between our categories, attributes and variations and a marketplace's."""

from typing import Final

from shared.contracts.catalogue.model import ErrorCode, error

ROWS: Final[tuple[ErrorCode, ...]] = (
    error(
        "MAP-CATEGORY",
        ("product", "order"),
        "fix",
        pt=(
            "Categoria sem mapeamento válido",
            "A categoria não existe mais no marketplace ou não aceita anúncios. Refaça o mapeamento da categoria e reprocesse.",
        ),
        en=(
            "The category has no valid mapping",
            "The category no longer exists in the marketplace, or takes no listings. Map the category again and reprocess.",
        ),
        es=(
            "Categoría sin mapeo válido",
            "La categoría ya no existe en el marketplace o no acepta anuncios. Rehaga el mapeo de la categoría y reprocese.",
        ),
        vtex=("CTLG-004", "E4"),
        article="my-orders-in-mercado-libre-have-errors",
        examples=(
            "Category not available for integration",
            "A categoria selecionada no atributo category_meli não existe no Mercado Livre.",
        ),
        patterns=(
            "category not available for integration",
            "atributo category_meli",
            "a categoria * nao existe no",
            "category * is not mapped",
            "categoria nao mapeada",
        ),
    ),
    error(
        "MAP-ATTR",
        ("product", "stock"),
        "fix",
        pt=(
            "Atributo obrigatório ausente ou com valor errado",
            "Mapeie o atributo citado na mensagem com um dos valores exatos que o marketplace aceita. Depois reprocesse o SKU.",
        ),
        en=(
            "A required attribute is missing or wrong",
            "Map the attribute that the message names to one of the exact values that the marketplace accepts. Then reprocess the SKU.",
        ),
        es=(
            "Atributo obligatorio ausente o con valor incorrecto",
            "Mapee el atributo que cita el mensaje con uno de los valores exactos que acepta el marketplace. Después reprocese el SKU.",
        ),
        vtex=("CTLG-003",),
        article="erros-de-integracao-de-estoque-com-a-netshoes",
        examples=(
            "Os atributo(s) Gênero é(são) obrigatório(s) e não foi(foram) encontrado(s)...",
            "Os atributo(s) XXX é(são) obrigatório(s) e não foi(foram) encontrado(s)...",
            "Specification Cor mapped not found...",
        ),
        patterns=(
            "os atributo s",
            "e sao obrigatorio s e nao foi",
            "specification * mapped not found",
            "attributes * are required for category",
        ),
    ),
    error(
        "MAP-VAR",
        ("product", "order"),
        "fix",
        pt=(
            "Variação inválida",
            "A variação (cor, tamanho) mudou ou não é aceita na categoria do marketplace. Corrija a planilha de mapeamento e reprocesse.",
        ),
        en=(
            "Invalid variation",
            "The variation (colour, size) changed, or the marketplace's category does not take it. Correct the mapping sheet and reprocess.",
        ),
        es=(
            "Variación inválida",
            "La variación (color, talla) cambió o la categoría del marketplace no la acepta. Corrija la planilla de mapeo y reprocese.",
        ),
        vtex=("CTLG-002",),
        article="order-errors-in-the-dafiti-integration",
        examples=(
            "Valor de variação inválido",
            "VariationTheme selected it's invalid",
            "Item tier-variation level not same",
        ),
        patterns=("valor de variacao invalido", "variationtheme * invalid", "tier variation level not same"),
    ),
    error(
        "MAP-SHEET",
        ("product", "stock"),
        "fix",
        pt=(
            "SKU sem linha na planilha de mapeamento",
            "Inclua na planilha a categoria e as variações deste SKU, com maiúsculas e minúsculas iguais às do catálogo. Depois reprocesse.",
        ),
        en=(
            "The SKU has no row in the mapping sheet",
            "Add the SKU's category and variations to the sheet, in the same upper and lower case as in the catalog. Then reprocess.",
        ),
        es=(
            "SKU sin fila en la planilla de mapeo",
            "Agregue a la planilla la categoría y las variaciones de este SKU, con mayúsculas y minúsculas iguales a las del catálogo. Después reprocese.",
        ),
        vtex=("CTLG-001",),
        article="erros-de-integracao-de-estoque-com-a-netshoes",
        examples=("Não foi possível localizar o mapeamento deste SKU na planilha",),
        patterns=("localizar o mapeamento deste sku", "mapeamento * na planilha"),
    ),
)
