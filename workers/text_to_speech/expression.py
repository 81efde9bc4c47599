"""How an emotion sounds: one function from its point to what every engine can be told.

Directions are those in which people speak (Juslin and Laukka, Psychological Bulletin 129, 2003; Scherer, Speech
Communication 40, 2003): aroused speech is quicker, higher, louder and more varied; pleasant speech higher and livelier;
a speaker in control is louder and lower. Sizes are ours: the strongest emotions stay as easy to understand as everyday
speech (docs/emotions.md has the measurements). The origin gives no change at all, to the last bit.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

from config.emotions import Emotion

SLOWEST, QUICKEST = 0.8, 1.25
LOWEST_SEMITONES, HIGHEST_SEMITONES = -2.0, 2.2
"""A voice that is played quicker shifts its formants along: beyond two semitones it is somebody else's."""
SOFTEST_DB, LOUDEST_DB = -4.5, 3.5
"""Louder than that, the limiter would flatten it."""
FLATTEST, LIVELIEST = 0.65, 1.4

_STABILITY: Final = 0.5
"""ElevenLabs' own default."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """What an emotion does to a voice. As it stands here: nothing."""

    rate: float = 1.0
    """Times her usual speed."""
    pitch_semitones: float = 0.0
    energy_db: float = 0.0
    """On top of the gain that brings a voice to the common loudness."""
    intonation: float = 1.0
    """Times the usual distance of her melody from its middle, in semitones. For models that let it be set."""
    noise: float = 1.0
    """Times Piper's ``noise_scale``: how freely it draws each sound."""
    rhythm: float = 1.0
    """Times Piper's ``noise_w_scale``: how unevenly it draws their lengths."""
    stability: float = _STABILITY
    """ElevenLabs: 0 is broad and emotional, 1 monotonous."""
    style: float = 0.0
    """ElevenLabs: how much it overdoes the voice's style, 0 to 1."""
    temperature: float = 0.6
    """Sarvam's bulbul:v3: how freely it draws, 0.01 to 2; 0.6 is its own default."""
    tag: str = ""
    """What a model of speech that takes directions in words is told, without brackets."""

    @property
    def pitch_factor(self) -> float:
        """Times her usual pitch."""
        return float(2 ** (self.pitch_semitones / 12))

    @property
    def unpitched_rate(self) -> float:
        """How quickly a model speaks what is then played ``pitch_factor`` times as quickly: at ``rate`` all in all."""
        return self.rate / self.pitch_factor


UNMOVED: Final = Knobs()
"""Her everyday voice."""


@cache
def knobs(emotion: Emotion) -> Knobs:
    """Everything that any engine is told about ``emotion``."""
    valence, arousal, dominance = emotion.valence, emotion.arousal, emotion.dominance
    if not (valence or arousal or dominance):
        return Knobs(tag=emotion.tag) if emotion.tag else UNMOVED
    strength = min(1.0, math.hypot(valence, arousal, dominance))
    return Knobs(
        rate=_within(SLOWEST, math.exp(0.22 * arousal + 0.05 * valence), QUICKEST),
        pitch_semitones=_within(LOWEST_SEMITONES, 2 * arousal + valence - 0.8 * dominance, HIGHEST_SEMITONES),
        energy_db=_within(SOFTEST_DB, 3.5 * arousal + 1.5 * dominance, LOUDEST_DB),
        intonation=_within(FLATTEST, math.exp(0.4 * arousal + 0.25 * valence), LIVELIEST),
        noise=_within(0.7, math.exp(0.3 * arousal + 0.1 * valence), 1.3),
        rhythm=_within(0.8, math.exp(0.25 * arousal), 1.25),
        stability=_within(0.2, _STABILITY - 0.3 * arousal, 0.8),
        style=round(0.5 * strength, 2),
        temperature=_within(0.4, 0.6 + 0.3 * arousal, 0.9),
        tag=emotion.tag,
    )


def _within(least: float, value: float, most: float) -> float:
    return round(min(most, max(least, value)), 4)
