"""A command becomes a job, once."""

from services.reprocessor.core.job import is_same_command
from services.reprocessor.handlers.ports import Jobs
from shared.contracts.commands import ReprocessCommand
from shared.contracts.errors import NotEligible
from shared.runtime.clock import Clock


async def accept_command(command: ReprocessCommand, jobs: Jobs, clock: Clock) -> None:
    """Store the command as a queued job; a repeat changes nothing. Raise NotEligible for another command under an old id."""
    job = await jobs.insert(command.model_dump(mode="json"), now=clock())
    if not is_same_command(command, job["command"]):
        msg = (
            f"the account {command.account} already has a job {command.id!r} that asks for something else; use a new id"
        )
        raise NotEligible(msg)
