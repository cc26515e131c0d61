"""The claims of a token that was found genuine → who asks, by the rules of the settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from services.query.core.permissions import SCOPES, Caller, CredentialRefused
from shared.contracts.events import NAME

NAME_CLAIMS: Final = ("preferred_username", "email", "name")
MAX_SUBJECT_LENGTH: Final = 255
"""What OpenID Connect allows."""
MAX_NAME_LENGTH: Final = 100

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """How an identity provider tells what we need.

    `account_claim` and `scope_claim` are names of claims, or dotted paths into them (`realm_access.roles`). `roles` maps a value of the scope claim
    to our scopes; a value that is one of our scopes stands for itself. `account`: every token is of this one, whatever it claims.
    """

    account_claim: str
    scope_claim: str
    roles: Mapping[str, frozenset[str]]
    account: str = ""


def caller_of_claims(claims: Claims, rules: ClaimRules) -> Caller:
    """Return who asks. Raise CredentialRefused for claims that name no subject or no account."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT_LENGTH or not subject.isprintable():
        raise CredentialRefused("the token names no subject (`sub`)")
    return Caller(
        account=rules.account or _account(claims, rules.account_claim),
        key_id=f"oidc:{subject}",
        name=_name(claims) or subject[:MAX_NAME_LENGTH],
        scopes=_scopes(claims, rules),
        by_token=True,
        good_until=_expiry(claims),
    )


def claim_at(claims: Claims, path: str) -> Any:
    """Return the claim of that name, else what the dotted path leads to, else None."""
    if path in claims:  # names may hold dots: `https://example.com/roles`
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _account(claims: Claims, path: str) -> str:
    account = claim_at(claims, path)
    if not isinstance(account, str) or NAME.fullmatch(account) is None:
        raise CredentialRefused(f"the token names no account: the claim {path!r} must hold exactly one")
    return account


def _expiry(claims: Claims) -> datetime:
    try:
        return datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise CredentialRefused("the token names no expiry that a calendar holds (`exp`)") from error


def _name(claims: Claims) -> str:
    for claim in NAME_CLAIMS:
        told = claims.get(claim)
        if isinstance(told, str) and told.isprintable() and told.strip():
            return told.strip()[:MAX_NAME_LENGTH]
    return ""


def _scopes(claims: Claims, rules: ClaimRules) -> frozenset[str]:
    granted: set[str] = set()
    for value in _values(claim_at(claims, rules.scope_claim)):
        granted |= rules.roles.get(value, frozenset())
        granted |= {value} & set(SCOPES)
    return frozenset(granted)


def _values(claim: Any) -> Iterator[str]:
    """OAuth writes scopes as one text with spaces, others a list of roles."""
    if isinstance(claim, str):
        yield from claim.split()
    elif isinstance(claim, list):
        yield from (value for value in claim if isinstance(value, str))
