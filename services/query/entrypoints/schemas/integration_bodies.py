"""What may be said of an integration, and the headers and parameters beside it."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import Header
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.query.core.freshness import DEFAULT_OBJECTIVE_SECONDS
from services.query.core.integration import Standing
from services.query.entrypoints.parameters import Body
from shared.contracts.events import Name
from shared.contracts.names import KINDS, Kind
from shared.contracts.said import A_NAME, visible_name

MAX_EMAILS: Final = 20
MONTH_SECONDS: Final = 31 * 24 * 3600
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,253}$)"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
"""An address that mail servers take: what HTML's own e-mail field takes, with a dot in the domain."""


def known_email(text: str) -> str:
    """Return an e-mail address. Raise ValueError."""
    if not _EMAIL.fullmatch(text) or ".." in text or text.startswith(".") or ".@" in text:
        msg = "must be an e-mail address, such as operacao@loja.com.br"
        raise ValueError(msg)
    return text


def each_once(emails: list[str]) -> list[str]:
    """Return the addresses, each once, whatever its casing."""
    return list({email.casefold(): email for email in reversed(emails)}.values())[::-1]


def in_order(kinds: list[Kind]) -> list[Kind]:
    """Return the kinds, each once, in the order of the tabs."""
    return [kind for kind in KINDS if kind in kinds]


Marketplace = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        json_schema_extra=A_NAME,
        examples=["Mercado Livre"],
    ),
    AfterValidator(visible_name),
]
Kinds = Annotated[
    list[Kind], Field(min_length=1, description="the kinds that are switched on"), AfterValidator(in_order)
]
Minimum = Annotated[
    int,
    Field(ge=0, le=1_000_000, description="a stock change is sent on if the quantity before or after is at most this"),
]
Emails = Annotated[
    list[Annotated[str, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(known_email)]],
    Field(
        max_length=MAX_EMAILS,
        description="who is to hear of orders that failed: kept so far, nothing is sent yet; masked in answers to keys without the scope admin",
        examples=[["operacao@loja.com.br"]],
    ),
    AfterValidator(each_once),
]
Objectives = Annotated[
    dict[Kind, Annotated[int, Field(ge=60, le=MONTH_SECONDS)]],
    Field(
        description=f"per kind, how many seconds old its newest event may be; {DEFAULT_OBJECTIVE_SECONDS} where none is given",
        examples=[{"order": 3600}],
    ),
]
MergedObjectives = Annotated[
    dict[Kind, Annotated[int, Field(ge=60, le=MONTH_SECONDS)] | None],
    Field(description="objectives of the kinds named; null takes one away", examples=[{"order": 3600, "price": None}]),
]
Masking = Annotated[
    bool,
    Field(description="mask personal data before it is stored, from 30 s after; such a payload is never sent again"),
]
Retries = Annotated[
    bool,
    Field(
        description="true unless said: what may pass by itself is sent to its connector again after a while, unasked"
    ),
]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="`*`: only if the affiliate is not registered (412)")
]


class IntegrationsAsked(BaseModel):
    """Which integrations, and whether to look how they do."""

    model_config = ConfigDict(extra="forbid")
    state: Annotated[
        list[Standing],
        Field(
            description="`unregistered`: affiliates of events that nobody registered; without it, all that ever were registered, removed ones too"
        ),
    ] = []
    health: Annotated[bool, Field(description="tell when each kind was heard of last, and how that is")] = False


class IntegrationAsked(BaseModel):
    """One integration."""

    model_config = ConfigDict(extra="forbid")
    health: Annotated[
        bool, Field(description="tell how it does; the ETag of such an answer is weak: `If-Match` wants its `etag`")
    ] = False


EXAMPLE: Final[dict[str, Any]] = {
    "marketplace": "Mercado Livre",
    "kinds": ["order", "price", "stock"],
    "minimum_availability": 5,
    "emails": ["operacao@loja.com.br"],
    "freshness_seconds": {"order": 3600},
}


class IntegrationBody(Body):
    """An integration as a whole: what is not said is the default, but `mask_at_write`, `automatic_retries` and `paused` stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})
    marketplace: Marketplace
    kinds: Kinds = Field(default_factory=lambda: list(KINDS))
    minimum_availability: Minimum | None = None
    emails: Emails = Field(default_factory=list)
    freshness_seconds: Objectives = Field(default_factory=dict)
    mask_at_write: Masking | None = None
    automatic_retries: Retries | None = None
    paused: bool | None = None


class NewIntegrationBody(IntegrationBody):
    """An integration to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"affiliate": "MLC", **EXAMPLE}]})
    affiliate: Annotated[Name, Field(description="three consonants by the rule; others are taken with a warning")]


class IntegrationPatch(Body):
    """Some fields of an integration, as `application/merge-patch+json` or plainly as JSON: null takes a field back to its default, and an
    objective away; of `marketplace`, `mask_at_write` and `paused` it says nothing. Objectives of kinds that are not named stay.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"paused": True}, {"minimum_availability": None}]})
    marketplace: Marketplace | None = None
    kinds: Kinds | None = None
    minimum_availability: Minimum | None = None
    emails: Emails | None = None
    freshness_seconds: MergedObjectives | None = None
    mask_at_write: Masking | None = None
    automatic_retries: Retries | None = None
    paused: Annotated[
        bool | None, Field(description="true: its events are taken, nothing is sent to its connector")
    ] = None

    def said(self) -> dict[str, Any]:
        """Return what was said, by field, nulls too."""
        return fields_of({name: getattr(self, name) for name in self.model_fields_set})


def fields_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of a body as fields of Integration."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
