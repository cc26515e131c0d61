"""One job, from its lease to its end, whatever it makes: `exporting` and `importing` say what.

A crash at any point leaves the job leased until the lease runs out; whoever leases it next clears what the crash left and begins again.
"""

import contextlib
import errno
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, Protocol

from services.exporter.handlers.ports import FileStore, Job, JobStore
from shared.contracts.errors import Invalid, LeaseLost, Transient
from shared.runtime.lease import under_lease
from shared.runtime.retry import until_done

BEAT_SECONDS: Final = 0.5
"""Between two heartbeats: a cancel is seen within a second, and the progress is as fresh as that."""

MAX_STARTS: Final = 5
"""A job whose worker died so often is what kills it (memory, a defect): it fails, instead of taking every worker down in turn."""

Noun = Literal["export", "import"]

GIVEN_UP: Final[Mapping[Noun, str]] = {
    "export": "wrote this file; ask for fewer rows",
    "import": "read this file; send fewer rows",
}
"""What a worker did when it died, and what to do instead."""

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""It may pass: a job fails with it, and the exporter starts even so."""


class Tools(Protocol):
    """What every job needs; each story has more."""

    @property
    def store(self) -> JobStore:
        """The jobs."""
        ...

    @property
    def files(self) -> FileStore:
        """What the jobs make."""
        ...

    @property
    def noun(self) -> Noun:
        """What a job is, in its log and its errors."""
        ...

    @property
    def beat_seconds(self) -> float:
        """Seconds between two heartbeats."""
        ...


@dataclass(slots=True)
class Progress:
    """How far a job is; `fields` are those of `progress` in the job's document, `made` is what it tells once it is done."""

    rows: int | None = None
    rows_done: int = 0
    made: dict[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """Return what is to be stored."""
        return {"rows": self.rows, "rows_done": self.rows_done, **self.made}


Work = Callable[[Job, Progress], Awaitable[None]]
"""Does the job and stores what it makes, whole. Raises Invalid or OSError where it cannot, Transient where it cannot now."""

Discard = Callable[[Job], Awaitable[None]]
"""Removes what is left of a job that ended without being done."""


class Cancelled(Exception):  # nothing went wrong: somebody said stop
    """Somebody asked to cancel the job."""


class TooManyStarts(Exception):  # named after what is true
    """The process died each time this job was begun."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: its final state, or `lost` when another worker has it. `defect` is for the log alone."""

    job: Job
    state: str
    progress: Progress
    error: str | None = None
    defect: Exception | None = None


async def run_next(tools: Tools, work: Work, discard: Discard) -> Outcome | None:
    """Lease a job and see it to its end; None when there is none. Transient is raised with the job given back, once that is possible."""
    job = await tools.store.lease()
    if job is None:
        return None
    progress, error, crash = Progress(), None, None
    try:
        await _run(job, progress, tools, work, discard)
    except Cancelled:
        state = "cancelled"
    except LeaseLost:
        state = "lost"
    except (Invalid, OSError, TooManyStarts) as reason:
        state, error = "failed", _told(reason, tools.noun)
    except Transient:
        await _give_back(job, tools)
        raise
    except MemoryError:
        raise  # with the start counted: whether it is the job that takes so much, MAX_STARTS finds out
    except Exception as defect:  # noqa: BLE001  # ours, and bound to come again: the job says so, the other jobs go on
        state, error, crash = "failed", f"a defect of the exporter: {type(defect).__name__}: {defect}", defect
    except BaseException:
        await _leave(job, tools)
        raise
    else:
        state = "done"
    return await _end(Outcome(job, state, progress, error, crash), tools, discard)


async def discard_files(files: FileStore, job: Job) -> None:
    """Remove what starts of the job have left."""
    for file_id in await files.list_ids(job.prefix):
        await files.delete(file_id)


async def _run(job: Job, progress: Progress, tools: Tools, work: Work, discard: Discard) -> None:
    """Do the work under the job's lease. Raise Cancelled, LeaseLost, TooManyStarts, and what the work raises."""
    if job.cancel_requested or job.starts > MAX_STARTS:
        # A worker that died may have left pieces, and no start follows that clears them.
        await discard(job)
        raise Cancelled if job.cancel_requested else TooManyStarts

    async def beat() -> None:
        if await tools.store.record(job, {"rows": progress.rows, "rows_done": progress.rows_done}):
            raise Cancelled

    async def working() -> None:
        await work(job, progress)

    await under_lease(working(), beat, every=tools.beat_seconds)


async def _end(outcome: Outcome, tools: Tools, discard: Discard) -> Outcome:
    job, state = outcome.job, outcome.state
    if state != "lost":
        if state != "done":
            await until_done(partial(tools.files.delete, job.file_id), what=f"{tools.noun}.discard")
        finish = partial(tools.store.finish, job, state, progress=outcome.progress.fields(), error=outcome.error)
        # What was written whole is not thrown away for an answer that was lost. Whoever takes over when the lease is over ends this too.
        if await until_done(finish, what=f"{tools.noun}.finish"):
            if state != "done":  # only now is it certain that nobody else works on it
                await until_done(partial(discard, job), what=f"{tools.noun}.discard")
            return outcome
        # A cancel at the last moment: whoever leases it next, at once, ends it as cancelled.
    await _give_back(job, tools)
    return Outcome(job, "lost", outcome.progress)


async def _give_back(job: Job, tools: Tools) -> None:
    """Give the job back as soon as the store can be asked, its lease lost or not: who says so did not die of it."""
    await until_done(partial(_put_back, job, tools), what=f"{tools.noun}.give_back")


async def _leave(job: Job, tools: Tools) -> None:
    with contextlib.suppress(Transient):  # then the lease runs out by itself, and the next start clears the rest
        await _put_back(job, tools)


async def _put_back(job: Job, tools: Tools) -> None:
    await tools.files.delete(job.file_id)
    await tools.store.give_back(job)


def _told(reason: Exception, noun: Noun) -> str:
    if isinstance(reason, TooManyStarts):
        return f"given up: the worker died {MAX_STARTS} times while it {GIVEN_UP[noun]}"
    if isinstance(reason, OSError):
        todo = (
            "free space on the exporter's disk" if reason.errno in DISK_FULL else "look at PONTE_EXPORTER_TEMP_FOLDER"
        )
        return f"the temporary file could not be written: {reason.strerror or reason}; {todo}"
    return str(reason)
