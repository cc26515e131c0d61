"""Who asks and what they may do. The account always comes from here, never from a request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from shared.contracts.errors import NotPermitted

Scope = Literal["read", "export", "reprocess", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


class CredentialRefused(NotPermitted):
    """What was given proves nobody: unknown, expired, revoked or forged. 401 over HTTP; the text goes to who gave it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A credential that was accepted. `key_id` is its public id: a key's, or `oidc:` and a token's subject; `name` what people call it.

    `by_session`: a browser's cookie and not a key, so that a request that changes something must prove its origin.
    `by_token`: an identity provider vouches, so there is no key of ours behind. `good_until` (aware): nothing that is opened with the
    credential lasts longer. `request_id`: the request that it came with, "" where there is none.
    """

    account: str
    key_id: str
    name: str
    scopes: frozenset[str]
    by_session: bool = False
    by_token: bool = False
    good_until: datetime | None = None
    request_id: str = ""

    def may(self, scope: Scope) -> bool:
        """Say whether the credential holds `scope`."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Raise NotPermitted unless the credential holds `scope`."""
        if not self.may(scope):
            raise NotPermitted(f"this needs the scope {scope!r}; the key {self.name!r} holds {sorted(self.scopes)}")

    def require_account(self, account: str | None) -> None:
        """Raise NotPermitted when a request names an account that is not the credential's. None names none."""
        if account is not None and account != self.account:
            raise NotPermitted("the account named in the request is not the account of this key")
