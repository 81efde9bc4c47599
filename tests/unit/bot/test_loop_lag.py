import asyncio
import gc
import os
import sys
import threading
import time

import pytest

from bot.loop_lag import (
    FRAMES,
    LONGEST_MS,
    STALL_SECONDS,
    TICK_SECONDS,
    Clocks,
    LagRecord,
    LoopLag,
    RunQueue,
    Steal,
    stack_of,
    stolen_seconds,
)


def block(seconds: float) -> None:
    time.sleep(seconds)


async def ticks(probe: LoopLag, more: int = 2) -> None:
    """Until the loop has ticked again."""
    wanted = probe.lag().ticks + more
    while probe.lag().ticks < wanted:  # noqa: ASYNC110 - it measures time, and tells nobody of a tick
        await asyncio.sleep(TICK_SECONDS)


def test_lateness_is_counted_by_the_millisecond() -> None:
    record = LagRecord()
    for late in [0.0012] * 98 + [0.030, 0.080]:
        record.add(late)
    lag = record.lag()
    assert (lag.ticks, lag.stalls) == (100, 1)
    assert lag.p99_ms == 31


def test_an_early_tick_is_on_time_and_an_endless_stall_still_counts() -> None:
    record = LagRecord()
    assert not record.add(-0.001)
    assert record.add(60)
    assert record.lag().p99_ms == LONGEST_MS + 1


def test_only_more_than_50_ms_is_a_stall() -> None:
    record = LagRecord()
    assert not record.add(STALL_SECONDS)
    assert record.add(STALL_SECONDS + 0.001)


def test_before_the_first_tick_there_is_nothing_to_tell() -> None:
    assert LagRecord().lag().p99_ms == 0


async def test_a_blocked_loop_is_told_with_its_length_and_the_place(lines: list[str]) -> None:
    async with LoopLag() as probe:
        await ticks(probe)
        probe.forget()
        block(0.15)
        await ticks(probe)
        lag = probe.lag()
    assert lag.stalls >= 1
    assert lag.max_ms >= 130
    told = next(line for line in lines if "block (bot/test_loop_lag.py:" in line)
    assert int(told.split("was ")[1].split(" ms")[0]) >= 130


async def test_what_held_up_the_loop_before_it_was_told_to_forget_is_no_stall() -> None:
    now = 0.0
    async with LoopLag(Clocks(wall=lambda: now)) as probe:
        await ticks(probe)
        now += 1.0  # a tick is due since then
        probe.forget()
        await ticks(probe)
        assert probe.lag().stalls == 0


async def test_many_stalls_in_a_row_make_one_line(lines: list[str]) -> None:
    now = 0.0

    def later() -> float:
        nonlocal now
        now += 0.07  # every look at this clock finds that the loop is late
        return now

    async with LoopLag(Clocks(wall=later, cpu=lambda: 0.0)) as probe:
        await ticks(probe, more=5)
        assert probe.lag().stalls >= 5
    assert 1 <= len(lines) < probe.lag().stalls


async def test_collecting_garbage_is_told(lines: list[str]) -> None:
    async with LoopLag() as probe:
        await ticks(probe)
        gc.collect()
        block(0.1)
        await ticks(probe)
    told = next(line for line in lines if "late" in line)
    assert "ms collecting garbage" in told
    assert " 0 ms collecting garbage" not in told


async def test_waiting_for_a_core_is_told(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    queued = iter(range(1_000))
    monkeypatch.setattr(RunQueue, "seconds", lambda _: next(queued) * 0.06)
    async with LoopLag() as probe:
        await ticks(probe)
        block(0.1)
        await ticks(probe)
    assert any(" 60 ms ready while others had the cores" in line for line in lines)


async def test_what_the_host_took_is_told_of_the_core_that_it_took_most_from(lines: list[str]) -> None:
    stolen = [7.0, 9.0]
    async with LoopLag(Clocks(stolen=lambda: tuple(stolen))) as probe:
        await ticks(probe)
        probe.forget()
        block(0.06)
        stolen[0] += 0.02
        stolen[1] += 0.04
        block(0.06)
        await ticks(probe)
        worst = probe.lag().worst
    assert worst.stolen == pytest.approx(0.04), "nor is it forgotten when the thread looks meanwhile"
    assert any("up to 40 ms taken by the host" in line for line in lines)


def test_a_host_takes_nothing_back() -> None:
    before = stolen_seconds()
    assert len(before) == os.cpu_count()
    assert all(now >= then for now, then in zip(stolen_seconds(), before, strict=True))
    taken = Steal(stolen_seconds)
    taken.look()
    assert taken.since_look() >= 0


def test_a_core_that_came_meanwhile_is_left_out() -> None:
    stolen = [(1.0,), (1.5, 100.0), ()]
    taken = Steal(lambda: stolen.pop(0))
    assert taken.since_look() == 0.5
    assert taken.since_look() == 0.0


def test_a_thread_waited_for_a_core_no_longer_than_it_lived() -> None:
    began_at = time.monotonic()
    waited: list[float] = []
    ran: list[float] = []

    def measure() -> None:
        queue = RunQueue()
        waited.append(queue.seconds())
        while time.thread_time() < 0.2:
            pass
        waited.append(queue.seconds())
        ran.append(time.thread_time())
        queue.close()
        waited.append(queue.seconds())

    thread = threading.Thread(target=measure)
    thread.start()
    thread.join()
    first, second, closed = waited
    assert 0 <= first <= second
    assert second + ran[0] <= time.monotonic() - began_at + 0.01, "either it ran or it waited"
    assert closed == 0


async def test_afterwards_nothing_of_it_is_left() -> None:
    before = len(gc.callbacks)
    async with LoopLag() as probe:
        await ticks(probe)
        assert len(gc.callbacks) == before + 1
    assert len(gc.callbacks) == before
    ticked = probe.lag().ticks
    await asyncio.sleep(TICK_SECONDS * 3)
    assert probe.lag().ticks == ticked


def test_a_stack_is_told_from_the_inside_and_not_too_long() -> None:
    def deep(depth: int) -> str:
        return stack_of(sys._getframe()) if depth == 0 else deep(depth - 1)

    told = deep(20)
    assert told.startswith("test_a_stack_is_told_from_the_inside_and_not_too_long.<locals>.deep (bot/test_loop_lag.py:")
    assert told.count(" < ") == FRAMES - 1
