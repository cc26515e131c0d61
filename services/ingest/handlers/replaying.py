"""The story of a replay: dead letters go back to the topic they came from, byte for byte.

Safe to repeat: if an event is taken this time, a second delivery of it is a duplicate. A letter is marked after the broker has it,
so a crash in between sends it twice and loses none.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from services.ingest.core.letters import letter_document
from services.ingest.core.replay import (
    original_topic,
    parse_replay,
    record_of,
    refusal,
    walk_of,
    without_our_headers,
)
from services.ingest.handlers.ports import (
    DeadLetterShelf,
    Document,
    LetterBook,
    Replayed,
    ReplayJobs,
    Topics,
)
from shared.contracts.commands import parse_command
from shared.contracts.dead_letters import Letter, ReplayCommand
from shared.contracts.errors import BrokerUnavailable, Invalid, InvalidCommand, LeaseLost, NotEligible, Transient
from shared.contracts.records import Record
from shared.runtime.clock import Clock
from shared.runtime.lease import RENEWALS, under_lease

BATCH: Final = 500
BATCH_BYTES: Final = 8 * 1024 * 1024
SLICE: Final = timedelta(seconds=15)
LEASE: Final = timedelta(seconds=60)
"""So long a job waits whose worker was killed."""


@dataclass(frozen=True, slots=True)
class ReplayPlugs:
    """What a replay job is plugged into."""

    jobs: ReplayJobs
    book: LetterBook
    topics: Topics
    clock: Clock
    lease_for: timedelta = LEASE


async def replay(raw: Any, shelf: DeadLetterShelf, topics: Topics) -> Record:
    """Republish the dead letter that the command `raw` names by its place; return it. Raise InvalidCommand or Transient."""
    command = parse_replay(raw)
    letter = await shelf.get(command.partition, command.offset)
    if letter is None:
        raise InvalidCommand(
            "offset", f"no dead letter stands at partition {command.partition}, offset {command.offset}"
        )
    await topics.republish(original_topic(letter), without_our_headers(letter))
    return letter


async def mark_one(raw: Any, letter: Record, book: LetterBook, *, operator: str, clock: Clock) -> None:
    """Mark the letter that `replay` sent back, where it is kept."""
    command, now = parse_replay(raw), clock()
    kept = letter_document(letter, operator=operator, now=now)
    await book.mark_replayed(kept["account"], [kept["_id"]], Replayed(now, command.requested_by, command.id or ""))


async def accept(raw: Any, jobs: ReplayJobs, *, clock: Clock) -> None:
    """Store a command for many letters as a queued job; a repeat changes nothing. Raise InvalidCommand, NotEligible."""
    command = parse_command(ReplayCommand, raw).model_dump(mode="json")
    job = await jobs.insert(command, now=clock())
    if {**job["command"], "requested_by": ""} != {**command, "requested_by": ""}:
        raise NotEligible(f"the id {command['id']!r} already belongs to another command; use a new id")


async def replay_slice(job: Document, plugs: ReplayPlugs, *, worker: str, may_go_on: Callable[[], bool]) -> None:
    """Send letters of a leased job back, batch by batch, until it is done or its slice is over. Raise Transient."""
    try:
        command = parse_command(ReplayCommand, job["command"])
    except Invalid as error:
        await plugs.jobs.finish(job, "failed", worker=worker, now=plugs.clock(), error=str(error))
        return

    async def renew() -> None:
        await _record(job, {}, plugs, worker)

    with contextlib.suppress(LeaseLost):  # whoever has the job goes on with the letters that are open
        work = _send_open(job, command, plugs, worker, may_go_on)
        state = await under_lease(work, renew, every=plugs.lease_for.total_seconds() / RENEWALS)
        if state == "running":
            await plugs.jobs.release(job, worker=worker, now=plugs.clock())
        else:
            await plugs.jobs.finish(job, state, worker=worker, now=plugs.clock())


async def _send_open(
    job: Document, command: ReplayCommand, plugs: ReplayPlugs, worker: str, may_go_on: Callable[[], bool]
) -> str:
    """Return what the job is when the slice ends: `done`, `cancelled`, or `running`: its next slice is anyone's."""
    until = plugs.clock() + SLICE
    held = await _counted(job, command, plugs, worker)
    while not held["cancel_requested"]:
        walk = walk_of(command, held["progress"], asked_at=held["created_at"])
        letters = await plugs.book.next_open(walk, limit=BATCH, max_bytes=BATCH_BYTES)
        if not letters:
            await _add_up(held, command, plugs, worker)
            return "done"
        held = await _send(held, command, letters, plugs, worker)
        if plugs.clock() >= until or not may_go_on():
            return "running"
    return "cancelled"


async def _counted(job: Document, command: ReplayCommand, plugs: ReplayPlugs, worker: str) -> Document:
    if "matched" in job["progress"]:
        return job
    found = await plugs.book.count_open(walk_of(command, {}, asked_at=job["created_at"]))
    named = len(set(command.letters)) if command.letters else found
    skipped = {"not_open": named - found} if named > found else {}
    progress = {"matched": named, "sent": 0, "failed": 0, "skipped": skipped}
    return await _record(job, progress, plugs, worker)


async def _send(
    job: Document, command: ReplayCommand, letters: Sequence[Letter], plugs: ReplayPlugs, worker: str
) -> Document:
    refused = [reason for letter in letters if (reason := refusal(letter))]
    sendable = [letter for letter in letters if refusal(letter) is None]
    fates = await plugs.topics.republish_all([record_of(letter) for letter in sendable])
    sent = [letter.id for letter, fate in zip(sendable, fates, strict=True) if fate == "sent"]
    if sent:
        mark = Replayed(plugs.clock(), command.requested_by, command.id)
        await plugs.book.mark_replayed(command.account, sent, mark)
    so_far = job["progress"]
    skipped = dict(so_far["skipped"])
    for reason in refused:
        skipped[reason] = skipped.get(reason, 0) + 1
    progress = {"sent": so_far["sent"] + len(sent), "skipped": skipped}
    if "unknown" in fates:
        # Those stay open, and the walk stays where it is: they are met again when the broker is back.
        await _record(job, {"sent": progress["sent"]}, plugs, worker)
        raise BrokerUnavailable(f"{fates.count('unknown')} of {len(sendable)} letters were not taken")
    progress["failed"] = so_far["failed"] + fates.count("refused")
    return await _record(
        job, {**progress, "last_id": letters[-1].id, "last_at": letters[-1].received_at}, plugs, worker
    )


async def _add_up(job: Document, command: ReplayCommand, plugs: ReplayPlugs, worker: str) -> None:
    """Count what was sent anew where the sums fall short: a worker may have died, or MongoDB's answer been lost, after letters were
    marked and before they were counted; nobody meets them again.
    """
    so_far = job["progress"]
    if so_far["sent"] + so_far["failed"] + sum(so_far["skipped"].values()) >= so_far["matched"]:
        return
    try:
        sent = await plugs.book.count_replayed(walk_of(command, {}, asked_at=job["created_at"]), command.id)
    except Transient:
        return  # sums are no reason to keep a job for ever whose letters are too many to be counted in time
    await _record(job, {"sent": max(sent, so_far["sent"])}, plugs, worker)


async def _record(job: Document, progress: Document, plugs: ReplayPlugs, worker: str) -> Document:
    """Set fields of the progress and keep the lease. Raise LeaseLost."""
    return await plugs.jobs.record_progress(job, progress, worker=worker, now=plugs.clock(), lease_for=plugs.lease_for)
