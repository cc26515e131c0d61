"""`ponte.imports`: edited reports that come back, what a reprocess of their rows would do, and that reprocess."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.client.answers.jobs import (
    ImportAnswer,
    ImportList,
    ImportRowAnswer,
    ImportRowList,
    ReprocessAnswer,
)
from shared.client.jobs import wait_for
from shared.client.paging import walk
from shared.client.transport import Transport, operation
from shared.contracts.names import Kind
from shared.contracts.segments import write_segment


class Imports:
    """Reports that come back. Nothing is sent to anybody until `reprocess` asks for it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("request_import")
    def request(self, file: Path | bytes, *, name: str | None = None, key: str | None = None) -> ImportAnswer:
        """Send an .xlsx or CSV report as it was exported, rows removed or marked; return the job that reads it. Raise OSError."""
        content, own_name = (file, None) if isinstance(file, bytes) else (file.read_bytes(), file.name)
        return self._transport.post_file(ImportAnswer, "/v1/imports", content, key=key, name=name or own_name)

    @operation("list_imports")
    def page(self, *, cursor: str | None = None, limit: int | None = None) -> ImportList:
        """Return a page of the jobs, newest first."""
        return self._transport.get(ImportList, "/v1/imports", {"cursor": cursor, "limit": limit})

    def list(self, *, limit: int | None = None) -> tuple[ImportAnswer, ...]:
        """Return the newest jobs."""
        return self.page(limit=limit).items

    def all(self, *, limit: int = 500) -> Iterator[ImportAnswer]:
        """Yield every job, newest first, `limit` to a request."""
        return walk(lambda cursor: self.page(cursor=cursor, limit=limit))

    @operation("get_import")
    def get(self, job_id: str) -> ImportAnswer:
        """Return a job."""
        return self._transport.get(ImportAnswer, f"/v1/imports/{write_segment(job_id)}")

    @operation("list_import_rows")
    def rows_page(
        self, job_id: str, *, state: Sequence[str] = (), cursor: str | None = None, limit: int | None = None
    ) -> ImportRowList:
        """Return a page of the rows of a done job; those in the states of `state` alone if some are named."""
        asked = {"state": [*state], "cursor": cursor, "limit": limit}
        return self._transport.get(ImportRowList, f"/v1/imports/{write_segment(job_id)}/rows", asked)

    def rows(self, job_id: str, *, state: Sequence[str] = (), limit: int = 500) -> Iterator[ImportRowAnswer]:
        """Yield every row of a done job in the order of the file, `limit` to a request."""
        return walk(lambda cursor: self.rows_page(job_id, state=state, cursor=cursor, limit=limit))

    @operation("reprocess_import")
    def reprocess(
        self,
        job_id: str,
        *,
        kind: Kind | None = None,
        numbers: Sequence[int] | None = None,
        reason: str = "",
        max_per_second: int | None = None,
        key: str | None = None,
    ) -> ReprocessAnswer:
        """Send the rows that can be, or those with these numbers; return the reprocess job. `kind` is needed where they are of several."""
        body = {
            "kind": kind,
            "numbers": None if numbers is None else [*numbers],
            "reason": reason,
            "max_per_second": max_per_second,
        }
        path = f"/v1/imports/{write_segment(job_id)}/reprocess"
        return self._transport.post(ReprocessAnswer, path, body, key=key)

    @operation("cancel_import")
    def cancel(self, job_id: str, *, reason: str = "") -> ImportAnswer:
        """Cancel; no file is left."""
        return self._transport.change(
            ImportAnswer, "DELETE", f"/v1/imports/{write_segment(job_id)}", None, {}, reason=reason
        )

    def wait(self, job_id: str, *, within_seconds: float = 600, every_seconds: float = 0.5) -> ImportAnswer:
        """Return the job when it has ended. Raise StillRunning."""
        return wait_for(lambda: self.get(job_id), within_seconds=within_seconds, every_seconds=every_seconds)
