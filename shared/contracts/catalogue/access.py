"""Failures of the connection itself, on any kind: permission, network, defects, and what nobody has named."""

from typing import Final

from shared.contracts.catalogue.model import ErrorCode, error
from shared.contracts.names import KINDS

ROWS: Final[tuple[ErrorCode, ...]] = (
    error(
        "AUT-TOKEN",
        KINDS,
        "fix",
        pt=(
            "Autorização do marketplace vencida",
            "Autorize de novo a integração nas configurações do afiliado. Todos os itens dele falham pela mesma causa: depois de autorizar, reprocesse todos de uma vez.",
        ),
        en=(
            "The marketplace authorisation has expired",
            "Authorise the integration again in the affiliate's settings. All its items fail for this one cause: once authorised, reprocess them all at once.",
        ),
        es=(
            "Autorización del marketplace vencida",
            "Autorice de nuevo la integración en la configuración del afiliado. Todos sus ítems fallan por la misma causa: después de autorizar, reprocéselos todos de una vez.",
        ),
        vtex=("AUTH-001",),
        article="erros-de-integracao-de-estoque-com-o-mercado-livre",
        examples=(
            "Error validating grant. Your authorization code or refresh token may be expired or it was already used.",
            '"status":401,"message":"Unauthorized"',
            "Acesso Negado - Auth-token inválido ou inexistente",
        ),
        patterns=(
            "error validating grant",
            "refresh token may be expired",
            "status 401",
            "unauthorized",
            "auth token invalido",
            "acesso negado * token",
            "invalid access token",
            "invalid_grant",
            "token expired",
            "token has expired",
        ),
    ),
    error(
        "AUT-DENIED",
        KINDS,
        "fix",
        pt=(
            "Acesso negado pelo marketplace",
            "A conta não tem permissão para esta operação, ou o código de vendedor está errado. Corrija as configurações ou peça a permissão ao marketplace; depois reprocesse.",
        ),
        en=(
            "Access denied by the marketplace",
            "The account may not do this, or the seller id is wrong. Correct the settings or ask the marketplace for the permission; then reprocess.",
        ),
        es=(
            "Acceso denegado por el marketplace",
            "La cuenta no tiene permiso para esta operación o el código de vendedor es incorrecto. Corrija la configuración o pida el permiso al marketplace; después reprocese.",
        ),
        vtex=("AUTH-002",),
        article="erros-de-integracao-de-estoque-com-a-amazon",
        examples=(
            "The caller is not authorized to access this resource.",
            "Access to Feeds. SubmitFeed is denied.",
            "Invalid seller id",
        ),
        patterns=(
            "caller is not authorized",
            "not authorized to access",
            "access to * is denied",
            "access denied",
            "invalid seller id",
            "status 403",
            "403 forbidden",
        ),
    ),
    error(
        "NET-THROTTLE",
        KINDS,
        "auto",
        pt=(
            "O marketplace pediu para ir mais devagar",
            "Aguarde: o marketplace limitou as requisições e o item será reenviado sozinho, com intervalos maiores.",
        ),
        en=(
            "The marketplace asked us to slow down",
            "Wait: the marketplace limits requests, and the item is sent again by itself at longer intervals.",
        ),
        es=(
            "El marketplace pidió ir más despacio",
            "Espere: el marketplace limitó las solicitudes y el ítem se reenviará solo, con intervalos mayores.",
        ),
        article="KI 873998",
        examples=("Sorry, we couldn't process this request. Please, wait a few minutes and reprocess it",),
        patterns=(
            "wait a few minutes and reprocess",
            "too many requests",
            "rate limit",
            "request is throttled",
            "requestthrottled",
            "quotaexceeded",
            "status 429",
        ),
    ),
    error(
        "NET-DOWN",
        KINDS,
        "auto",
        pt=(
            "O marketplace está fora do ar ou não respondeu",
            "Aguarde: o item será reenviado sozinho. Se durar mais de uma hora, veja a página de status do marketplace.",
        ),
        en=(
            "The marketplace is down or did not answer",
            "Wait: the item is sent again by itself. If it lasts for more than an hour, see the marketplace's status page.",
        ),
        es=(
            "El marketplace está caído o no respondió",
            "Espere: el ítem se reenviará solo. Si dura más de una hora, vea la página de estado del marketplace.",
        ),
        vtex=("EOI006", "EOI010", "E2", "E5"),
        article="KI 514557",
        examples=(
            "HttpServerErrorException: 502 Bad Gateway",
            "The marketplace is unavailable right now. Don't worry - we'll try again in a few minutes",
            "...unavailable right now. Don't worry - we'll try again in a few minutes",
        ),
        patterns=(
            "httpservererrorexception",
            "bad gateway",
            "service unavailable",
            "gateway timeout",
            "gateway time out",
            "unavailable right now",
            "try again in a few minutes",
            "internal server error",
            "timed out",
            "timeout",
            "connection refused",
            "connection reset",
        ),
    ),
    error(
        "NET-WAF",
        ("product",),
        "fix",
        pt=(
            "Envio bloqueado pelo firewall do marketplace",
            "Algo no conteúdo parece um ataque; em geral são nomes de imagem como --1-. Renomeie os arquivos e reprocesse.",
        ),
        en=(
            "Blocked by the marketplace's firewall",
            "Something in the content looks like an attack; mostly image names such as --1-. Rename the files and reprocess.",
        ),
        es=(
            "Envío bloqueado por el firewall del marketplace",
            "Algo en el contenido parece un ataque; por lo general son nombres de imagen como --1-. Renombre los archivos y reprocese.",
        ),
        article="KI 1327151",
        examples=("Could not complete the request. Request blocked by the marketplace CDN.",),
        patterns=("request blocked by the marketplace cdn", "request blocked"),
    ),
    error(
        "SYS-BUG",
        KINDS,
        "auto",
        pt=(
            "Defeito do conector",
            "O conector falhou e esconde a causa verdadeira. Reprocesse uma vez; se repetir, abra um chamado com o código do item e o detalhe da tentativa.",
        ),
        en=(
            "A defect of the connector",
            "The connector failed and hides the true cause. Reprocess once; if it comes again, open a support ticket with the item's code and the attempt's detail.",
        ),
        es=(
            "Defecto del conector",
            "El conector falló y oculta la causa verdadera. Reprocese una vez; si se repite, abra un ticket con el código del ítem y el detalle del intento.",
        ),
        vtex=("EOI000",),
        article="KI 777298",
        examples=(
            "Object reference not set to an instance of an object",
            "Sequence contains no elements",
            "Parameter count mismatch",
            "Input string was not in a correct format",
        ),
        patterns=(
            "object reference not set",
            "sequence contains no elements",
            "parameter count mismatch",
            "input string was not in a correct format",
            "nullreferenceexception",
            "nullpointerexception",
        ),
        automatic_retries=1,
    ),
    error(
        "UNMAPPED",
        KINDS,
        "auto",
        pt=(
            "Erro ainda não mapeado",
            "Leia a mensagem e a resposta do marketplace no detalhe da tentativa. Se a nova tentativa automática não resolver, abra um chamado com elas.",
        ),
        en=(
            "An error that is not mapped yet",
            "Read the message and the marketplace's answer in the attempt's detail. If the automatic retry does not help, open a support ticket with them.",
        ),
        es=(
            "Error todavía no mapeado",
            "Lea el mensaje y la respuesta del marketplace en el detalle del intento. Si el reintento automático no lo resuelve, abra un ticket con ellos.",
        ),
        vtex=("NTMAP-001", "EOI001"),
        article="sent-offers-integration-guide-connectors",
        examples=("Mensagem de erro não mapeada pela integração...",),
        patterns=("erro nao mapeada", "erro nao mapeado", "error no mapeado", "unmapped error"),
    ),
)
