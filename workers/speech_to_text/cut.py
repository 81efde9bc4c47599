"""How the encoder is cut to the utterance without the decoder noticing. The figures are in docs/speech-to-text.md.

Whisper was trained on 30 s windows: an utterance, then silence. Encoding the silence is most of the work, and leaving
it out makes the decoder say everything twice. So the encoder hears the utterance and a short margin, and the
positions after that are taken from a silence that was encoded once, when the model was loaded.
"""

import math
from typing import Final

import numpy as np

from config.audio import HEARD_RATE_HZ
from workers.engines import Pcm

WINDOW_SECONDS: Final = 30.0
"""Whisper's window: 1500 positions of 20 ms."""
MARGIN_SECONDS: Final = 2.0
"""Silence that is really encoded after the utterance. The last word is safe with it."""
A_WORD_SECONDS: Final = 1.4
"""An utterance shorter than that may be one word: some 0.4 s of it is what endpointing leaves before and behind."""
AROUND_A_WORD_SECONDS: Final = 6.5
"""What is encoded of it: one word alone is misheard with less around it ("hi" as "thigh", "why" as "y")."""
SILENCE_FROM_SECONDS: Final = 4.0
"""Where the remembered silence begins: past the echo of the murmur before it."""
SILENCE_STRIDE: Final = 4
"""Every fourth position of it is enough for the decoder, and saves it most of the work."""
MURMUR_SECONDS: Final = 2.0

_POSITION_SAMPLES: Final = HEARD_RATE_HZ // 50


def heard_seconds(speech_seconds: float) -> float:
    """How much the encoder is given for an utterance, in whole positions."""
    if speech_seconds < A_WORD_SECONDS:
        return AROUND_A_WORD_SECONDS
    return min(WINDOW_SECONDS, math.ceil(50 * (speech_seconds + MARGIN_SECONDS)) / 50)


def padding_samples(speech: Pcm, seconds: float) -> int:
    return max(0, round(seconds * 50) * _POSITION_SAMPLES - len(speech))


def remembered(positions: int) -> slice:
    """Which positions of the remembered window follow after ``positions`` of encoded speech."""
    return slice(max(positions, round(SILENCE_FROM_SECONDS * 50)), None, SILENCE_STRIDE)


def murmur(seconds: float = MURMUR_SECONDS) -> Pcm:
    """Seeded noise as loud and as coloured as a voice. Whisper scales its spectrogram to the loudest part, so
    silence after something is not the silence of an empty window."""
    samples = round(seconds * HEARD_RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(samples))
    frequencies = np.fft.rfftfreq(samples, 1 / HEARD_RATE_HZ)
    noise = np.fft.irfft(spectrum / (1 + (frequencies / 500) ** 2), samples)
    loud: Pcm = (0.1 * noise / np.sqrt(np.mean(np.square(noise)))).astype(np.float32)
    return loud
