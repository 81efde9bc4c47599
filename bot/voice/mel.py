"""Whisper's log-mel picture of the last 8 s of speech, as smart-turn was trained on it. Numpy only.

Equals ``transformers.WhisperFeatureExtractor(chunk_length=8)`` with ``do_normalize=True`` on sound padded
with zeros at the front. What is padding is the same in every frame, so it is computed once: the cost is
that of the speech there is.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from config.audio import HEARD_RATE_HZ

type Floats = npt.NDArray[np.float32]

SECONDS: Final = 8
SAMPLES: Final = SECONDS * HEARD_RATE_HZ
MELS: Final = 80
FRAMES: Final = SAMPLES // 160

_FFT: Final = 400
_HOP: Final = 160
_EDGE: Final = _FFT // 2
"""Frames are centred: the first reaches this far before the sound, where it is mirrored."""
_VARIANCE_FLOOR: Final = 1e-7
_POWER_FLOOR: Final = 1e-10
_RANGE_DECADES: Final = 8.0
"""What lies further below the loudest value is lifted to that depth."""


def log_mel(speech: Floats) -> Floats:
    """(80, 800) of the last 8 s of ``speech`` (16 kHz, mono, -1 to 1), shorter speech at the end of silence."""
    speech = speech[-SAMPLES:]
    padding = SAMPLES - speech.size
    mean = float(speech.sum(dtype=np.float64)) / SAMPLES
    power = float(np.square(speech, dtype=np.float64).sum()) / SAMPLES
    scale = 1.0 / np.sqrt(max(power - mean * mean, 0.0) + _VARIANCE_FLOOR)

    empty_frames = max((padding - _EDGE) // _HOP + 1, 0) if padding >= _EDGE else 0
    begin = empty_frames * _HOP - _EDGE  # where the first frame that holds speech starts
    sound = np.full(SAMPLES + _EDGE - begin, -mean * scale, np.float32)
    sound[padding - begin : SAMPLES - begin] = (speech - np.float32(mean)) * np.float32(scale)
    sound[SAMPLES - begin :] = sound[SAMPLES - begin - 2 : SAMPLES - begin - 2 - _EDGE : -1]
    if begin < 0:
        sound[:-begin] = sound[-2 * begin : -begin : -1]

    picture = np.empty((MELS, FRAMES), np.float32)
    # The last centred frame is left out, as Whisper does.
    picture[:, empty_frames:] = _log_powers(sound, FRAMES - empty_frames)
    if empty_frames:
        picture[:, :empty_frames] = _log_powers(np.full(_FFT, -mean * scale, np.float32), 1)
    np.maximum(picture, picture.max() - _RANGE_DECADES, out=picture)
    picture += 4.0
    picture /= 4.0
    return picture


def _log_powers(sound: Floats, frames: int) -> Floats:
    """(80, frames) decimal logarithms of mel powers."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, _FFT)[::_HOP][:frames]
    hann, filters = _tables()
    waves = np.fft.rfft(windows * hann, axis=-1)
    powers = np.square(waves.real) + np.square(waves.imag)
    logs: Floats = np.log10(np.maximum(filters @ powers.T, np.float32(_POWER_FLOOR)))
    return logs


@lru_cache(maxsize=1)
def _tables() -> tuple[Floats, Floats]:
    """The periodic Hann window, and 80 triangles of equal area over 201 frequencies on the Slaney scale
    (linear to 1000 Hz, logarithmic above; Slaney, Auditory Toolbox, 1998)."""
    hann = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    top_mel = 15.0 + 27.0 * np.log(HEARD_RATE_HZ / 2 / 1000.0) / np.log(6.4)
    mels = np.linspace(0.0, top_mel, MELS + 2)
    corners = np.where(mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp(np.log(6.4) / 27.0 * (mels - 15.0)))
    frequencies = np.linspace(0.0, HEARD_RATE_HZ / 2, _FFT // 2 + 1)
    rising = (frequencies - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - frequencies) / np.diff(corners)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (corners[2:] - corners[:-2]))[:, None]
    return hann, np.ascontiguousarray(triangles, dtype=np.float32)
