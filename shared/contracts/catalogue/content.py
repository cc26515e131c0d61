"""Product content that a marketplace does not take: description, dimensions, identifiers, images, brand."""

from typing import Final

from shared.contracts.catalogue.model import ErrorCode, error

ROWS: Final[tuple[ErrorCode, ...]] = (
    error(
        "CAT-DESC",
        ("product", "stock"),
        "fix",
        pt=(
            "Descrição do produto ausente ou longa demais",
            "Preencha a descrição do produto no catálogo, dentro do limite do marketplace, e reprocesse.",
        ),
        en=(
            "Product description missing or too long",
            "Fill in the product's description in the catalog, within the marketplace's limit, and reprocess.",
        ),
        es=(
            "Descripción del producto ausente o muy larga",
            "Complete la descripción del producto en el catálogo, dentro del límite del marketplace, y reprocese.",
        ),
        vtex=("CTLG-006",),
        article="erros-de-integracao-de-estoque-com-a-netshoes",
        examples=("Este produto não possui descrição...",),
        patterns=(
            "produto nao possui descricao",
            "descricao do produto * obrigatoria",
            "descricao * limite de caracteres",
            "description is missing",
            "description is too long",
        ),
    ),
    error(
        "CAT-DIM",
        ("product", "stock"),
        "fix",
        pt=(
            "Peso ou dimensões ausentes",
            "Cadastre o peso real (acima de 1 g), a altura, a largura e o comprimento da embalagem do SKU e reprocesse.",
        ),
        en=(
            "Weight or dimensions missing",
            "Register the real weight (above 1 g), height, width and length of the SKU's package and reprocess.",
        ),
        es=(
            "Peso o dimensiones ausentes",
            "Registre el peso real (más de 1 g), el alto, el ancho y el largo del empaque del SKU y reprocese.",
        ),
        vtex=("CTLG-008",),
        article="erros-de-integracao-de-estoque-com-a-netshoes",
        examples=(
            "Este Sku não possui peso cadastrado ou é inferior a 1 grama...",
            "seller_package_height, seller_package_width, seller_package_length and seller_package_weight are all required",
            "seller_package_* are all required",
        ),
        patterns=(
            "nao possui peso cadastrado",
            "inferior a 1 grama",
            "seller_package_height",
            "seller_package_width",
            "seller_package_length",
            "seller_package_weight",
            "seller_package_",
        ),
    ),
    error(
        "CAT-EAN",
        ("product", "stock"),
        "fix",
        pt=(
            "EAN (GTIN) ausente ou inválido",
            "Cadastre um EAN válido no SKU, com dígito verificador correto. Se o produto não tem EAN, peça a isenção de GTIN ao marketplace; depois reprocesse.",
        ),
        en=(
            "EAN (GTIN) missing or invalid",
            "Register a valid EAN for the SKU, with the right check digit. If the product has none, ask the marketplace for a GTIN exemption; then reprocess.",
        ),
        es=(
            "EAN (GTIN) ausente o inválido",
            "Registre un EAN válido en el SKU, con el dígito verificador correcto. Si el producto no tiene EAN, pida la exención de GTIN al marketplace; después reprocese.",
        ),
        vtex=("CTLG-010",),
        article="erros-de-integracao-de-produtos-com-a-amazon",
        examples=(
            "Field ean in product is missing",
            "The attributes [GTIN] are required for category.",
            "SEM GTIN is not a valid EAN",
        ),
        patterns=(
            "field ean in product is missing",
            "attributes gtin are required for category",
            "attributes * gtin * required",
            "is not a valid ean",
            "not a valid gtin",
            "ean invalido",
            "gtin invalido",
            "invalid ean",
            "invalid gtin",
        ),
    ),
    error(
        "CAT-IMG",
        ("product",),
        "fix",
        pt=(
            "O marketplace não aceitou a imagem",
            "Troque a imagem por um JPG ou PNG público, com extensão na URL e no tamanho que o marketplace pede. Depois reprocesse o SKU.",
        ),
        en=(
            "The marketplace did not take the image",
            "Replace the image by a public JPG or PNG with its extension in the URL and the size that the marketplace asks for. Then reprocess the SKU.",
        ),
        es=(
            "El marketplace no aceptó la imagen",
            "Cambie la imagen por un JPG o PNG público, con extensión en la URL y en el tamaño que pide el marketplace. Después reprocese el SKU.",
        ),
        vtex=("CTLG-007",),
        article="KI 1370670",
        examples=(
            "Error downloading the following url: https://loja.example.com/arquivos/ids/155420. Error: Unknown / unsupported image type extension.",
        ),
        patterns=("error downloading the following url", "unsupported image type", "imagem invalida", "invalid image"),
    ),
    error(
        "CAT-BRAND",
        ("product", "stock"),
        "fix",
        pt=(
            "Marca não aprovada ou não mapeada",
            "Registre a marca no marketplace, ou peça a exceção (erros 5665 e 5661 da Amazon). Se a marca existe lá com outro nome, corrija o mapeamento e reprocesse.",
        ),
        en=(
            "Brand not approved or not mapped",
            "Register the brand in the marketplace, or ask for an exception (Amazon's errors 5665 and 5661). If it is there under another name, correct the mapping and reprocess.",
        ),
        es=(
            "Marca no aprobada o no mapeada",
            "Registre la marca en el marketplace o pida la excepción (errores 5665 y 5661 de Amazon). Si existe allí con otro nombre, corrija el mapeo y reprocese.",
        ),
        vtex=("CTLG-011",),
        article="erros-de-integracao-de-estoque-com-a-amazon",
        examples=(
            "Amazon must approve your brand before you can use it to list products... error code 5665",
            "A Marca Vale Norte informada não corresponde à um valor aceito",
            "A Marca XXX ... não corresponde à um valor aceito",
        ),
        patterns=(
            "must approve your brand",
            "error code 5665",
            "error code 5661",
            "a marca * nao corresponde a um valor aceito",
        ),
    ),
    error(
        "CAT-CONFLICT",
        ("product",),
        "fix",
        pt=(
            "Mesmo EAN, dados diferentes no marketplace",
            "O EAN já pertence a outro produto do marketplace, com outros dados. Iguale os atributos ao produto de lá ou fale com o marketplace; depois reprocesse.",
        ),
        en=(
            "Same EAN, other data in the marketplace",
            "The EAN already belongs to a product of the marketplace with other data. Make the attributes agree with it, or contact the marketplace; then reprocess.",
        ),
        es=(
            "Mismo EAN, otros datos en el marketplace",
            "El EAN ya pertenece a otro producto del marketplace con otros datos. Iguale los atributos o contacte al marketplace; después reprocese.",
        ),
        vtex=("CTLG-010",),
        article="erros-de-integracao-de-produtos-com-a-amazon",
        examples=("The SKU data provided is different from what's already in the Amazon catalog...",),
        patterns=("sku data provided is different from", "different from what s already in the amazon catalog"),
    ),
)
