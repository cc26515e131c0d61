"""What every answer is, and the answers about nothing that is stored: problems, health, a sign-in code."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from shared.contracts.times import format_instant

Instant = Annotated[
    datetime,
    PlainSerializer(format_instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
    Field(examples=["2026-11-23T10:11:12.123Z"]),
]


class Answer(BaseModel):
    """What every answer is."""

    model_config = ConfigDict(extra="forbid")


class FieldErrorAnswer(Answer):
    """One thing wrong with a request."""

    field: str
    reason: str
    allowed: list[str] | None = Field(description="what would be right, where that is a short list")


class Problem(Answer):
    """An error (RFC 9457)."""

    type: str = Field(examples=["urn:ponte:problem:unprocessable-entity"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["status: 'eror' is unknown"])
    instance: str = Field(examples=["/v1/logs/order"])
    correlation_id: str | None = Field(examples=["4f1c0f6e2d0b4b39a5f3a0c1de0a7b55"])
    errors: list[FieldErrorAnswer] | None = None


class LivenessAnswer(Answer):
    """Whether the process works."""

    status: Literal["ok", "failing"]
    loop_turned_seconds_ago: float


class ReadinessAnswer(LivenessAnswer):
    """Whether requests can be answered."""

    failures: dict[str, str] = Field(description="what is missing, by name", examples=[{"mongo": "no primary"}])


class SignInCode(Answer):
    """A one-time code for the panel, and the address that takes it."""

    code: str
    link: str
    expires_at: Instant


def _documented(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    400: _documented("The body is not JSON, or the cursor is not of this list"),
    401: _documented("No API key, or an unknown one"),
    403: _documented("The key lacks the scope, or the body names another account"),
    404: _documented("Absent, or another account's"),
    409: _documented("Not possible in the state that it is in"),
    413: _documented("The body is too long"),
    415: _documented("The body is not sent as Content-Type: application/json, or with a Content-Encoding"),
    422: _documented("An unknown or bad parameter; `errors` names it"),
    429: _documented("Too many requests; see Retry-After"),
    500: _documented("A defect of ours: tell us the correlation id"),
    503: _documented("Not now; see Retry-After"),
}
