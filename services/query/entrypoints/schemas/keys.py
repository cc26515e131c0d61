"""Keys and the audit as JSON, in and out."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from services.query.core.actions import ACTIONS
from services.query.core.keys import LONGEST_OVERLAP, ApiKey, KeyState
from services.query.core.permissions import Scope
from services.query.entrypoints.parameters import Body, Cursor, DropEmpty
from services.query.entrypoints.schemas.base import Answer, Instant
from services.query.entrypoints.schemas.filters import Actions, InstantText, SaidInstant
from services.query.handlers.auditing import AuditLine
from services.query.handlers.leafing import DEFAULT_LIMIT, MAX_LIMIT
from shared.contracts.said import A_NAME, Reason, visible_name
from shared.contracts.times import format_instant, parse_instant

ONE_DAY: Final = 86_400


def read_instant(written: object) -> object:
    """Return the instant that a text writes; anything else as it is. Raise ValueError for a text that is none."""
    return parse_instant(written)[0] if isinstance(written, str) else written


def each_scope_once(scopes: list[Scope]) -> list[Scope]:
    """Return the scopes. Raise ValueError when one stands twice."""
    if len(set(scopes)) != len(scopes):
        msg = "each scope stands once"
        raise ValueError(msg)
    return scopes


Expiry = Annotated[
    datetime | None,
    BeforeValidator(read_instant, json_schema_input_type=SaidInstant | None),
    Field(description="RFC 3339 with a zone, in the future", examples=["2099-12-31T00:00:00Z"]),
]


class KeyBody(Body):
    """A new key, of the account of the key that asks, and with no more scopes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "shop front", "scopes": ["read"], "expires_at": "2099-12-31T00:00:00Z"}]
        }
    )
    name: Annotated[
        str,
        Field(min_length=1, max_length=100, json_schema_extra=A_NAME, examples=["shop front"]),
        AfterValidator(visible_name),
    ]
    scopes: Annotated[list[Scope], Field(min_length=1, examples=[["read"]]), AfterValidator(each_scope_once)]
    expires_at: Expiry = None
    reason: Reason = ""


class RotateBody(Body):
    """How to replace a key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": ONE_DAY, "reason": "yearly"}]})
    overlap_seconds: Annotated[
        int, Field(ge=0, le=int(LONGEST_OVERLAP.total_seconds()), description="the old key works so much longer")
    ] = ONE_DAY
    expires_at: Annotated[Expiry, Field(description="of the new key; else it lasts as long as the old one was to")] = (
        None
    )
    reason: Reason = ""


class KeysAsked(BaseModel):
    """A page of keys."""

    model_config = ConfigDict(extra="forbid")
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class AuditAsked(KeysAsked):
    """Which lines; several values of one parameter are alternatives, different parameters narrow."""

    actor: Annotated[list[str], DropEmpty, Field(description="ids of keys, or `oidc:` and the subject of a token")] = []
    action: Annotated[
        Actions, Field(description=f"what was done, of {', '.join(ACTIONS)}", examples=[["entry.revealed"]])
    ] = []
    target: Annotated[
        list[str],
        DropEmpty,
        Field(
            description="ids of what it was done to; an entry's is `account|kind|affiliate|code`, an integration's `account|affiliate`",
            examples=[["loja|order|MLC|2000004567"]],
        ),
    ] = []
    from_: Annotated[InstantText, Field(alias="from", description="RFC 3339 with a zone, inclusive")] = ""
    to: Annotated[InstantText, Field(description="RFC 3339 with a zone, exclusive")] = ""


class KeyAnswer(Answer):
    """An API key, without its secret."""

    id: str = Field(examples=["4f1c0f6e2d0b4b39"])
    name: str = Field(examples=["shop front"])
    prefix: str = Field(description="how the secret begins, to tell keys apart", examples=["ponte_aB3dE9"])
    scopes: list[Scope]
    state: KeyState
    created_at: Instant
    created_by: str = Field(description="id of the key that made it; empty for the first one")
    expires_at: Instant | None
    last_used_at: Instant | None = Field(description="to the minute")
    revoked_at: Instant | None
    replaced_by: str | None = Field(description="id of the key that took its place")


class NewKeyAnswer(KeyAnswer):
    """A new API key with its secret, which is told this once and stored nowhere."""

    secret: str = Field(examples=["ponte_aB3dE9fGh1jKlM2nOp3qRs4tUv5wXy6zAb7cDe8f"])


class KeyList(Answer):
    """Keys, newest first."""

    items: list[KeyAnswer]
    next_cursor: str | None
    previous_cursor: str | None


class AuditLineAnswer(Answer):
    """Who did what to what, when, why, and in which request."""

    id: str
    at: Instant
    action: str = Field(examples=["entry.revealed"])
    target: str = Field(examples=["loja|order|MLC|2000004567"])
    actor: str = Field(
        description="id of the key, or `oidc:` and the subject of a token", examples=["4f1c0f6e2d0b4b39"]
    )
    actor_name: str = Field(examples=["shop front"])
    by_session: bool = Field(description="through the panel")
    by_token: bool = Field(description="an identity provider vouched")
    reason: str
    request_id: str = Field(description="the `X-Request-ID` of the answer")


class AuditPageAnswer(Answer):
    """Lines of the audit, newest first."""

    items: list[AuditLineAnswer]
    next_cursor: str | None
    previous_cursor: str | None


def key_json(key: ApiKey, now: datetime) -> dict[str, Any]:
    """Return a key as JSON, its state as of `now`."""
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "state": key.state_at(now),
        "created_at": format_instant(key.created_at),
        "created_by": key.created_by,
        "expires_at": _instant(key.expires_at),
        "last_used_at": _instant(key.last_used_at),
        "revoked_at": _instant(key.revoked_at),
        "replaced_by": key.replaced_by,
    }


def line_json(line: AuditLine) -> dict[str, Any]:
    """Return a line of the audit as JSON."""
    return {
        "id": line.id,
        "at": format_instant(line.at),
        "action": line.action,
        "target": line.target,
        "actor": line.key_id,
        "actor_name": line.key_name,
        "by_session": line.by_session,
        "by_token": line.by_token,
        "reason": line.reason,
        "request_id": line.request_id,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
