"""How late the event loop is: a tick every 10 ms that notes by how much it missed its time, and a thread that looks,
while the loop is stuck, at what it is stuck in.

A loop that is 50 ms late has kept everybody's sound waiting. Each such stall is one line in the log, with where its
time went: what our code ran, what other programs ran, what the host of a virtual machine took.
"""

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Final, Self

import psutil
from loguru import logger

TICK_SECONDS: Final = 0.010
STALL_SECONDS: Final = 0.050
"""The longest that anything may hold up the loop."""
LOOK_SECONDS: Final = 0.025
"""How often the thread looks whether the loop is stuck: twice in the shortest stall."""
QUIET_SECONDS: Final = 1.0
"""Between two lines in the log, however many stalls there are."""
LONGEST_MS: Final = 2_000
"""Stalls beyond it count as this long for the 99th percentile."""
FRAMES: Final = 6
"""Of the stack, from the innermost outwards."""
STEAL_SECONDS: Final = 1.0
"""How often it is read what the host took: too dear for every tick."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """Of one tick, in seconds, and where the time went. The parts overlap."""

    late: float
    cpu: float = 0.0
    """Of the loop's thread. A stall without is the machine's doing, not ours."""
    queued: float = 0.0
    """It stood ready while others had the cores."""
    stolen: float = 0.0
    """The host ran something else on a core of this virtual machine: at most, as it is read once a second."""
    collected: float = 0.0
    """Garbage, by any thread."""

    def __str__(self) -> str:
        return (
            f"{1000 * self.late:.0f} ms late ({1000 * self.cpu:.0f} ms of them its own CPU time, "
            f"{1000 * self.queued:.0f} ms ready while others had the cores, {1000 * self.collected:.0f} ms collecting "
            f"garbage, up to {1000 * self.stolen:.0f} ms taken by the host)"
        )


@dataclass(frozen=True, slots=True)
class Lag:
    """How late the loop was since the probe began."""

    ticks: int
    stalls: int
    p99_ms: float
    """To the whole millisecond above."""
    worst: Lateness = Lateness(0.0)

    @property
    def max_ms(self) -> float:
        return 1000 * self.worst.late


class RunQueue:
    """How long the thread that made it has stood ready while others had the cores. Linux alone tells; elsewhere 0."""

    def __init__(self) -> None:
        try:
            self._file = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._file = -1

    def seconds(self) -> float:
        """Since the thread began: the second figure of the file, in nanoseconds (Linux, scheduler/sched-stats)."""
        return int(os.pread(self._file, 64, 0).split()[1]) / 1e9 if self._file >= 0 else 0.0

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def stolen_seconds() -> tuple[float, ...]:
    """By core, since the machine began: what its host gave to others while the core had work (proc_stat(5), "steal", in
    hundredths of a second). Linux alone tells; elsewhere 0."""
    return tuple(getattr(core, "steal", 0.0) for core in psutil.cpu_times(percpu=True))


class Steal:
    """What the host takes from the core that it takes most from. Looked at by the probe's thread, read by the loop."""

    def __init__(self, stolen: Callable[[], tuple[float, ...]]) -> None:
        self._stolen = stolen
        self._seen = stolen()

    def look(self) -> None:
        self._seen = self._stolen()

    def since_look(self) -> float:
        """Seconds. No core can be compared that came or went meanwhile."""
        return max((now - then for now, then in zip(self._stolen(), self._seen, strict=False)), default=0.0)


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the probe reads time from; seconds."""

    wall: Callable[[], float] = time.monotonic
    cpu: Callable[[], float] = time.thread_time
    """Of the loop's thread."""
    stolen: Callable[[], tuple[float, ...]] = stolen_seconds


class LagRecord:
    """Counts lateness by the millisecond. Belongs to the event loop."""

    def __init__(self) -> None:
        self._by_ms = [0] * (LONGEST_MS + 1)
        self.ticks = 0
        self.stalls = 0
        self.worst = Lateness(0.0)

    def add(self, late_seconds: float) -> bool:
        """Returns whether it was a stall."""
        late = max(0.0, late_seconds)
        self._by_ms[min(LONGEST_MS, int(late * 1000))] += 1
        self.ticks += 1
        is_stall = late > STALL_SECONDS
        self.stalls += is_stall
        return is_stall

    def lag(self) -> Lag:
        return Lag(self.ticks, self.stalls, self._percentile(0.99), self.worst)

    def _percentile(self, share: float) -> float:
        below = 0
        for milliseconds, count in enumerate(self._by_ms):
            below += count
            if below >= share * self.ticks and below:
                return float(milliseconds + 1)
        return 0.0


