"""The story of a slice: choose, check, claim, pace, send, mark, remember; for a few seconds, then others get their turn.

It may end at any line and be told again. What is claimed by the job and not marked is sent again under the same event id; what
is marked is counted and not sent; the sums are written together with the place to go on from, so nothing is counted twice.
"""

import contextlib
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.reprocessor.core.eligibility import Reason, check, due_retry, has_gone, is_in_hand, was_refused
from services.reprocessor.core.job import Document, Work, status_of
from services.reprocessor.core.progress import Failure, Tally
from services.reprocessor.handlers.ports import Claim, Plugs
from services.reprocessor.handlers.sending import send_claimed
from shared.contracts.commands import MAX_ITEMS
from shared.contracts.entries import LogEntry
from shared.contracts.errors import InvalidCommand, LeaseLost, Transient
from shared.contracts.times import to_milliseconds
from shared.runtime.lease import RENEWALS, under_lease
from shared.runtime.logging import get_logger

log = get_logger(__name__)

ITEMS_AT_ONCE = 100
"""Named items are found by their ids, so the memory they take cannot be seen beforehand: fewer at once than a walk takes."""

TELL_EVERY_SECONDS = 1.0

LONGEST_REST = timedelta(seconds=10)
"""Of a job that could not send: so much later than need be it goes on once somebody has mended it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Entry ids with their entries, None for an item that does not exist; where it ends, and whether anything follows."""

    found: Sequence[tuple[str, LogEntry | None]]
    last_id: str | None
    is_last: bool


async def reprocess_slice(job: Document, plugs: Plugs, *, worker: str, may_go_on: Callable[[], bool]) -> None:
    """Work on a leased job until it ends, its slice is over or `may_go_on` says no. Raise Transient when nothing can move.

    A defect that one job meets ends that job: it is bound to come again, and would take one worker down after the other.
    """
    try:
        work = Work(job)
    except MemoryError:  # says nothing of the job: whoever leases it next goes on
        raise
    except Exception as error:  # noqa: BLE001  # a stored job that nobody can read, whatever is wrong with it
        why = str(error) if isinstance(error, InvalidCommand) else _told(error, job)
        await plugs.jobs.finish(job, "failed", worker=worker, now=plugs.clock(), error=why)
        return

    async def renew() -> None:
        await _remember(work, plugs, worker, {})  # the work may be writing how far it came

    # Large payloads, a slow broker or a filter that no index serves: a batch may take longer than a lease.
    every = plugs.limits.lease.total_seconds() / RENEWALS
    with contextlib.suppress(LeaseLost):  # whoever has the job goes on from what is remembered and what is marked
        try:
            state = await under_lease(_work_on(work, plugs, worker, may_go_on), renew, every=every)
        except LeaseLost:
            raise
        except Transient as error:
            await _stall(work, plugs, worker, error)
        except MemoryError:
            raise
        except Exception as defect:  # noqa: BLE001  # ours: the job says so, the other jobs go on
            await _end(work, plugs, worker, "failed", _told(defect, job))
        else:
            await _leave(work, plugs, worker, state)


async def _work_on(work: Work, plugs: Plugs, worker: str, may_go_on: Callable[[], bool]) -> str:
    """Return what the job is when the slice ends: `done`, `cancelled`, or `running`: its next slice is anyone's."""
    started_at = told_at = plugs.clock()
    if work.is_new:
        await _tell(work, plugs, "running")
        await _remember(work, plugs, worker)  # a broker that is silent takes as long over it as over the first batch
    paused = await plugs.integrations.list_paused(work.command.account, work.command.kind)
    while not work.job["cancel_requested"]:
        batch = await _choose(work, plugs)
        tally = await _settle(work, batch, paused, plugs)
        work.progress = work.progress.plus(tally, last_id=batch.last_id, next_at=work.pace.next_at)
        await _remember(work, plugs, worker)
        plugs.observe(tally)
        if batch.is_last:
            return "done"
        now = plugs.clock()
        if now - started_at >= plugs.limits.slice or not may_go_on():
            return "running"
        if (now - told_at).total_seconds() >= TELL_EVERY_SECONDS:
            await _tell(work, plugs, "running")
            told_at = now
    await _leave_alone(work, plugs)
    return "cancelled"


async def _leave(work: Work, plugs: Plugs, worker: str, state: str) -> None:
    if state == "running":
        await plugs.jobs.release(work.job, worker=worker, now=plugs.clock())
    else:
        await _end(work, plugs, worker, state)


async def _choose(work: Work, plugs: Plugs) -> Batch:
    limit = work.pace.limit_batch(plugs.limits.batch_size)
    if work.rows is None:
        ids, is_last = work.next_items(min(limit, ITEMS_AT_ONCE))
        entries = await plugs.entries.find_entries(ids)
        return Batch([(item, entries.get(item)) for item in ids], ids[-1] if ids else None, is_last)
    walk = await plugs.entries.list_matching(
        work.command.account, work.rows, job_id=work.command.id, after=work.progress.last_id, limit=limit
    )
    return Batch([(entry.id, entry) for entry in walk.entries], walk.last_id, walk.is_last)


