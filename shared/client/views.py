"""`ponte.views`: filters under a name, which the whole account sees."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from shared.client.answers.views import ViewAnswer, ViewList
from shared.client.paging import written
from shared.client.transport import Transport, operation, said
from shared.contracts.filters import LogFilter
from shared.contracts.names import Kind
from shared.contracts.segments import write_segment

Rows = LogFilter | Mapping[str, Any] | str
"""A filter, what it is written as in JSON, or the query string of a view."""


class Views:
    """A change names the `etag` of what was read; OutOfDate is raised where someone else was quicker."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("list_views")
    def list(self) -> tuple[ViewAnswer, ...]:
        """Return the account's views by name."""
        return self._transport.get(ViewList, "/v1/views").items

    @operation("create_view")
    def create(
        self,
        name: str,
        kind: Kind,
        rows: Rows = "",
        *,
        sort: str | None = None,
        reason: str | None = None,
        key: str | None = None,
    ) -> ViewAnswer:
        """Save a view. Raise InConflict where a view has the name, or where there are too many."""
        body = {"name": name, "kind": kind, "filter": _query(rows), "sort": sort}
        return self._transport.post(ViewAnswer, "/v1/views", body, key=key, reason=reason)

    @operation("get_view")
    def get(self, view_id: str) -> ViewAnswer:
        """Return a view."""
        return self._transport.get(ViewAnswer, _path(view_id))

    @operation("put_view")
    def put(
        self,
        view_id: str,
        name: str,
        kind: Kind,
        rows: Rows = "",
        *,
        etag: str,
        sort: str | None = None,
        reason: str | None = None,
    ) -> ViewAnswer:
        """Replace a view as a whole."""
        body = said({"name": name, "kind": kind, "filter": _query(rows), "sort": sort})
        return self._transport.change(ViewAnswer, "PUT", _path(view_id), body, {"If-Match": etag}, reason=reason)

    @operation("patch_view")
    def change(
        self,
        view_id: str,
        *,
        etag: str,
        name: str | None = None,
        kind: Kind | None = None,
        rows: Rows | None = None,
        sort: str | None = None,
        reason: str | None = None,
    ) -> ViewAnswer:
        """Change what is named of a view."""
        filter_text = None if rows is None else _query(rows)
        body = said({"name": name, "kind": kind, "filter": filter_text, "sort": sort})
        return self._transport.change(ViewAnswer, "PATCH", _path(view_id), body, {"If-Match": etag}, reason=reason)

    @operation("remove_view")
    def remove(self, view_id: str, *, etag: str, reason: str | None = None) -> ViewAnswer:
        """Remove a view; return it as it was last."""
        return self._transport.change(ViewAnswer, "DELETE", _path(view_id), None, {"If-Match": etag}, reason=reason)


def _query(rows: Rows) -> str:
    return rows if isinstance(rows, str) else urlencode(written(rows), doseq=True)


def _path(view_id: str) -> str:
    return f"/v1/views/{write_segment(view_id)}"
