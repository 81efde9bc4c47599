"""Sounds that can be told apart after they went through Opus."""

import numpy as np
import numpy.typing as npt

from config.audio import HEARD_RATE_HZ, SPOKEN_RATE_HZ


def tone(seconds: float, hz: float = 440.0) -> npt.NDArray[np.int16]:
    """Mono at 48 kHz, a quarter of full scale."""
    times = np.arange(int(SPOKEN_RATE_HZ * seconds)) / SPOKEN_RATE_HZ
    return (np.sin(2 * np.pi * hz * times) * 8_000).astype(np.int16)


def pitch(pcm: npt.NDArray[np.int16]) -> float:
    """The strongest frequency of sound at 16 kHz, in Hz."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * HEARD_RATE_HZ / len(pcm))
