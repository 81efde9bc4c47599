"""A voice between its network and its sound: frames of a spectrum, spread over more or less time, and their melody.

hibari's network says 80 times a second how loud each frequency is and how high the voice. Its own ``speed`` rounds each
sound's length to such frames: 0.95 to 1.1 change a sentence by 3 %, 1.3 to 1.4 by 25. So frames are spread here, which
is as exact as the ear could ask for and costs less than a millisecond.
"""

from typing import Final

import numpy as np

from workers.engines import Pcm

VOICED_HZ: Final = 40.0
"""Below that a frame has no pitch; hibari's own threshold."""


def blended(frames: Pcm, count: int) -> Pcm:
    """``count`` frames in the place of those there are (the last axis), each between its two nearest."""
    have = frames.shape[-1]
    at = np.linspace(0, have - 1, count)
    before = np.minimum(at.astype(np.intp), max(0, have - 2))
    share = (at - before).astype(np.float32)
    after = np.minimum(before + 1, have - 1)
    return np.asarray(frames[..., before] * (1 - share) + frames[..., after] * share, np.float32)


def nearest(frames: Pcm, count: int) -> Pcm:
    """``count`` frames in the place of those there are: for what has no in-between, such as phases."""
    at = np.rint(np.linspace(0, frames.shape[-1] - 1, count)).astype(np.intp)
    return np.ascontiguousarray(frames[..., at])


def with_melody(pitch_hz: Pcm, width: float) -> Pcm:
    """A melody whose distance from its middle is ``width`` times what it was, in semitones. The middle stays."""
    voiced = pitch_hz > VOICED_HZ
    if not voiced.any():
        return pitch_hz
    steps = np.log(pitch_hz[voiced])
    middle = np.median(steps)
    moved = pitch_hz.copy()
    moved[voiced] = np.exp(middle + (steps - middle) * width)
    return moved
