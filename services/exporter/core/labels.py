"""The words of a report in the three languages of the panel. Codes and ids are never translated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.contracts.commands import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language. `columns`, `kinds`, `statuses`, `reprocess`, `filters` and `summary` map our names to what a person reads."""

    columns: Mapping[str, str]
    kinds: Mapping[str, str]
    statuses: Mapping[str, str]
    reprocess: Mapping[str, str]
    filters: Mapping[str, str]
    summary: Mapping[str, str]
    retry: Mapping[str, str]
    items_sheet: str
    no_items: str
    no_message: str
    file_stem: str
    date_format: str


PORTUGUESE: Final = Words(
    columns={
        "kind": "Tipo",
        "code": "Código",
        "affiliate": "Afiliado",
        "marketplace": "Marketplace",
        "status": "Status",
        "processed_at": "Data de processamento",
        "error_code": "Código do erro",
        "error": "Erro",
        "message": "Mensagem",
        "guidance": "O que fazer",
        "retry": "Retentativa",
        "field": "Campo",
        "attempts": "Tentativas",
        "first_seen_at": "Primeira vez",
        "last_success_at": "Último sucesso",
        "aliases": "Ids alternativos",
        "reprocess": "Em reprocessamento",
        "received_at": "Recebido em",
    },
    kinds={"order": "Pedido", "product": "Produto", "tracking": "Rastreamento", "price": "Preço", "stock": "Estoque"},
    statuses={
        "success": "processo com sucesso",
        "error": "processo com erro",
        "warning": "processado com aviso",
        "processing": "em processamento",
    },
    reprocess={"claimed": "na fila", "sent": "enviado", "answered": "respondido", "unknown": "sem resposta"},
    filters={
        "kind": "Tipo",
        "affiliate": "Afiliado",
        "status": "Status",
        "error_code": "Código do erro",
        "group": "Causa raiz",
        "q": "Busca",
        "from": "De",
        "to": "Até (exclusivo)",
        "retry": "Retentativa",
        "reprocess_id": "Reprocessamento",
        "date_axis": "Data",
        "attempts_min": "Tentativas, no mínimo",
        "stale_since": "Sem processamento desde",
    },
    summary={
        "title": "Resumo",
        "account": "Conta",
        "made_at": "Gerado em",
        "time_zone": "Fuso horário",
        "rows": "Itens",
        "filter": "Filtro",
        "no_filter": "nenhum: todos os itens",
        "others": "(demais)",
        "changed": "Parte das linhas foi lida depois do início: itens podem ter mudado entre uma parte e outra.",
    },
    retry={"auto": "automática", "fix": "corrija e reprocesse", "never": "não adianta reprocessar"},
    items_sheet="Itens",
    no_items="Nenhum item foi encontrado",
    no_message="O conector não informou o motivo.",
    file_stem="integracoes",
    date_format="dd/mm/yyyy hh:mm:ss",
)

ENGLISH: Final = Words(
    columns={
        "kind": "Kind",
        "code": "Code",
        "affiliate": "Affiliate",
        "marketplace": "Marketplace",
        "status": "Status",
        "processed_at": "Processing date",
        "error_code": "Error code",
        "error": "Error",
        "message": "Message",
        "guidance": "What to do",
        "retry": "Retry",
        "field": "Field",
        "attempts": "Attempts",
        "first_seen_at": "First seen",
        "last_success_at": "Last success",
        "aliases": "Other ids",
        "reprocess": "Being reprocessed",
        "received_at": "Received at",
    },
    kinds={"order": "Order", "product": "Product", "tracking": "Tracking", "price": "Price", "stock": "Inventory"},
    statuses={
        "success": "Processed with success",
        "error": "Processed with error",
        "warning": "Processed with warning",
        "processing": "Processing",
    },
    reprocess={"claimed": "queued", "sent": "sent", "answered": "answered", "unknown": "no answer"},
    filters={
        "kind": "Kind",
        "affiliate": "Affiliate",
        "status": "Status",
        "error_code": "Error code",
        "group": "Root cause",
        "q": "Search",
        "from": "From",
        "to": "To (exclusive)",
        "retry": "Retry",
        "reprocess_id": "Reprocess",
        "date_axis": "Date",
        "attempts_min": "Attempts, at least",
        "stale_since": "Not processed since",
    },
    summary={
        "title": "Summary",
        "account": "Account",
        "made_at": "Made at",
        "time_zone": "Time zone",
        "rows": "Items",
        "filter": "Filter",
        "no_filter": "none: every item",
        "others": "(others)",
        "changed": "Some rows were read later than the first ones: items may have changed in between.",
    },
    retry={"auto": "automatic", "fix": "fix, then reprocess", "never": "reprocessing cannot help"},
    items_sheet="Items",
    no_items="No items found",
    no_message="The connector gave no reason.",
    file_stem="integrations",
    date_format="yyyy-mm-dd hh:mm:ss",
)

SPANISH: Final = Words(
    columns={
        "kind": "Tipo",
        "code": "Código",
        "affiliate": "Afiliado",
        "marketplace": "Marketplace",
        "status": "Status",
        "processed_at": "Fecha de procesamiento",
        "error_code": "Código del error",
        "error": "Error",
        "message": "Mensaje",
        "guidance": "Qué hacer",
        "retry": "Reintento",
        "field": "Campo",
        "attempts": "Intentos",
        "first_seen_at": "Primera vez",
        "last_success_at": "Último éxito",
        "aliases": "Otros ids",
        "reprocess": "En reprocesamiento",
        "received_at": "Recibido el",
    },
    kinds={"order": "Pedido", "product": "Producto", "tracking": "Seguimiento", "price": "Precio", "stock": "Stock"},
    statuses={
        "success": "proceso con éxito",
        "error": "proceso con error",
        "warning": "procesado con advertencia",
        "processing": "en proceso",
    },
    reprocess={"claimed": "en cola", "sent": "enviado", "answered": "respondido", "unknown": "sin respuesta"},
    filters={
        "kind": "Tipo",
        "affiliate": "Afiliado",
        "status": "Status",
        "error_code": "Código del error",
        "group": "Causa raíz",
        "q": "Búsqueda",
        "from": "Desde",
        "to": "Hasta (exclusive)",
        "retry": "Reintento",
        "reprocess_id": "Reprocesamiento",
        "date_axis": "Fecha",
        "attempts_min": "Intentos, como mínimo",
        "stale_since": "Sin procesar desde",
    },
    summary={
        "title": "Resumen",
        "account": "Cuenta",
        "made_at": "Generado el",
        "time_zone": "Zona horaria",
        "rows": "Ítems",
        "filter": "Filtro",
        "no_filter": "ninguno: todos los ítems",
        "others": "(otros)",
        "changed": "Parte de las filas se leyó después del inicio: los ítems pueden haber cambiado entre una parte y otra.",
    },
    retry={"auto": "automático", "fix": "corrija y reprocese", "never": "reprocesar no ayuda"},
    items_sheet="Ítems",
    no_items="No se encontró ningún ítem",
    no_message="El conector no informó el motivo.",
    file_stem="integraciones",
    date_format="dd/mm/yyyy hh:mm:ss",
)

WORDS: Final[Mapping[Language, Words]] = {"pt": PORTUGUESE, "en": ENGLISH, "es": SPANISH}