class LoopLag:
    """The probe. Use as an async context manager in the loop that it measures."""

    def __init__(self, clocks: Clocks | None = None) -> None:
        self._clocks = clocks or Clocks()
        self._record = LagRecord()
        self._due_at = 0.0
        self._cpu_at = 0.0
        self._queue: RunQueue
        self._queued_at = 0.0
        self._steal = Steal(self._clocks.stolen)
        self._said_at = -QUIET_SECONDS
        self._unsaid = 0
        self._seen: tuple[float, str] | None = None
        """When the tick that did not come was due, and the stack meanwhile. Written by the thread, read by the loop."""
        self._collecting_since = 0.0
        self._collected_seconds = 0.0
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop

    def lag(self) -> Lag:
        """Of now. On the loop."""
        return self._record.lag()

    def forget(self) -> None:
        """Count anew, as after starting, when modules were still being loaded. What holds up the loop at this moment is
        forgotten, too: the tick that it keeps waiting doesn't come."""
        self._record = LagRecord()
        if self._timer is not None:
            self._timer.cancel()
            self._expect_tick()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        gc.callbacks.append(self._notice_collection)
        self._queue = RunQueue()
        self._expect_tick()
        watched = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, args=(watched,), name="loop lag", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._is_over.set()
        self._queue.close()
        gc.callbacks.remove(self._notice_collection)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _expect_tick(self) -> None:
        self._due_at = self._clocks.wall() + TICK_SECONDS
        self._cpu_at = self._clocks.cpu()
        self._queued_at = self._queue.seconds()
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        late = self._clocks.wall() - self._due_at
        is_stall = self._record.add(late)
        if is_stall or late > self._record.worst.late:
            lateness = self._explain(late)
            if late > self._record.worst.late:
                self._record.worst = lateness
            if is_stall:
                self._tell(lateness)
        self._collected_seconds = 0.0
        self._expect_tick()

    def _explain(self, late: float) -> Lateness:
        return Lateness(
            late,
            cpu=self._clocks.cpu() - self._cpu_at,
            queued=self._queue.seconds() - self._queued_at,
            stolen=min(late, self._steal.since_look()),
            collected=self._collected_seconds,
        )

    def _tell(self, lateness: Lateness) -> None:
        now = self._clocks.wall()
        if now - self._said_at < QUIET_SECONDS:
            self._unsaid += 1
            return
        seen = self._seen
        where = seen[1] if seen is not None and seen[0] == self._due_at else "not seen"
        logger.bind(duration_ms=round(lateness.late * 1000), success=False).warning(
            "The event loop was {}, {} more since the last line: {}", lateness, self._unsaid, where
        )
        self._said_at, self._unsaid = now, 0

    def _notice_collection(self, phase: str, _info: dict[str, int]) -> None:
        """Any thread may collect; it holds up the loop all the same."""
        now = self._clocks.wall()
        if phase == "start":
            self._collecting_since = now
        else:
            self._collected_seconds += now - self._collecting_since

    def _watch(self, watched: int) -> None:
        """The thread: keep one look at each stall while it lasts."""
        steal_due_at = 0.0
        while not self._is_over.wait(LOOK_SECONDS):
            due_at, now = self._due_at, self._clocks.wall()
            if steal_due_at <= now <= due_at:  # never during a stall, which would forget what was taken from it
                self._steal.look()
                steal_due_at = now + STEAL_SECONDS
            is_late = now - due_at > STALL_SECONDS / 2
            if is_late and (self._seen is None or self._seen[0] != due_at):
                frame = sys._current_frames().get(watched)  # noqa: SLF001 - the way that Python documents for debuggers
                if frame is not None:
                    self._seen = (due_at, stack_of(frame))


def stack_of(frame: FrameType | None) -> str:
    """``function (file:line)`` from the innermost outwards. No line of code is read, and no value."""
    lines: list[str] = []
    while frame is not None and len(lines) < FRAMES:
        name = frame.f_code.co_qualname
        file = "/".join(frame.f_code.co_filename.split("/")[-2:])
        lines.append(f"{name} ({file}:{frame.f_lineno})")
        frame = frame.f_back
    return " < ".join(lines)
