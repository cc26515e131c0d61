"""The form of an integration, both ways: what its fields show, what they sent, and which of them cannot be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from services.query.core.integration import Integration
from services.query.entrypoints.pages.forms import field as first_of
from services.query.entrypoints.schemas.integration_bodies import IntegrationBody, NewIntegrationBody, fields_of
from shared.contracts.names import KINDS

MINUTE: Final = 60
COMPARED: Final = ("marketplace", "kinds", "minutes", "minimum", "emails", "mask_at_write", "automatic_retries")
NO_NUMBER: Final = -1
"""Stands for what is no number: the check refuses it and names the field."""


@dataclass(frozen=True, slots=True)
class FormView:
    """What stands in the fields. `minutes`: objective by kind; `reason`: of the change; `errors`: fields that cannot be as they are."""

    affiliate: str = ""
    marketplace: str = ""
    kinds: frozenset[str] = frozenset(KINDS)
    minimum: str = ""
    emails: str = ""
    minutes: Mapping[str, str] = field(default_factory=dict)
    mask_at_write: bool = False
    automatic_retries: bool = True
    reason: str = ""
    errors: frozenset[str] = frozenset()

    def differs_from(self, other: "FormView") -> list[str]:
        """Return the names of the fields of an integration that do not say the same in both."""
        return [name for name in COMPARED if _plain(getattr(self, name)) != _plain(getattr(other, name))]


def form_of(integration: Integration) -> FormView:
    """Return the form of an integration as it stands."""
    minimum = integration.minimum_availability
    return FormView(
        affiliate=integration.affiliate,
        marketplace=integration.marketplace,
        kinds=frozenset(integration.kinds),
        minimum="" if minimum is None else str(minimum),
        emails="\n".join(integration.emails),
        minutes={kind: f"{seconds / MINUTE:g}" for kind, seconds in integration.freshness_seconds.items()},
        mask_at_write=integration.mask_at_write,
        automatic_retries=integration.automatic_retries,
    )


def form_as_sent(sent: Mapping[str, Sequence[str]], affiliate: str, errors: frozenset[str]) -> FormView:
    """Return the form as its sender left it."""
    return FormView(
        affiliate=affiliate or first_of(sent, "affiliate"),
        marketplace=first_of(sent, "marketplace"),
        kinds=frozenset(sent.get("kinds", ())),
        minimum=first_of(sent, "minimum_availability"),
        emails=first_of(sent, "emails"),
        minutes={kind: first_of(sent, f"minutes-{kind}") for kind in KINDS},
        mask_at_write="mask_at_write" in sent,
        automatic_retries="automatic_retries" in sent,
        reason=first_of(sent, "reason"),
        errors=errors,
    )


def read_form(sent: Mapping[str, Sequence[str]], affiliate: str) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the fields of an integration, or the names of those at fault. `affiliate` "" is a new one that names its own."""
    raw = {
        "marketplace": first_of(sent, "marketplace"),
        "kinds": list(sent.get("kinds", ())),
        "minimum_availability": _whole(first_of(sent, "minimum_availability")),
        "emails": first_of(sent, "emails").replace(",", " ").replace(";", " ").split(),
        "freshness_seconds": {kind: _seconds(text) for kind in KINDS if (text := first_of(sent, f"minutes-{kind}"))},
        "mask_at_write": "mask_at_write" in sent,
        "automatic_retries": "automatic_retries" in sent,
    }
    try:
        said = (
            IntegrationBody.model_validate(raw)
            if affiliate
            else NewIntegrationBody.model_validate({**raw, "affiliate": first_of(sent, "affiliate")})
        )
    except ValidationError as error:
        return {}, frozenset(str(one["loc"][0]) for one in error.errors())
    return fields_of(said.model_dump(exclude={"paused", "affiliate"})), frozenset()


def _plain(value: Any) -> Any:
    """Return a field's value without what makes no difference: line ends as browsers send them, objectives that are not set."""
    if isinstance(value, Mapping):
        return {name: text for name, text in value.items() if text}
    return value.split() if isinstance(value, str) else value


def _whole(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(text) if text.isascii() and text.isdecimal() else NO_NUMBER
    except ValueError:  # more digits than Python reads
        return NO_NUMBER


def _seconds(text: str) -> int:
    try:
        return round(float(text.replace(",", ".")) * MINUTE)
    except (ValueError, OverflowError):
        return NO_NUMBER
