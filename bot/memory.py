"""How much memory this process holds, what keeps it small, and a word in the log when it is more than it should be."""

import asyncio
import contextlib
import ctypes
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import psutil
from loguru import logger

LOOK_EVERY_SECONDS: Final = 60.0
M_ARENA_MAX: Final = -8
"""glibc's malloc.h."""


def keep_one_arena() -> None:
    """For all threads that are started later: glibc would give each of them a pool of free memory of its own, which
    nobody else can use (measured: 3 to 10 MB of the bot's 150). Elsewhere than with glibc this does nothing."""
    choose = getattr(ctypes.CDLL(None), "mallopt", None)
    if choose is not None and not choose(M_ARENA_MAX, 1):
        logger.debug("The C library keeps its arenas")


def return_freed_memory() -> None:
    """To the system, where glibc would keep it for later."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def resident_mb() -> int:
    held: int = psutil.Process().memory_info().rss
    return held // 2**20


@asynccontextmanager
async def watch_memory(
    most_mb: int, held_mb: Callable[[], int] = resident_mb, every_seconds: float = LOOK_EVERY_SECONDS
) -> AsyncIterator[None]:
    """Inside of this, say so once each time that ``most_mb`` is passed."""
    watching = asyncio.create_task(_watch(most_mb, held_mb, every_seconds), name="memory")
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _watch(most_mb: int, held_mb: Callable[[], int], every_seconds: float) -> None:
    was_above = False
    while True:
        held = held_mb()
        if held > most_mb and not was_above:
            logger.warning("This process holds {} MB, more than MAX_MEMORY_MB={}", held, most_mb)
        was_above = held > most_mb
        await asyncio.sleep(every_seconds)
