"""Who asks, as an identity provider tells: OIDC bearer tokens."""

from typing import Protocol

from services.query.core.permissions import Caller
from shared.contracts.errors import Transient


class IssuerUnavailable(Transient):
    """The identity provider does not answer, so a token cannot be judged: neither good nor bad."""


class TokenVerifier(Protocol):
    """Tells genuine tokens of the one provider from all others."""

    async def find_caller(self, token: str) -> Caller:
        """Return who the token speaks for. Raise CredentialRefused, or IssuerUnavailable when that cannot be told."""
        ...


def is_token(text: str) -> bool:
    """Say whether a bearer credential is written as a signed token (JWS: three parts of base64url) and not as a key of ours."""
    parts = text.split(".")
    return len(parts) == len(("header", "claims", "signature")) and parts[0].startswith("eyJ")
