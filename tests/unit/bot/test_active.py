"""Turns in this process: a limit, counts, and an orderly end."""

import asyncio

import pytest

from bot.active import ActiveTurns, TooBusy


class Gate:
    """A turn that runs until it is let go."""

    def __init__(self, active: ActiveTurns) -> None:
        self.active = active
        self.begun, self.release = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        async with self.active.turn():
            self.begun.set()
            await self.release.wait()


async def running(active: ActiveTurns) -> tuple[Gate, asyncio.Task[None]]:
    gate = Gate(active)
    task = asyncio.create_task(gate.run())
    await gate.begun.wait()
    return gate, task


async def test_one_turn_too_many_is_refused() -> None:
    active = ActiveTurns(1, patience_seconds=0.01)
    gate, task = await running(active)
    with pytest.raises(TooBusy):
        async with active.turn():
            pytest.fail("there was no place")
    gate.release.set()
    await task
    assert (active.taken, active.answered, active.failed, active.refused) == (1, 1, 0, 1)


async def test_a_turn_waits_for_a_place_that_gets_free() -> None:
    active = ActiveTurns(1, patience_seconds=10)
    gate, task = await running(active)
    second = Gate(active)
    waiting = asyncio.create_task(second.run())
    await asyncio.sleep(0)
    assert not second.begun.is_set()
    gate.release.set()
    await second.begun.wait()
    assert active.running == 1
    second.release.set()
    await asyncio.gather(task, waiting)
    assert active.answered == 2


async def test_a_turn_that_raises_or_says_so_has_failed() -> None:
    active = ActiveTurns(2)
    with pytest.raises(ValueError, match="odd"):
        async with active.turn():
            raise ValueError("odd")
    async with active.turn() as outcome:
        outcome.has_failed = True
    assert (active.taken, active.answered, active.failed, active.running) == (2, 0, 2, 0)


async def test_draining_waits_for_the_last_turn_and_takes_no_more() -> None:
    active = ActiveTurns(5)
    gate, task = await running(active)
    draining = asyncio.create_task(active.drain(10))
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        async with active.turn():
            pytest.fail("the process is ending")
    gate.release.set()
    assert await draining
    await task


async def test_who_waited_for_a_place_is_refused_once_the_process_ends() -> None:
    active = ActiveTurns(1, patience_seconds=10)
    gate, task = await running(active)
    waiting = asyncio.create_task(Gate(active).run())
    await asyncio.sleep(0)
    draining = asyncio.create_task(active.drain(10))
    await asyncio.sleep(0)
    gate.release.set()
    with pytest.raises(TooBusy):
        await waiting
    assert await draining
    await task


async def test_what_is_left_after_the_time_is_cancelled() -> None:
    active = ActiveTurns(2)
    _gate, task = await running(active)
    assert not await active.drain(0.01)
    assert task.cancelled()
    assert active.failed == 1


async def test_draining_an_idle_process_takes_no_time() -> None:
    assert await ActiveTurns(1).drain(0.01)
