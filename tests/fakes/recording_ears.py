"""Ears that write everything down, and let a test wait for it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bot.voice.closing import Ended
from bot.voice.playback import Speech
from bot.voice.receive import Heard, Left, Silence, Sound

PATIENCE_SECONDS = 10.0


class RecordingEars:
    """Belongs to one loop, but for ``is_heard``."""

    def __init__(self, is_heard: Callable[[int], bool] = lambda _user_id: True) -> None:
        self.is_heard = is_heard
        self.sound: dict[int, bytearray] = defaultdict(bytearray)
        self.silence_ms: dict[int, int] = defaultdict(int)
        self.left: list[int] = []
        self.speeches: list[Speech] = []
        self.reasons: list[Ended] = []
        self._changed = asyncio.Event()

    def hear(self, heard: list[Heard]) -> None:
        for piece in heard:
            match piece:
                case Sound(user_id, pcm):
                    self.sound[user_id] += pcm
                case Silence(user_id, milliseconds):
                    self.silence_ms[user_id] += milliseconds
                case Left(user_id):
                    self.left.append(user_id)
        self._changed.set()

    def said(self, speech: Speech) -> None:
        self.speeches.append(speech)
        self._changed.set()

    def ended(self, why: Ended) -> None:
        self.reasons.append(why)
        self._changed.set()

    def samples(self, user_id: int) -> npt.NDArray[np.int16]:
        return np.frombuffer(bytes(self.sound[user_id]), "<i2")

    def seconds(self, user_id: int) -> float:
        return len(self.sound[user_id]) / 2 / 16_000

    async def until(self, is_so: Callable[[], bool], *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        async with asyncio.timeout(patience_seconds):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()
