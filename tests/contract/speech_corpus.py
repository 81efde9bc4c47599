"""Spoken sentences whose words are known, made by the synthesis engines: several lengths, speeds and noises.

Piper speaks without its random variation and every noise is seeded, so each run hears the same samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import soxr

from config.audio import HEARD_RATE_HZ
from workers.engines import Pcm

Voice = Literal["hibari", "piper"]

PIPER_VOICE: Final = "en_US-joe-medium"
CLEAN_DB: Final = 99.0
SNRS_DB: Final = (CLEAN_DB, 25.0, 15.0, 10.0)
"""Speech over noise; the worst is a loud café."""
SPEEDS: Final = (1.0, 0.85, 1.2)
SILENCES: Final = (0.0, 0.15, 0.4)
"""Seconds before and after the words: an endpointer never cuts to the sample."""
SEED: Final = 20

SENTENCES: Final = Path(__file__).with_name("spoken_sentences.txt").read_text().splitlines()
"""One an utterance, from one word to five sentences."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance as an endpointer would hand it over: 16 kHz, words known."""

    said: str
    voice: Voice
    speed: float
    snr_db: float
    speech: Pcm

    @property
    def seconds(self) -> float:
        return len(self.speech) / HEARD_RATE_HZ


class Voices:
    """Both synthesis libraries as they are, so that hearing is tested apart from our own speaking."""

    def __init__(self, models_folder: Path) -> None:
        from hibari import Hibari
        from piper import PiperVoice

        self._hibari = Hibari()
        self._piper = PiperVoice.load(models_folder / f"piper-{PIPER_VOICE}" / f"{PIPER_VOICE}.onnx")

    def say(self, text: str, voice: Voice = "hibari", speed: float = 1.0) -> Pcm:
        """``text`` at 16 kHz, its peak at 0.5, without the silence around it."""
        if voice == "hibari":
            speech, rate = np.asarray(self._hibari(text, speed=speed, seed=SEED), dtype=np.float32), 24_000
        else:
            speech, rate = self._say_by_piper(text, speed)
        resampled = soxr.resample(speech, rate, HEARD_RATE_HZ, quality="HQ").astype(np.float32)
        return trimmed(0.5 * resampled / np.abs(resampled).max())

    def _say_by_piper(self, text: str, speed: float) -> tuple[Pcm, int]:
        from piper import SynthesisConfig

        manner = SynthesisConfig(length_scale=1 / speed, noise_scale=0.0, noise_w_scale=0.0)
        chunks = list(self._piper.synthesize(text, manner))
        return np.concatenate([chunk.audio_float_array for chunk in chunks]), chunks[0].sample_rate


def trimmed(speech: Pcm, floor: float = 0.01) -> Pcm:
    loud = np.flatnonzero(np.abs(speech) > floor)
    return speech[loud[0] : loud[-1] + 1]


def corpus(voices: Voices) -> Iterator[Clip]:
    """Every sentence once, the voices, speeds, noises and silences turning at different paces."""
    chance = np.random.default_rng(SEED)
    for index, said in enumerate(SENTENCES):
        voice: Voice = "hibari" if index % 2 == 0 else "piper"
        speed, snr_db = SPEEDS[index % len(SPEEDS)], SNRS_DB[index // 2 % len(SNRS_DB)]
        silence = np.zeros(round(SILENCES[index // 3 % len(SILENCES)] * HEARD_RATE_HZ), dtype=np.float32)
        words = voices.say(said, voice, speed)
        speech = with_noise(np.concatenate([silence, words, silence]), words, snr_db, chance)
        yield Clip(said, voice, speed, snr_db, speech)


def with_noise(speech: Pcm, words: Pcm, snr_db: float, chance: np.random.Generator) -> Pcm:
    """Pink noise under all of ``speech``, so much weaker than the ``words`` in it."""
    noise = coloured_noise(len(speech), -1.0, chance)
    level = np.sqrt(np.mean(np.square(words))) / 10 ** (snr_db / 20)
    noisy: Pcm = (speech + level * noise).astype(np.float32)
    return noisy


def coloured_noise(samples: int, exponent: float, chance: np.random.Generator) -> Pcm:
    """Noise of power ~ frequency ** ``exponent`` (0 white, -1 pink, -2 brown) with an RMS of 1."""
    spectrum = np.fft.rfft(chance.standard_normal(samples))
    frequencies = np.maximum(np.fft.rfftfreq(samples, 1 / HEARD_RATE_HZ), 20.0)
    noise = np.fft.irfft(spectrum * frequencies ** (exponent / 2), samples)
    even: Pcm = (noise / np.sqrt(np.mean(np.square(noise)))).astype(np.float32)
    return even
