"""`ponte.keys` and `ponte.audit`: who may ask, and who did what."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from shared.client.answers.access import AuditLineAnswer, AuditPageAnswer, KeyAnswer, KeyList, NewKeyAnswer
from shared.client.paging import walk
from shared.client.transport import Transport, operation
from shared.contracts.segments import write_segment
from shared.contracts.times import format_instant


class Keys:
    """The account's API keys."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("create_key")
    def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        expires_at: datetime | None = None,
        reason: str = "",
        key: str | None = None,
    ) -> NewKeyAnswer:
        """Make a key. Its `secret` is told this once."""
        body = {"name": name, "scopes": [*scopes], "expires_at": _instant(expires_at), "reason": reason}
        return self._transport.post(NewKeyAnswer, "/v1/keys", body, key=key)

    @operation("list_keys")
    def page(self, *, cursor: str | None = None, limit: int | None = None) -> KeyList:
        """Return a page, newest first."""
        return self._transport.get(KeyList, "/v1/keys", {"cursor": cursor, "limit": limit})

    def all(self) -> Iterator[KeyAnswer]:
        """Yield every key, also those that are over."""
        return walk(lambda cursor: self.page(cursor=cursor))

    @operation("get_key")
    def get(self, key_id: str) -> KeyAnswer:
        """Return a key without its secret."""
        return self._transport.get(KeyAnswer, _path(key_id))

    @operation("rotate_key")
    def rotate(
        self,
        key_id: str,
        *,
        overlap_seconds: int | None = None,
        expires_at: datetime | None = None,
        reason: str = "",
        key: str | None = None,
    ) -> NewKeyAnswer:
        """Replace a key; the old one works `overlap_seconds` more, a day unless said otherwise."""
        body = {"overlap_seconds": overlap_seconds, "expires_at": _instant(expires_at), "reason": reason}
        return self._transport.post(NewKeyAnswer, f"{_path(key_id)}/rotate", body, key=key)

    @operation("revoke_key")
    def revoke(self, key_id: str, *, reason: str = "") -> KeyAnswer:
        """End a key."""
        return self._transport.change(KeyAnswer, "DELETE", _path(key_id), None, {}, reason=reason)


class Audit:
    """Who changed or saw what."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("get_audit")
    def page(
        self,
        *,
        actor: Sequence[str] = (),
        action: Sequence[str] = (),
        target: Sequence[str] = (),
        from_at: datetime | None = None,
        to_at: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> AuditPageAnswer:
        """Return a page of lines, newest first."""
        period = {"from": _instant(from_at), "to": _instant(to_at)}
        named = {"actor": actor, "action": action, "target": target, "cursor": cursor, "limit": limit}
        return self._transport.get(AuditPageAnswer, "/v1/audit", {**period, **named})

    def lines(
        self, *, actor: Sequence[str] = (), action: Sequence[str] = (), target: Sequence[str] = ()
    ) -> Iterator[AuditLineAnswer]:
        """Yield every line, newest first."""
        return walk(lambda cursor: self.page(actor=actor, action=action, target=target, cursor=cursor))


def _path(key_id: str) -> str:
    return f"/v1/keys/{write_segment(key_id)}"


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
