"""A task that loses a cancel, as PyMongo's do, ends all the same."""

import asyncio

import pytest

from shared.runtime.ending import end_tasks, rest


async def ask(asked: asyncio.Event) -> None:
    """Wait for an answer, and lose the first cancel."""
    asked.set()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return


async def test_a_loop_that_rests_ends_by_itself() -> None:
    asked = asyncio.Event()

    async def turn() -> None:
        await ask(asked)
        await rest(3_600)

    task = asyncio.create_task(turn())
    await asked.wait()
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_who_was_not_cancelled_sleeps() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await rest(0.01)
    assert loop.time() - began >= 0.009


async def test_a_lost_cancel_is_repeated() -> None:
    asked = asyncio.Event()

    async def turn() -> None:
        await ask(asked)
        await asyncio.Event().wait()

    task = asyncio.create_task(turn())
    await asked.wait()
    async with asyncio.timeout(5):
        await end_tasks([task, None], again_seconds=0.001)
    assert task.cancelled()


async def test_what_a_task_ended_with_is_not_raised() -> None:
    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError

    failing, done = asyncio.create_task(fail()), asyncio.create_task(asyncio.sleep(0))
    await asyncio.wait([done])
    await end_tasks([failing, done])
    assert isinstance(failing.exception(), ValueError)
    assert not done.cancelled()
