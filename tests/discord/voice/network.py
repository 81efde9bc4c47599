"""What a network does to datagrams on their way, by seeded chance."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

OVERTAKEN_AFTER_SECONDS: Final = 0.04
"""A datagram that is late is no later than this, also when nothing comes that could overtake it."""


@dataclass(slots=True)
class Weather:
    """How likely each mishap is for one datagram, 0 to 1."""

    loss: float = 0.0
    duplicates: float = 0.0
    reorder: float = 0.0
    """Let the next one overtake it."""


class Link:
    """One direction to one client. The same mishaps for the same seed and the same datagrams. Belongs to the
    simulator's loop."""

    def __init__(self, weather: Weather, seed: str, deliver: Callable[[bytes], None]) -> None:
        self.weather = weather
        self.sent = 0
        self.lost = 0
        """Of those that were sent."""
        self._chance = random.Random(seed)
        self._deliver = deliver
        self._held: bytes | None = None
        self._release: asyncio.TimerHandle | None = None

    def send(self, datagram: bytes) -> None:
        overtaken, self._held = self._held, None
        if self._release is not None:
            self._release.cancel()
            self._release = None
        self.sent += 1
        mishap = self._chance.random()
        weather = self.weather
        if mishap < weather.loss:
            self.lost += 1
        elif mishap < weather.loss + weather.duplicates:
            self._deliver(datagram)
            self._deliver(datagram)
        elif mishap < weather.loss + weather.duplicates + weather.reorder:
            self._hold(datagram)
        else:
            self._deliver(datagram)
        if overtaken is not None:
            self._deliver(overtaken)

    def _hold(self, datagram: bytes) -> None:
        self._held = datagram
        self._release = asyncio.get_running_loop().call_later(OVERTAKEN_AFTER_SECONDS, self._let_go)

    def _let_go(self) -> None:
        held, self._held, self._release = self._held, None, None
        if held is not None:
            self._deliver(held)
