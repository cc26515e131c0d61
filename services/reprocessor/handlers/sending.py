"""What a job has claimed goes to its retry topic, and each entry learns what became of it."""

from collections.abc import Sequence

from services.reprocessor.core.eligibility import check, claimed_at
from services.reprocessor.core.job import Work
from services.reprocessor.core.progress import Failure, Tally
from services.reprocessor.core.retry_message import build_retry
from services.reprocessor.handlers.ports import Delivery, Plugs
from shared.contracts.entries import LogEntry
from shared.contracts.errors import LeaseLost, OutcomeUnknown
from shared.contracts.names import retry_topic
from shared.contracts.times import to_milliseconds


async def send_claimed(work: Work, chosen: Sequence[str], tally: Tally, plugs: Plugs) -> None:
    """Send those of `chosen` that the job holds; whoever holds the others is faster: they are skipped.

    The entries are read after the claim, so the message says what stands then. Raise OutcomeUnknown when the broker's word is
    missing for one: it stays claimed and the batch is told again, under the same event ids. Raise LeaseLost.
    """
    held = 0
    async for entries in plugs.entries.stream_claimed(chosen, work.command.id):
        held += len(entries)
        await _send(work, await _keep_eligible(work, entries, tally, plugs), tally, plugs)
    if len(chosen) > held:
        tally.skipped["in_progress"] += len(chosen) - held


async def _keep_eligible(work: Work, entries: Sequence[LogEntry], tally: Tally, plugs: Plugs) -> list[LogEntry]:
    kept, changed = [], []
    for entry in entries:
        if reason := check(entry, job_id=work.command.id, explicit=work.explicit, paused=frozenset()):
            tally.skipped[reason] += 1
            changed.append(entry.id)
        else:
            kept.append(entry)
    await plugs.entries.release(changed, work.command.id)
    return kept


async def _send(work: Work, entries: Sequence[LogEntry], tally: Tally, plugs: Plugs) -> None:
    if wait := work.pace.reserve(len(entries), now=plugs.clock()):
        await plugs.sleep(wait)
    messages = [build_retry(entry, work.command, claimed_at=claimed_at(entry)) for entry in entries]
    if plugs.clock() >= work.held_until:
        raise LeaseLost  # frozen, or cut off from MongoDB, for so long: another worker may have sent them

    def may_send() -> bool:
        # What the client has not sent by then it drops: nothing that it holds leaves after the lease.
        return plugs.clock() + plugs.limits.publish_timeout <= work.held_until

    deliveries = await plugs.topics.publish(work.command.kind, messages, may_send=may_send)
    told = list(zip(entries, deliveries, strict=True))
    sent = [entry.id for entry, delivery in told if delivery.outcome == "sent"]
    refused = [(entry, delivery) for entry, delivery in told if delivery.outcome == "refused"]
    await plugs.entries.mark_sent(sent, work.command.id, at=to_milliseconds(plugs.clock()))
    # What a person asked for and the broker refused is as before; what we ask for by ourselves must not come again for ever.
    put_back = plugs.entries.release if work.tries is None else plugs.entries.give_up
    await put_back([entry.id for entry, _ in refused], work.command.id)
    if unknown := [delivery for delivery in deliveries if delivery.outcome == "unknown"]:
        topic = retry_topic(work.command.kind)
        msg = f"{len(unknown)} of {len(messages)} messages on {topic}: {unknown[0].detail}"
        raise OutcomeUnknown(msg)
    tally.sent += len(sent)
    tally.failures += [_failure(entry, delivery) for entry, delivery in refused]


def _failure(entry: LogEntry, delivery: Delivery) -> Failure:
    return Failure(entry.affiliate, entry.code, delivery.reason, delivery.detail[:300])
