"""Sounds in which nobody says anything, seeded: what a voice channel is full of between the words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from config.audio import HEARD_RATE_HZ
from tests.contract.speech_corpus import coloured_noise
from workers.engines import Pcm

type Samples = npt.NDArray[np.floating[Any]]
type Sound = Callable[[int, np.random.Generator], Samples]
"""So many samples of it."""

LENGTHS_SECONDS: Final = (0.5, 1.5, 4.0)


@dataclass(frozen=True, slots=True)
class Unspoken:
    name: str
    speech: Pcm


def sounds(lengths: tuple[float, ...] = LENGTHS_SECONDS) -> Iterator[Unspoken]:
    """Every sound at every length."""
    for name, sound in SOUNDS.items():
        for seconds in lengths:
            chance = np.random.default_rng([len(name), round(10 * seconds)])
            samples = round(seconds * HEARD_RATE_HZ)
            yield Unspoken(f"{name}, {seconds} s", sound(samples, chance).astype(np.float32))


def _noise(level: float, exponent: float) -> Sound:
    return lambda samples, chance: level * coloured_noise(samples, exponent, chance)


def _times(samples: int) -> Samples:
    times: Samples = np.arange(samples) / HEARD_RATE_HZ
    return times


def _tones(samples: int, frequencies: tuple[float, ...], level: float) -> Samples:
    times = _times(samples)
    chord: Samples = np.sum([np.sin(2 * np.pi * frequency * times) for frequency in frequencies], axis=0)
    return level / len(frequencies) * chord


def _hum(samples: int, chance: np.random.Generator) -> Samples:
    return _tones(samples, (50, 100, 150, 250), 0.2) + 0.002 * coloured_noise(samples, 0, chance)


def _clicks(samples: int, chance: np.random.Generator) -> Samples:
    """A keyboard: some eight short decaying knocks a second."""
    clicks = 0.0005 * coloured_noise(samples, 0, chance)
    for at in chance.integers(0, samples - 400, max(1, 8 * samples // HEARD_RATE_HZ)):
        clicks[at : at + 400] += 0.3 * coloured_noise(400, 0, chance) * np.exp(-np.arange(400) / 60)
    return clicks


def _music(samples: int, chance: np.random.Generator) -> Samples:
    """Chords that change twice a second, each struck and dying away."""
    chords = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
    half = HEARD_RATE_HZ // 2
    tune = np.concatenate([_tones(half, chord, 0.3) * np.exp(-np.arange(half) / 5000) for chord in chords])
    music: Samples = np.resize(tune, samples) + 0.0005 * coloured_noise(samples, -1, chance)
    return music


def _breathing(samples: int, chance: np.random.Generator) -> Samples:
    """Air over a microphone, in and out every two seconds."""
    swell = np.square(np.sin(np.pi * 0.5 * _times(samples)))
    air: Samples = 0.05 * swell * coloured_noise(samples, -0.5, chance)
    return air


def _fan(samples: int, chance: np.random.Generator) -> Samples:
    return 0.05 * coloured_noise(samples, -1.5, chance) + _tones(samples, (120, 240, 361), 0.02)


def _knocks(samples: int, chance: np.random.Generator) -> Samples:
    """A table that is hit: low and short."""
    knocks = 0.0005 * coloured_noise(samples, -1, chance)
    for at in range(samples // 8, samples - 2400, HEARD_RATE_HZ * 2 // 3):
        knocks[at : at + 2400] += 0.5 * _tones(2400, (90, 140), 1.0) * np.exp(-np.arange(2400) / 300)
    return knocks


SOUNDS: Final[dict[str, Sound]] = {
    "silence": lambda samples, _chance: np.zeros(samples, dtype=np.float32),
    "dither": lambda samples, chance: np.round(chance.random(samples)).astype(np.float32) / 32768,
    "faint white noise": _noise(0.001, 0),
    "white noise": _noise(0.03, 0),
    "loud white noise": _noise(0.2, 0),
    "pink noise": _noise(0.03, -1),
    "loud pink noise": _noise(0.2, -1),
    "brown noise": _noise(0.1, -2),
    "mains hum": _hum,
    "a tone": lambda samples, _chance: _tones(samples, (440,), 0.3),
    "clicks": _clicks,
    "knocks": _knocks,
    "music": _music,
    "breathing": _breathing,
    "a fan": _fan,
}
