"""`ponte.reprocesses` and `ponte.exports`: jobs that are asked for, followed, waited for."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from shared.client.answers.jobs import (
    ExportAnswer,
    ExportList,
    ReprocessAnswer,
    ReprocessDryRunAnswer,
    ReprocessList,
    ReprocessStanding,
)
from shared.client.errors import Damaged, StillRunning
from shared.client.paging import Rows, walk, written
from shared.client.transport import Transport, is_file, not_ours, operation
from shared.client.whole_file import whole_file
from shared.contracts.commands import FINAL_STATES, Format, Language
from shared.contracts.names import Kind
from shared.contracts.segments import write_segment


class Job(Protocol):
    """What can be waited for."""

    @property
    def state(self) -> str:
        """Where it is."""
        ...


J = TypeVar("J", bound=Job)
Items = Sequence[tuple[str, str]]
"""(affiliate, code) of each."""


def wait_for(read: Callable[[], J], *, within_seconds: float, every_seconds: float) -> J:
    """Return the job when it has ended, however it did. Raise StillRunning."""
    deadline = time.monotonic() + within_seconds
    while (job := read()).state not in FINAL_STATES:
        if time.monotonic() >= deadline:
            raise StillRunning(f"the job is {job.state} after {within_seconds:g} s")
        time.sleep(every_seconds)
    return job


class Reprocesses:
    """Failed items sent to their connectors again: chosen `items`, or all `rows` that a filter lets pass."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("request_reprocess")
    def request(
        self,
        kind: Kind,
        *,
        items: Items | None = None,
        rows: Rows | None = None,
        reason: str = "",
        max_per_second: int | None = None,
        id: str | None = None,  # noqa: A002  # the API's name
        key: str | None = None,
    ) -> ReprocessAnswer:
        """Ask; return the job. The same `id` or idempotency `key` again is the same job."""
        said = _chosen(kind, items, rows) | {"reason": reason, "max_per_second": max_per_second, "id": id}
        return self._transport.post(ReprocessAnswer, "/v1/reprocess", said, key=key)

    def preview(self, kind: Kind, *, items: Items | None = None, rows: Rows | None = None) -> ReprocessDryRunAnswer:
        """Return what `request` would do, and which items it would skip; nothing is changed."""
        return self._transport.post(
            ReprocessDryRunAnswer, "/v1/reprocess", _chosen(kind, items, rows) | {"dry_run": True}
        )

    @operation("list_reprocesses")
    def page(self, *, automatic: bool = False, cursor: str | None = None, limit: int | None = None) -> ReprocessList:
        """Return a page of the jobs, newest first; with `automatic` of the retries that nobody asked for."""
        asked = {"automatic": "true" if automatic else None, "cursor": cursor, "limit": limit}
        return self._transport.get(ReprocessList, "/v1/reprocess", asked)

    def list(self, *, limit: int | None = None) -> tuple[ReprocessAnswer, ...]:
        """Return the newest jobs."""
        return self.page(limit=limit).items

    def all(self, *, automatic: bool = False, limit: int = 500) -> Iterator[ReprocessAnswer]:
        """Yield every job, newest first, `limit` to a request; with `automatic` the retries that nobody asked for."""
        return walk(lambda cursor: self.page(automatic=automatic, cursor=cursor, limit=limit))

    @operation("get_reprocess")
    def get(self, job_id: str) -> ReprocessStanding:
        """Return a job with its outcome so far."""
        return self._transport.get(ReprocessStanding, f"/v1/reprocess/{write_segment(job_id)}")

    @operation("cancel_reprocess")
    def cancel(self, job_id: str, *, reason: str = "") -> ReprocessAnswer:
        """Cancel; what was sent stays sent."""
        return self._transport.change(
            ReprocessAnswer, "DELETE", f"/v1/reprocess/{write_segment(job_id)}", None, {}, reason=reason
        )

    def wait(self, job_id: str, *, within_seconds: float = 600, every_seconds: float = 0.5) -> ReprocessStanding:
        """Return the job when it has ended. Raise StillRunning."""
        return wait_for(lambda: self.get(job_id), within_seconds=within_seconds, every_seconds=every_seconds)


class Exports:
    """Reports made in the background."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("request_export")
    def request(
        self,
        rows: Rows | None = None,
        *,
        kinds: Sequence[Kind] | None = None,
        format: Format | None = None,  # noqa: A002  # the API's name
        language: Language | None = None,
        time_zone: str | None = None,
        id: str | None = None,  # noqa: A002
        key: str | None = None,
    ) -> ExportAnswer:
        """Ask for a report of `rows`, of all kinds unless some are named; return the job."""
        said = {"filter": written(rows), "kinds": kinds and [*kinds], "format": format, "id": id}
        return self._transport.post(
            ExportAnswer, "/v1/exports", said | {"language": language, "time_zone": time_zone}, key=key
        )

    @operation("list_exports")
    def page(self, *, cursor: str | None = None, limit: int | None = None) -> ExportList:
        """Return a page of the jobs, newest first."""
        return self._transport.get(ExportList, "/v1/exports", {"cursor": cursor, "limit": limit})

    def list(self, *, limit: int | None = None) -> tuple[ExportAnswer, ...]:
        """Return the newest jobs."""
        return self.page(limit=limit).items

    def all(self, *, limit: int = 500) -> Iterator[ExportAnswer]:
        """Yield every job, newest first, `limit` to a request."""
        return walk(lambda cursor: self.page(cursor=cursor, limit=limit))

    @operation("get_export")
    def get(self, job_id: str) -> ExportAnswer:
        """Return a job."""
        return self._transport.get(ExportAnswer, f"/v1/exports/{write_segment(job_id)}")

    @operation("cancel_export")
    def cancel(self, job_id: str, *, reason: str = "") -> ExportAnswer:
        """Cancel; no file is left."""
        return self._transport.change(
            ExportAnswer, "DELETE", f"/v1/exports/{write_segment(job_id)}", None, {}, reason=reason
        )

    def wait(self, job_id: str, *, within_seconds: float = 600, every_seconds: float = 0.5) -> ExportAnswer:
        """Return the job when it has ended. Raise StillRunning."""
        return wait_for(lambda: self.get(job_id), within_seconds=within_seconds, every_seconds=every_seconds)

    @operation("get_export_file")
    def download(self, job_id: str, target: Path) -> int:
        """Write the report of a done job to `target`; return its length in bytes. What stood there stays until the report is whole.

        Raise Unreadable where no report came, Damaged where its hash differs, OSError where it cannot be written.
        """
        digest, length = hashlib.sha256(), 0
        with self._transport.streamed(f"/v1/exports/{write_segment(job_id)}/file") as answer:
            if not is_file(answer):
                raise not_ours(answer)
            with whole_file(target) as file:
                for piece in answer.iter_bytes():
                    digest.update(piece)
                    length += file.write(piece)  # a pipe cannot tell where it stands
                made = answer.headers.get("ETag", "").removeprefix("W/").strip('"')
                if made and made != digest.hexdigest():
                    raise Damaged(f"{target}: its SHA-256 is {digest.hexdigest()}, and was {made} when it was made")
        return length


def _chosen(kind: Kind, items: Items | None, rows: Rows | None) -> dict[str, object]:
    chosen = None if items is None else [{"affiliate": affiliate, "code": code} for affiliate, code in items]
    return {"kind": kind, "items": chosen, "filter": None if rows is None else written(rows)}
