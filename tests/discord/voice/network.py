"""What a network does to datagrams on their way, by seeded chance."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Weather:
    """How likely each mishap is for one datagram, 0 to 1."""

    loss: float = 0.0
    duplicates: float = 0.0
    reorder: float = 0.0
    """Let the next one overtake it."""


class Link:
    """One direction to one client. The same mishaps for the same seed and the same datagrams."""

    def __init__(self, weather: Weather, seed: str, deliver: Callable[[bytes], None]) -> None:
        self.weather = weather
        self._chance = random.Random(seed)
        self._deliver = deliver
        self._held: bytes | None = None

    def send(self, datagram: bytes) -> None:
        overtaken, self._held = self._held, None
        mishap = self._chance.random()
        weather = self.weather
        if mishap < weather.loss:
            pass
        elif mishap < weather.loss + weather.duplicates:
            self._deliver(datagram)
            self._deliver(datagram)
        elif mishap < weather.loss + weather.duplicates + weather.reorder:
            self._held = datagram
        else:
            self._deliver(datagram)
        if overtaken is not None:
            self._deliver(overtaken)
