"""Keys, the audit, the way into the panel, probes, problems. Closed lists of values may grow: they are plain text here, so that a new value breaks nobody."""

from datetime import datetime

from shared.client.answers.base import Answer


class KeyAnswer(Answer):
    """An API key, without its secret."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    state: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None


class NewKeyAnswer(KeyAnswer):
    """A new API key with its secret, which is told this once and stored nowhere."""

    secret: str


class KeyList(Answer):
    """Keys, newest first."""

    items: tuple[KeyAnswer, ...]
    next_cursor: str | None
    previous_cursor: str | None


class AuditLineAnswer(Answer):
    """Who did what to what, when, why, and in which request."""

    id: str
    at: datetime
    action: str
    target: str
    actor: str
    actor_name: str
    by_session: bool
    by_token: bool
    reason: str
    request_id: str


class AuditPageAnswer(Answer):
    """Lines of the audit, newest first."""

    items: tuple[AuditLineAnswer, ...]
    next_cursor: str | None
    previous_cursor: str | None


class SignInCode(Answer):
    """A one-time code for the panel, and the address that takes it."""

    code: str
    link: str
    expires_at: datetime


class LivenessAnswer(Answer):
    """Whether the process works."""

    status: str
    loop_turned_seconds_ago: float


class ReadinessAnswer(LivenessAnswer):
    """Whether requests can be answered."""

    failures: dict[str, str]


class FieldErrorAnswer(Answer):
    """One thing wrong with a request."""

    field: str
    reason: str
    allowed: tuple[str, ...] | None


class Problem(Answer):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    correlation_id: str | None
    errors: tuple[FieldErrorAnswer, ...] | None = None