async def _settle(work: Work, batch: Batch, paused: AbstractSet[str], plugs: Plugs) -> Tally:
    tally, chosen = Tally(matched=len(batch.found)), []
    for identity, entry in batch.found:
        if has_gone(entry, work.command.id):
            tally.sent += 1
        elif entry is not None and was_refused(entry, work.command.id):
            tally.failures.append(Failure(entry.affiliate, entry.code, "refused", "as it was told before"))
        elif is_in_hand(entry, work.command.id):
            chosen.append(identity)
        elif reason := _why_not(work, entry, paused, plugs):
            tally.skipped[reason] += 1
        else:
            chosen.append(identity)
    if work.command.dry_run:
        tally.eligible = len(chosen)
        return tally
    if not chosen:
        return tally
    now = to_milliseconds(plugs.clock())
    await plugs.entries.claim(chosen, Claim(work.command.id, now, work.command.requested_by, work.tries))
    await send_claimed(work, chosen, tally, plugs)
    return tally


async def _leave_alone(work: Work, plugs: Plugs) -> None:
    """Mark what a cancelled automatic retry leaves, so that none asks for it again: the items are due as before."""
    if work.tries is None:
        return
    ids, _ = work.next_items(MAX_ITEMS)
    entries = await plugs.entries.find_entries(ids)
    left = [
        identity
        for identity in ids
        if is_in_hand(entries.get(identity), work.command.id)
        or _why_not(work, entries.get(identity), frozenset(), plugs) is None
    ]
    now = to_milliseconds(plugs.clock())
    await plugs.entries.claim(left, Claim(work.command.id, now, work.command.requested_by, work.tries))
    await plugs.entries.leave_alone(left, work.command.id)


async def _take_try_back(work: Work, plugs: Plugs) -> None:
    """Free what an automatic retry holds that could send nothing: its items are due as if it had not been."""
    if work.tries is not None:
        ids, _ = work.next_items(MAX_ITEMS)
        await plugs.entries.take_try_back(ids, work.command.id)


def _why_not(work: Work, entry: LogEntry | None, paused: AbstractSet[str], plugs: Plugs) -> Reason | None:
    if reason := check(entry, job_id=work.command.id, explicit=work.explicit, paused=paused):
        return reason
    if work.tries is not None and due_retry(entry, plugs.limits.retry_delays, now=plugs.clock()) != work.tries:
        return "not_due"
    return None


async def _remember(work: Work, plugs: Plugs, worker: str, progress: Document | None = None) -> None:
    """Store how far the job came, or those fields alone, and keep the lease. Raise LeaseLost."""
    told = work.progress.to_document() if progress is None else progress
    work.job = await plugs.jobs.record_progress(
        work.job, told, worker=worker, now=plugs.clock(), lease_for=plugs.limits.lease
    )


async def _end(work: Work, plugs: Plugs, worker: str, state: str, error: str | None = None) -> None:
    if await plugs.jobs.finish(work.job, state, worker=worker, now=plugs.clock(), error=error):
        await _tell(work, plugs, state, error)


async def _stall(work: Work, plugs: Plugs, worker: str, error: Transient) -> None:
    """Remember since when nothing moves and why, let the job rest as long, and raise on; give up when it is long.

    It rests because the fault may be its own kind's alone, such as a partition without a leader: others need the runners meanwhile.
    A cancelled job ends though nothing moves.
    """
    now = plugs.clock()
    work.progress = work.progress.stalled(now, str(error))
    await _remember(work, plugs, worker)
    if work.job["cancel_requested"]:
        await _leave_alone(work, plugs)
        await _end(work, plugs, worker, "cancelled")
        return
    stalled_for = now - (work.progress.stalled_since or now)
    if stalled_for >= plugs.limits.give_up_after:
        await _take_try_back(work, plugs)
        await _end(work, plugs, worker, "failed", f"nothing could be sent for {plugs.limits.give_up_after}: {error}")
        return
    await plugs.jobs.release(work.job, worker=worker, now=now, rest_for=min(stalled_for, LONGEST_REST))
    raise error


def _told(defect: Exception, job: Document) -> str:
    """Log a defect whole and return what its job says of it."""
    log.error("job.failed", extra={"facts": {"job": job["_id"]}}, exc_info=defect)
    return f"a defect of the reprocessor: {type(defect).__name__}: {defect}"


async def _tell(work: Work, plugs: Plugs, state: str, error: str | None = None) -> None:
    at: datetime = plugs.clock()
    await plugs.status.tell(status_of(work, state, at=at, error=error))
