"""One loudness for all voices: a fixed gain per voice, and a soft limit on its peaks.

The gain is measured once, over several sentences, so that a whisper stays softer than a shout.
"""

from typing import Final

import numpy as np
from scipy.ndimage import minimum_filter1d  # type: ignore[import-untyped]

from workers.engines import Pcm

TARGET_LUFS: Final = -20.0
"""Integrated loudness of her voice (ITU-R BS.1770-4). Podcasts in mono are at -19, where the peaks of
clear speech reach full scale; one less leaves them room, and people can turn her up or down in Discord."""

CEILING: Final = 10 ** (-2 / 20)
"""Highest sample: 1 dB below the -1 dBFS that no peak may pass, for the curve between samples is higher."""

QUIETEST_LUFS: Final = -60.0
"""Less than that is no voice, and no gain would make it one."""
LARGEST_GAIN_DB: Final = 24.0
_LIMITER_SECONDS: Final = 0.004
"""Half the width of the dip around a peak: longer than a pitch period's half, so that it is no distortion."""


def loudness_lufs(pcm: Pcm, rate_hz: int) -> float:
    """Integrated loudness; minus infinity for silence and for less than one block of 0.4 s."""
    import pyloudnorm

    if len(pcm) <= 0.4 * rate_hz or not np.any(pcm):
        return float("-inf")
    return float(pyloudnorm.Meter(rate_hz).integrated_loudness(pcm.astype(np.float64)))


def gain_to_target(pcm: Pcm, rate_hz: int) -> float:
    """Factor that brings the voice heard in ``pcm`` to the target. Raises ValueError when there is none."""
    measured = loudness_lufs(pcm, rate_hz)
    if measured < QUIETEST_LUFS:
        raise ValueError(f"the voice measures {measured:.0f} LUFS: it makes no sound")
    return float(10 ** (min(TARGET_LUFS - measured, LARGEST_GAIN_DB) / 20))


def limited(pcm: Pcm, rate_hz: int) -> Pcm:
    """``pcm`` with its gain lowered smoothly around every peak above the ceiling; untouched elsewhere."""
    peaks = np.abs(pcm)
    if peaks.size == 0 or peaks.max() <= CEILING:
        return pcm
    reach = round(_LIMITER_SECONDS * rate_hz)
    needed = np.minimum(1.0, CEILING / np.maximum(peaks, CEILING))
    # Lowest gain needed within reach, then its weighted mean over the same reach: never above what is needed.
    lowest = np.pad(minimum_filter1d(needed, 2 * reach + 1), reach, mode="edge")
    window = np.hanning(2 * reach + 3)[1:-1]
    gain = np.convolve(lowest, window / window.sum(), "valid")
    return np.asarray(pcm * np.minimum(gain, needed), np.float32)
