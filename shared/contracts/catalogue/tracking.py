"""Tracking that fails: invoices, dates, quantities, shipping modes."""

from typing import Final

from shared.contracts.catalogue.model import ErrorCode, error

ROWS: Final[tuple[ErrorCode, ...]] = (
    error(
        "TRK-INVKEY",
        ("order", "tracking"),
        "fix",
        pt=(
            "Chave da nota fiscal inválida",
            "A chave da NF-e deve ter 44 dígitos e ser a da nota deste pedido. Corrija a chave e reprocesse.",
        ),
        en=(
            "Invalid invoice key",
            "The NF-e key must have 44 digits and be that of this order's invoice. Correct the key and reprocess.",
        ),
        es=(
            "Clave de la factura inválida",
            "La clave de la NF-e debe tener 44 dígitos y ser la de la factura de este pedido. Corrija la clave y reprocese.",
        ),
        article="order-errors-in-the-b2w-integration",
        examples=("Pedido com chave da nota inválida",),
        patterns=(
            "chave da nota invalida",
            "chave de acesso * invalida",
            "invalid invoice key",
        ),
    ),
    error(
        "TRK-DATE",
        ("tracking",),
        "auto",
        pt=(
            "Data de entrega fora de ordem",
            "A data de entrega deve ser posterior ao despacho e não pode estar no futuro. Em geral um novo envio resolve; se não, corrija as datas e reprocesse.",
        ),
        en=(
            "Delivery date out of order",
            "The delivery date must be after the dispatch and not in the future. Sending it again usually helps; if not, correct the dates and reprocess.",
        ),
        es=(
            "Fecha de entrega fuera de orden",
            "La fecha de entrega debe ser posterior al despacho y no puede estar en el futuro. Por lo general un nuevo envío lo resuelve; si no, corrija las fechas y reprocese.",
        ),
        article="KI 856984",
        examples=(
            "Data de Entrega ao Cliente' deve ser maior que a 'Data de Despacho' e deve ser igual ou menor a data de hoje",
            '"Campo": "DeliveredDate" "Erro": "A data informada deve ser maior que a \'Data de Despacho\'"',
        ),
        patterns=(
            "data de entrega ao cliente * data de despacho",
            "campo delivereddate",
            "maior que a data de despacho",
            "igual ou menor a data de hoje",
        ),
    ),
    error(
        "TRK-QTY",
        ("tracking",),
        "fix",
        pt=(
            "Quantidade enviada maior que a do pedido",
            "Some as quantidades de todas as notas e pacotes do pedido e compare com o que falta atender. Corrija a nota com itens a mais e reprocesse.",
        ),
        en=(
            "More shipped than the order has open",
            "Add up the quantities of all invoices and packages of the order and compare with what is open. Correct the one with too many items and reprocess.",
        ),
        es=(
            "Cantidad enviada mayor que la del pedido",
            "Sume las cantidades de todas las facturas y paquetes del pedido y compárelas con lo pendiente. Corrija la que tenga ítems de más y reprocese.",
        ),
        article="KI 360564",
        examples=(
            "As quantidades fornecidas para a ID do pedido (701-0000012-3456789) eram maiores do que as quantidades que podiam ser atendidas",
        ),
        patterns=(
            "as quantidades fornecidas",
            "maiores do que as quantidades que podiam ser atendidas",
            "quantities provided * greater than",
        ),
    ),
    error(
        "TRK-MODE",
        ("order", "tracking"),
        "fix",
        pt=(
            "Modo de frete não aceita esta mudança de status",
            "O modo de frete do pedido (FOB, Milk Run) não combina com o da integração. Peça à Dafiti que mude o modo, ou marque FOB como Não nas configurações; depois reprocesse.",
        ),
        en=(
            "The freight mode does not allow this status change",
            "The freight mode of the order (FOB, Milk Run) does not match the integration's. Ask Dafiti to change the mode, or set FOB to No in the settings; then reprocess.",
        ),
        es=(
            "El modo de flete no permite este cambio de estado",
            "El modo de flete del pedido (FOB, Milk Run) no coincide con el de la integración. Pida a Dafiti que cambie el modo o marque FOB como No en la configuración; después reprocese.",
        ),
        article="order-errors-in-the-dafiti-integration",
        examples=('This api call "SetStatusToShipped" is currently not allowed', "OMS Api Error Occurred"),
        patterns=("this api call * is currently not allowed", "setstatustoshipped", "oms api error occurred"),
    ),
)
