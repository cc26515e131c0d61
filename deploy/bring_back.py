"""`ponte import`: an edited report comes back from a terminal."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from deploy.api import asking
from deploy.errors import CommandError
from deploy.instance import get_instance
from deploy.ops import PATIENCE_SECONDS, POLL_SECONDS
from shared.client import Ponte
from shared.client.answers.jobs import ImportAnswer
from shared.contracts.names import Kind
from shared.contracts.segments import write_segment


def bring_back(arguments: Namespace) -> Iterator[str]:
    """Send the file and wait; yield what a reprocess of its rows would do, then, with `--apply`, the jobs that do it. Raise CommandError."""
    if not arguments.apply and (arguments.reason or arguments.max_per_second is not None):
        raise CommandError("--reason and --max-per-second are said of what is sent, and nothing is without --apply")
    file = Path(arguments.file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror or error}") from error
    with asking(get_instance().api) as ponte:
        asked = ponte.imports.request(content, name=file.name)
        job = ponte.imports.wait(asked.id, within_seconds=PATIENCE_SECONDS, every_seconds=POLL_SECONDS)
        if job.state != "done":
            raise CommandError(f"the import ended as {job.state}: {job.error or 'no reason given'}")
        yield from preview_told(job)
        if arguments.apply:
            yield from _apply(ponte, job, arguments)


def preview_told(job: ImportAnswer) -> Iterator[str]:
    """Yield the lines that tell of a preview: what was chosen, what would become of it, where each row stands."""
    passed = {"hidden by a filter": job.hidden, "without a mark": job.unmarked}
    beside = ", ".join(f"{count} {why}" for why, count in passed.items() if count)
    yield f"{job.file_name}: {job.rows} of {job.rows_read} rows are chosen" + (f" ({beside})" if beside else "")
    left_out = ", ".join(f"{count} {state}" for state, count in job.counts.items() if state != "eligible")
    kinds = ", ".join(f"{count} {kind}" for kind, count in job.eligible.items())
    sent = f"would send {sum(job.eligible.values())} of {job.rows}" + (f": {kinds}" if kinds else "")
    yield sent + (f"; left out: {left_out}" if left_out else "")
    place = write_segment(job.id)
    yield f"row by row: /imports/{place} in the panel, /v1/imports/{place}/rows in the API"


def _apply(ponte: Ponte, job: ImportAnswer, arguments: Namespace) -> Iterator[str]:
    """Ask for a reprocess of each kind: a job sends one."""
    if not job.eligible:
        raise CommandError("none of these rows can be reprocessed now, so nothing was sent")
    for kind, count in job.eligible.items():
        made = ponte.imports.reprocess(
            job.id, kind=cast("Kind", kind), reason=arguments.reason, max_per_second=arguments.max_per_second
        )
        yield f"asked: job {made.id} for {count} {kind}; it stands at /reprocess/{made.id} in the panel and under /v1/reprocess in the API"
