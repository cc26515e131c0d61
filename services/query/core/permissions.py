"""Who asks and what they may do. The account always comes from here, never from a request."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.contracts.errors import NotPermitted

Scope = Literal["read", "export", "reprocess", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class Caller:
    """A credential that was accepted. `key_id` is the key's public id, `name` what people call it.

    `by_session`: a browser's cookie and not a key, so that a request that changes something must prove its origin.
    """

    account: str
    key_id: str
    name: str
    scopes: frozenset[str]
    by_session: bool = False

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
