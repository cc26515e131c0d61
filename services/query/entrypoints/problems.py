"""Every error as problem+json (RFC 9457): the one table error → status on the asking side. Nothing internal gets out."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response
from starlette.types import Scope

from shared.contracts.errors import (
    InvalidCursor,
    InvalidField,
    LimitExceeded,
    NotEligible,
    NotFound,
    NotPermitted,
    PonteError,
    PreconditionMissing,
    Stale,
    TooBroad,
    Transient,
)

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = {HTTPStatus.TOO_MANY_REQUESTS: 1, HTTPStatus.SERVICE_UNAVAILABLE: 5}
"""503: about the time that a replica set needs to elect a primary."""

STATUS_OF: Final[tuple[tuple[type[PonteError], HTTPStatus], ...]] = (
    (InvalidCursor, HTTPStatus.BAD_REQUEST),
    (InvalidField, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotPermitted, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (NotEligible, HTTPStatus.CONFLICT),
    (Stale, HTTPStatus.PRECONDITION_FAILED),
    (PreconditionMissing, HTTPStatus.PRECONDITION_REQUIRED),
    (LimitExceeded, HTTPStatus.TOO_MANY_REQUESTS),
    (Transient, HTTPStatus.SERVICE_UNAVAILABLE),
)

UNAVAILABLE: Final = (
    "the service cannot reach its database just now, or the answer takes too long; try again, or narrow the filter"
)
DEFECT: Final = "something went wrong on our side; tell us the correlation id"


def status_of(error: PonteError) -> HTTPStatus:
    """Return the status that tells of `error`; 500 for whatever is not in the table."""
    return next((status for kind, status in STATUS_OF if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem_of(error: PonteError, scope: Scope) -> Response:
    """Return the answer to a request that ended in `error`."""
    status = status_of(error)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return problem(scope, status, str(error) if isinstance(error, TooBroad) else UNAVAILABLE)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem(scope, status, DEFECT)
    if not isinstance(error, InvalidField):
        return problem(scope, status, str(error))
    found = field_error(error.field, error.reason, error.allowed)
    return problem(scope, status, f"{found['field']}: {found['reason']}", errors=[found])


def field_error(field: str, reason: str, allowed: Sequence[str] | None = None) -> dict[str, Any]:
    """Return one member of a problem's `errors`."""
    return {"field": field, "reason": reason, "allowed": list(allowed) if allowed else None}


def problem(
    scope: Scope,
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem. `scope` gives the path and the correlation id."""
    known = HTTPStatus(status)
    body: dict[str, Any] = {
        "type": f"urn:ponte:problem:{known.phrase.lower().replace(' ', '-')}",
        "title": known.phrase,
        "status": known.value,
        "detail": detail,
        "instance": scope.get("path", ""),
        "correlation_id": scope.get("state", {}).get("request_id"),
    }
    if errors is not None:
        body["errors"] = list(errors)
    extra = dict(headers or {})
    if known in RETRY_AFTER_SECONDS:
        extra.setdefault("Retry-After", str(RETRY_AFTER_SECONDS[known]))
    return Response(orjson.dumps(body), status_code=known.value, headers=extra, media_type=MEDIA_TYPE)
