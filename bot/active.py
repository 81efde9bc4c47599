"""The turns that this process works on: how many there may be, how they went, and waiting for the last of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

PATIENCE_SECONDS: Final = 3.0
"""How long one more turn waits for a place before it is refused in words."""

UNWINDING_SECONDS: Final = 1.0
"""How long a cancelled turn may take to end."""


class TooBusy(Exception):
    """There are as many turns as there may be, or the process is ending. Nothing was begun."""


@dataclass(slots=True, eq=False)
class Outcome:
    """How one turn went. Whoever works on it says so when it failed without an exception."""

    has_failed: bool = False


class ActiveTurns:
    """One per process; belongs to its event loop."""

    def __init__(self, most: int, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.most: Final = most
        self.taken = 0
        """Turns begun since the process started; the next three say how they ended."""
        self.answered = 0
        self.failed = 0
        self.refused = 0
        """Those that found no place. They are not among ``taken``."""
        self._patience_seconds = patience_seconds
        self._places = asyncio.Semaphore(most)
        self._tasks: dict[Outcome, asyncio.Task[object]] = {}
        self._is_draining = False
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    @property
    def running(self) -> int:
        return len(self._tasks)

    @property
    def has_place(self) -> bool:
        """Whether one more turn can begin at once."""
        return not self._is_draining and not self._places.locked()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Outcome]:
        """Work on one turn inside of this. An exception, or ``Outcome.has_failed``, counts it as failed.

        Raises TooBusy when no place gets free in time."""
        await self._take_place()
        outcome = Outcome()
        self._begin(outcome)
        try:
            yield outcome
        except BaseException:
            outcome.has_failed = True
            raise
        finally:
            self._end(outcome)

    async def drain(self, seconds: float) -> bool:
        """Take no more turns, let those that run end, and cancel what is left after ``seconds``. Returns whether
        all of them ended by themselves."""
        self._is_draining = True
        try:
            async with asyncio.timeout(seconds):
                await self._is_quiet.wait()
        except TimeoutError:
            left = list(self._tasks.values())
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=UNWINDING_SECONDS)
            return not left
        return True

    async def _take_place(self) -> None:
        """Raises TooBusy."""
        try:
            async with asyncio.timeout(0 if self._is_draining else self._patience_seconds):
                await self._places.acquire()
        except TimeoutError:
            self.refused += 1
            raise TooBusy from None
        if self._is_draining:
            self._places.release()
            self.refused += 1
            raise TooBusy

    def _begin(self, outcome: Outcome) -> None:
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"
        self._tasks[outcome] = task
        self._is_quiet.clear()
        self.taken += 1

    def _end(self, outcome: Outcome) -> None:
        del self._tasks[outcome]
        self._places.release()
        if outcome.has_failed:
            self.failed += 1
        else:
            self.answered += 1
        if not self._tasks:
            self._is_quiet.set()
