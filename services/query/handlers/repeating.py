"""The story of a request under an idempotency key: done once, answered as often as it is asked.

The key is claimed before anything is done. Whoever dies in between leaves a claim that passes to the next request after a minute or more,
together with the operation's id: a job that takes this id for its own is then the same job, and nothing is done twice.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol
from uuid import uuid4

from services.query.core.repeating import HEADER, Answer, Asked, is_given_again
from shared.contracts.errors import InvalidField, NotEligible, Transient
from shared.runtime.clock import Clock
from shared.runtime.logging import get_logger

log = get_logger(__name__)

KEPT_FOR: Final = timedelta(hours=24)
CLAIMED_FOR: Final = timedelta(seconds=60)
"""By default: longer than a request may take by its own time limit."""

ClaimState = Literal["running", "open", "done"]


class InProgress(NotEligible):
    """The first request under the key has no answer yet."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a key: `open` was given up by a failure of ours; `answer` of a `done` one."""

    state: ClaimState
    operation: str
    fingerprint: str
    claimed_until: datetime
    answer: Answer | None = None


class AnswerStore(Protocol):
    """Claims and answers, by `Asked.id`. Durable on return; raises Transient."""

    async def claim(self, asked: Asked, claim: Claim, *, expires_at: datetime) -> bool:
        """Store the first claim under the key; False when there is one."""
        ...

    async def find(self, asked: Asked) -> Claim | None:
        """Return what is known of the key."""
        ...

    async def take_over(self, asked: Asked, known: Claim, *, until: datetime) -> bool:
        """Make a claim that nobody works on one's own; False when somebody else was quicker."""
        ...

    async def keep(self, asked: Asked, operation: str, answer: Answer) -> None:
        """Store the answer of an operation that is running."""
        ...

    async def give_up(self, asked: Asked, operation: str) -> None:
        """Leave the claim to the next request at once."""
        ...

    async def forget(self, asked: Asked, operation: str) -> None:
        """Free the key."""
        ...


async def answer_once(
    store: AnswerStore,
    asked: Asked,
    operate: Callable[[str], Awaitable[Answer]],
    *,
    now: Clock,
    claimed_for: timedelta = CLAIMED_FOR,
) -> tuple[Answer, bool]:
    """Return the answer, and whether it was given before. `operate` gets the operation's id. `claimed_for`: whoever takes longer has died.

    Raise InvalidField when the key stands for another request, InProgress while the first one is being answered, Transient.
    """
    claim = await _claim(store, asked, now(), claimed_for)
    if claim.answer is not None:
        return claim.answer, True
    try:
        answer = await operate(claim.operation)
    except BaseException:  # a request that is given up for taking too long is cancelled
        await _try(store.give_up(asked, claim.operation))
        raise
    if is_given_again(answer.status):
        await _try(store.keep(asked, claim.operation, answer))
    else:
        await _try(store.forget(asked, claim.operation))
    return answer, False


async def _claim(store: AnswerStore, asked: Asked, at: datetime, claimed_for: timedelta) -> Claim:
    until = at + claimed_for
    first = Claim("running", uuid4().hex, asked.fingerprint, until)
    if await store.claim(asked, first, expires_at=at + KEPT_FOR):
        return first
    known = await store.find(asked)
    if known is None:  # freed or expired between the two looks
        raise InProgress("another request under this key ended just now; send it again")
    if known.fingerprint != asked.fingerprint:
        raise InvalidField(
            HEADER, "was used for another request within the last 24 hours; take a new key for a new one"
        )
    if known.state == "done":
        return known
    if known.state == "running" and known.claimed_until > at:
        raise InProgress("the first request under this key is still being answered; ask again in a moment")
    if not await store.take_over(asked, known, until=until):
        raise InProgress("another request under this key was quicker; ask again in a moment")
    return known


async def _try(step: Awaitable[None]) -> None:
    """Wait for a step that must not cost the caller the answer: without it, the claim runs out by itself."""
    try:
        await step
    except Transient as error:
        log.warning("answer.not_kept", extra={"facts": {"why": str(error)}})
