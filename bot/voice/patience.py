"""She doesn't stay silent for ever because nobody knows what was said. Event loop only."""

import asyncio
from collections.abc import Callable
from typing import Final


class Patience:
    """One room's. ``lost`` is told of each talk whose words weren't known ``seconds`` after ``wait_for``."""

    def __init__(self, seconds: float, lost: Callable[[int], None]) -> None:
        self.seconds: Final = seconds
        self._lost = lost
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def wait_for(self, talk: int) -> None:
        """From now on; what was waited for it before doesn't count."""
        self.stop(talk)
        self._timers[talk] = asyncio.get_running_loop().call_later(self.seconds, self._lose, talk)

    def stop(self, talk: int) -> None:
        """Its words are known, or won't be."""
        timer = self._timers.pop(talk, None)
        if timer is not None:
            timer.cancel()

    def _lose(self, talk: int) -> None:
        del self._timers[talk]
        self._lost(talk)
