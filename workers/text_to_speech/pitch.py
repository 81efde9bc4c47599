"""How high a voice is, frame by frame, by autocorrelation (Boersma 1993): for measuring, not for speaking.

Few lines of numpy, since pyworld has no wheels for Linux, Praat's bindings are GPL and librosa brings a compiler along.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from workers.engines import Pcm

LOWEST_HZ, HIGHEST_HZ = 65.0, 500.0
_FRAME_SECONDS: Final = 0.040
_HOP_SECONDS: Final = 0.010
_VOICED: Final = 0.6
"""Autocorrelation at the period, of 1: below that it is no voice."""
_AUDIBLE: Final = 0.1
"""Of the loudest frame."""
_AS_GOOD: Final = 0.92
"""Of the best period's height: the shortest such period is taken, else voices would fall an octave."""


def pitch_hz(pcm: Pcm, rate_hz: int) -> npt.NDArray[np.float64]:
    """The pitch of every voiced frame of 10 ms, in order; empty when there is none."""
    length, hop = round(_FRAME_SECONDS * rate_hz), round(_HOP_SECONDS * rate_hz)
    if len(pcm) < length:
        return np.empty(0)
    window = np.hanning(length)
    frames = np.lib.stride_tricks.sliding_window_view(pcm.astype(np.float64), length)[::hop] * window
    power = np.sqrt(np.mean(frames**2, axis=1))
    alike = _autocorrelation(frames) / np.maximum(_autocorrelation(window[None]), 0.05)
    shortest, longest = int(rate_hz / HIGHEST_HZ), min(int(rate_hz / LOWEST_HZ), length // 2)
    at_period = alike[:, shortest:longest]
    is_voiced = (at_period.max(axis=1) > _VOICED) & (power > _AUDIBLE * power.max())
    periods = np.array([shortest + _first_peak(row) for row in at_period[is_voiced]])
    return rate_hz / periods if periods.size else np.empty(0)


def _autocorrelation(frames: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = frames.shape[-1]
    spectrum = np.fft.rfft(frames, 2 * length)
    raw = np.fft.irfft(np.abs(spectrum) ** 2)[..., :length]
    return np.asarray(raw / np.maximum(raw[..., :1], 1e-12))


def _first_peak(row: npt.NDArray[np.float64]) -> float:
    """Where the first peak is that is as good as the best, between samples by a parabola."""
    inner = row[1:-1]
    is_peak = (inner >= row[:-2]) & (inner >= row[2:]) & (inner > _AS_GOOD * row.max())
    peak = int(np.flatnonzero(is_peak)[0]) + 1 if is_peak.any() else int(np.argmax(row))
    if not 0 < peak < len(row) - 1:
        return float(peak)
    before, here, after = row[peak - 1 : peak + 2]
    bend = before - 2 * here + after
    return float(peak + (0.5 * (before - after) / bend if bend else 0.0))
