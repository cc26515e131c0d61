"""`/v1/audit`: who changed or saw what. It can be read; nothing in the API can change it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.core.actions import ACTIONS
from services.query.entrypoints.answers import leaf_json
from services.query.entrypoints.auth import AdminCaller
from services.query.entrypoints.caching import LEAFED_THROUGH, leafed
from services.query.entrypoints.dependencies import ServicesDep
from services.query.entrypoints.schemas.keys import AuditAsked, AuditPageAnswer, line_json
from services.query.handlers.auditing import AuditFilter, list_audit
from shared.contracts.errors import InvalidField
from shared.contracts.filter_values import chosen, period

router = APIRouter(prefix="/v1", tags=["audit"])


@router.get(
    "/audit", response_model=AuditPageAnswer, responses=LEAFED_THROUGH, summary="Who changed or saw what, newest first"
)
async def get_audit(
    request: Request, services: ServicesDep, caller: AdminCaller, asked: Annotated[AuditAsked, Query()]
) -> Response:
    """Every change and every look at personal data, written down before it was done: with whose key, why, in which request.

    An action is `<what>.<done>`, such as `key.revoked`; a look at personal data is `<what>.revealed`.
    """
    from_at, to_at = period({name: _given_once(request, name) for name in ("from", "to")})
    rows = AuditFilter(
        actor=tuple(asked.actor),
        action=chosen("action", asked.action, ACTIONS),
        target=tuple(asked.target),
        from_at=from_at,
        to_at=to_at,
    )
    page = await list_audit(services.audit, caller, rows, cursor=asked.cursor, limit=asked.limit)
    return leafed(request, leaf_json(page, line_json))


def _given_once(request: Request, name: str) -> str | None:
    written = request.query_params.getlist(name)
    if len(written) > 1:
        raise InvalidField(name, "may be given once")
    return written[0] if written else None
