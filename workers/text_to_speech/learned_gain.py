"""The gain of a voice that can't be measured beforehand, because every word of it costs money.

A local voice speaks a few sentences while it loads and gets one gain from them, so that a whisper stays softer than a
shout. Raising each sentence to the target by itself would level those two. So the voice is measured on what it says
anyway: its first sentence comes out at the target, and each further one at the gain that all of them ask for together.
"""

import math
import threading
from typing import Final

import numpy as np

from workers.engines import Pcm
from workers.text_to_speech.loudness import LARGEST_GAIN_DB, QUIETEST_LUFS, TARGET_LUFS, loudness_lufs

MEMORY_SECONDS: Final = 60.0
"""Speech that is so long ago counts for a third. A provider may change a voice's loudness; nobody tells us."""
FARTHEST_DB: Final = 6.0
"""From the target, for one sentence, whatever was learned: the first one may have been a whisper."""
_MEASURABLE_SECONDS: Final = 0.5
"""A shorter word is measured as if it were said again and again: loudness is defined over 0.4 s."""


class LearnedGain:
    """One voice's. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._power = 0.0
        self._seconds = 0.0

    def learn(self, pcm: Pcm, rate_hz: int) -> float:
        """The factor for this sentence, which is also learned from. 1 for silence, of which nothing is learned."""
        measured = loudness_lufs(_measurable(pcm, rate_hz), rate_hz)
        if measured < QUIETEST_LUFS:
            return 1.0
        seconds = len(pcm) / rate_hz
        with self._lock:
            kept = math.exp(-seconds / MEMORY_SECONDS)
            self._seconds = kept * self._seconds + seconds
            self._power = kept * self._power + seconds * 10 ** (measured / 10)
            usual = 10 * math.log10(self._power / self._seconds)
        gain_db = min(TARGET_LUFS - usual, LARGEST_GAIN_DB)
        nearest = max(TARGET_LUFS - FARTHEST_DB, min(TARGET_LUFS + FARTHEST_DB, measured + gain_db))
        return float(10 ** (min(nearest - measured, LARGEST_GAIN_DB) / 20))


def _measurable(pcm: Pcm, rate_hz: int) -> Pcm:
    least = round(_MEASURABLE_SECONDS * rate_hz)
    return pcm if len(pcm) >= least or not len(pcm) else np.resize(pcm, least)
