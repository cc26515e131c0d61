"""OIDC bearer tokens, checked with PyJWT against the keys of the one issuer of the settings."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import jwt

from services.query.adapters.oidc_key_set import Key, KeySet
from services.query.core.claims import ClaimRules, caller_of_claims
from services.query.core.permissions import Caller, CredentialRefused

KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""Which type of key signs by which algorithm, by its first letters. None is shared: a public key never becomes a shared secret."""
REQUIRED: Final = ("exp", "iss", "aud", "sub")
MAX_TOKEN_LENGTH: Final = 16 * 1024


class OidcTokens:
    """The port TokenVerifier."""

    def __init__(
        self,
        keys: KeySet,
        *,
        issuer: str,
        audience: str,
        algorithms: Collection[str],
        leeway_seconds: float,
        rules: ClaimRules,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = frozenset(algorithms)
        self._leeway_seconds = leeway_seconds
        self._rules = rules

    async def find_caller(self, token: str) -> Caller:
        """Return who the token speaks for. Raise CredentialRefused, IssuerUnavailable."""
        algorithm, key_id = self._header(token)
        fitting = [key for key in await self._keys.find(key_id) if _fits(key, algorithm)]
        if len(fitting) != 1:
            raise CredentialRefused("the token is signed with a key that its issuer does not know")
        return caller_of_claims(self._claims(token, fitting[0], algorithm), self._rules)

    def _header(self, token: str) -> tuple[str, str | None]:
        """Return the algorithm, one of those allowed, and the key id; nothing is asked of the issuer for any other token."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise CredentialRefused(f"the token is longer than {MAX_TOKEN_LENGTH} characters")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise CredentialRefused(f"the token cannot be read: {error}") from error
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise CredentialRefused(
                f"the token is signed by an algorithm that is not one of {sorted(self._algorithms)}"
            )
        return algorithm, None if key_id is None else str(key_id)

    def _claims(self, token: str, key: Key, algorithm: str) -> Mapping[str, Any]:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                jwt.PyJWK(dict(key), algorithm),
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=self._leeway_seconds,
                options={"require": list(REQUIRED), "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise CredentialRefused(f"the token is refused: {error}") from error
        return claims


def _fits(key: Key, algorithm: str) -> bool:
    """Say whether a key is there to check signatures by `algorithm`."""
    return (
        key.get("kty") == KEY_TYPES.get(algorithm[:2])
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    )
