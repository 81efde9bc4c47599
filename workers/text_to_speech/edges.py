"""Where speech begins and ends in what an engine gave, so that nobody waits for its silence."""

from typing import Final

import numpy as np

from workers.engines import Pcm

HEAD_SECONDS: Final = 0.020
"""Kept before the first sound: soft consonants begin below the threshold."""
TAIL_SECONDS: Final = 0.080
"""Kept after the last sound, where words ring out. The pause between sentences is the player's affair."""
PAUSE_SECONDS: Final = 0.150
"""Between the pieces of one text that had to be spoken apart."""

_WINDOW_SECONDS: Final = 0.005
_SOUND_RMS: Final = 10 ** (-52 / 20)
"""Above this in 5 ms it is speech: 32 dB below the loudness that all voices are brought to first."""
_FADE_IN_SECONDS: Final = 0.003
_FADE_OUT_SECONDS: Final = 0.015


def trimmed(pcm: Pcm, rate_hz: int) -> Pcm:
    """``pcm``, already at its final loudness, without the silence around it and with faded edges.

    Empty when there is no sound in it at all."""
    window = max(1, round(_WINDOW_SECONDS * rate_hz))
    whole = len(pcm) // window * window
    power = np.mean(np.square(pcm[:whole]).reshape(-1, window), axis=1)
    sounding = np.flatnonzero(power > _SOUND_RMS**2)
    if sounding.size == 0:
        return pcm[:0]
    start = max(0, int(sounding[0]) * window - round(HEAD_SECONDS * rate_hz))
    end = (int(sounding[-1]) + 1) * window + round(TAIL_SECONDS * rate_hz)
    return _faded(pcm[start:end], rate_hz)


def joined(parts: list[Pcm], rate_hz: int) -> Pcm:
    """Pieces of one text, with a short pause between them."""
    pause = np.zeros(round(PAUSE_SECONDS * rate_hz), np.float32)
    with_pauses = [sound for part in parts for sound in (pause, part)][1:]
    return np.concatenate(with_pauses) if with_pauses else np.empty(0, np.float32)


def _faded(pcm: Pcm, rate_hz: int) -> Pcm:
    faded = pcm.copy()
    rise = min(round(_FADE_IN_SECONDS * rate_hz), len(faded) // 2)
    fall = min(round(_FADE_OUT_SECONDS * rate_hz), len(faded) // 2)
    faded[:rise] *= np.linspace(0, 1, rise, endpoint=False, dtype=np.float32)
    if fall:
        faded[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32)
    return faded
