"""`ponte.integrations`: the connections to marketplaces, which nobody changes unseen."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.client.answers.integrations import IntegrationAnswer, IntegrationList
from shared.client.transport import Transport, operation, said
from shared.contracts.names import Kind
from shared.contracts.segments import write_segment


class Integrations:
    """A change names the `etag` of what was read (`IntegrationAnswer.etag`); OutOfDate is raised where someone else was quicker."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("list_integrations")
    def list(self, *, state: Sequence[str] = (), health: bool | None = None) -> tuple[IntegrationAnswer, ...]:
        """Return the integrations in one of the states, without one all that ever were registered, removed ones too; with how they do where `health` is asked for."""
        return self._transport.get(IntegrationList, "/v1/integrations", {"state": state, "health": health}).items

    @operation("create_integration")
    def create(
        self,
        affiliate: str,
        marketplace: str,
        *,
        kinds: Sequence[Kind] | None = None,
        minimum_availability: int | None = None,
        emails: Sequence[str] | None = None,
        freshness_seconds: Mapping[Kind, int] | None = None,
        mask_at_write: bool | None = None,
        automatic_retries: bool | None = None,
        paused: bool | None = None,
        reason: str | None = None,
        key: str | None = None,
    ) -> IntegrationAnswer:
        """Register an integration. Raise InConflict where the affiliate is registered."""
        body: dict[str, Any] = {"affiliate": affiliate, "marketplace": marketplace, "kinds": kinds and [*kinds]}
        body |= {"minimum_availability": minimum_availability, "emails": emails and [*emails]}
        body |= {"freshness_seconds": freshness_seconds, "mask_at_write": mask_at_write, "paused": paused}
        body |= {"automatic_retries": automatic_retries}
        return self._transport.post(IntegrationAnswer, "/v1/integrations", body, key=key, reason=reason)

    @operation("get_integration")
    def get(self, affiliate: str, *, health: bool | None = None) -> IntegrationAnswer:
        """Return an integration."""
        return self._transport.get(IntegrationAnswer, _path(affiliate), {"health": health})

    @operation("put_integration")
    def put(
        self,
        affiliate: str,
        marketplace: str,
        *,
        etag: str | None = None,
        only_new: bool = False,
        reason: str | None = None,
        **fields: Any,
    ) -> IntegrationAnswer:
        """Register what is not there (with `only_new` nothing else), or replace what `etag` names; `fields` are those of `create`."""
        headers = {"If-Match": etag} if etag else {"If-None-Match": "*"} if only_new else {}
        body = said({"marketplace": marketplace, **fields})
        return self._transport.change(IntegrationAnswer, "PUT", _path(affiliate), body, headers, reason=reason)

    @operation("patch_integration")
    def change(self, affiliate: str, *, etag: str, reason: str | None = None, **changes: Any) -> IntegrationAnswer:
        """Change the fields that are named, such as `paused=True`; `minimum_availability=None` takes it back to the deployment's own."""
        return self._transport.change(
            IntegrationAnswer, "PATCH", _path(affiliate), changes, {"If-Match": etag}, reason=reason
        )

    @operation("remove_integration")
    def remove(self, affiliate: str, *, etag: str, reason: str | None = None) -> IntegrationAnswer:
        """Remove it; its entries stay."""
        headers = {"If-Match": etag}
        return self._transport.change(IntegrationAnswer, "DELETE", _path(affiliate), None, headers, reason=reason)


def _path(affiliate: str) -> str:
    return f"/v1/integrations/{write_segment(affiliate)}"
