"""What can go wrong on the asking side: the API's problems (RFC 9457) by what to do about them, and answers that never came."""

from collections.abc import Iterable
from typing import Final

import httpx
from pydantic import ValidationError

from shared.client.answers.access import FieldErrorAnswer, Problem


class ClientError(Exception):
    """Everything that this client raises by itself."""


class Unreachable(ClientError):
    """Nobody answered, or the answer broke off: the request may have been done all the same."""


class Unreadable(ClientError):
    """What answered is not this API: a proxy's own page, perhaps, or the address leads elsewhere."""


class StillRunning(ClientError):
    """A job was waited for, and is not at its end; waiting may go on."""


class Damaged(ClientError):
    """A file came otherwise than it was made: fetch it again."""


class Refused(ClientError):
    """The API said no. `errors` name the fields at fault, `correlation_id` finds the request in the service's log."""

    def __init__(
        self, status: int, problem: Problem | None, *, retry_after: float | None = None, leads_to: str | None = None
    ) -> None:
        self.status = status
        self.detail = problem.detail if problem else _unexplained(status, leads_to)
        self.errors: tuple[FieldErrorAnswer, ...] = (problem.errors or ()) if problem else ()
        self.correlation_id = problem.correlation_id if problem else None
        self.retry_after = retry_after
        super().__init__(self._told(problem.title if problem else ""))

    def _told(self, title: str) -> str:
        found = "; ".join(map(_sentence, self.errors)) or self.detail
        told = f"{self.status} {title}".strip() + f": {found}"
        return f"{told} (correlation id {self.correlation_id})" if self.correlation_id else told


def _sentence(fault: FieldErrorAnswer) -> str:
    return with_allowed(f"{fault.field}: {fault.reason}", fault.allowed)


def with_allowed(sentence: str, allowed: Iterable[str] | None) -> str:
    """Return a sentence about a wrong value with those that would be taken, where they are known."""
    return f"{sentence} (allowed: {', '.join(allowed)})" if allowed else sentence


class Denied(Refused):
    """401: no key, or one that is unknown, expired or revoked."""


class NotAllowed(Refused):
    """403: the key lacks the scope, or the body names another account."""


class NotThere(Refused):
    """404: absent, or another account's."""


class InConflict(Refused):
    """409: not possible in the state that it is in."""


class OutOfDate(Refused):
    """412 and 428: someone changed it since it was read, or nobody said what was read. Read again, then change."""


class Invalid(Refused):
    """400, 413, 415, 422: the request itself is wrong; `errors` say where."""


class TooMany(Refused):
    """429: ask again after `retry_after` seconds."""


class NotNow(Refused):
    """503: the service cannot answer just now; `detail` says whether to narrow the question."""


class Failed(Refused):
    """500 and the like: a defect of the service; report the correlation id."""


BY_STATUS: Final[dict[int, type[Refused]]] = {
    400: Invalid,
    401: Denied,
    403: NotAllowed,
    404: NotThere,
    409: InConflict,
    412: OutOfDate,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    428: OutOfDate,
    429: TooMany,
    503: NotNow,
}
FIRST_OF_THEIRS: Final = 500


def _unexplained(status: int, leads_to: str | None) -> str:
    if leads_to:
        return f"the address leads to {leads_to}, which is not followed: give the address of the API itself"
    return f"status {status}, and no problem that explains it"


def refusal_of(answer: httpx.Response, retry_after: float | None) -> Refused:
    """Return the error that a refused request ends in; its body has been read."""
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        problem = None  # a proxy's own page, perhaps
    kind = BY_STATUS.get(answer.status_code, Failed if answer.status_code >= FIRST_OF_THEIRS else Refused)
    return kind(answer.status_code, problem, retry_after=retry_after, leads_to=answer.headers.get("Location"))
