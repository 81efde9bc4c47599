"""A voice that needs no model: one tone a character, at once and always the same."""

import numpy as np

from config.emotions import NEUTRAL, Emotion
from workers.engines import Speech


class ToneSynthesizer:
    """A Synthesizer for tests of everything but voices. Each letter or digit is 60 ms of a tone whose pitch
    is the character's; anything else is a pause, and a sentence without any is no sound."""

    def __init__(self, name: str = "tone", rate_hz: int = 16_000) -> None:
        self._name = name
        self._rate_hz = rate_hz
        self.spoken: list[tuple[str, str]] = []
        """Every sentence asked for, with its language."""

    @property
    def name(self) -> str:
        return self._name

    def synthesize(self, sentence: str, *, language: str, emotion: Emotion = NEUTRAL) -> Speech:
        self.spoken.append((sentence, language))
        if not any(character.isalnum() for character in sentence):
            return Speech(np.empty(0, np.float32), self._rate_hz)
        tones = [self._tone(character) for character in sentence.strip()]
        return Speech(np.concatenate(tones), self._rate_hz)

    def _tone(self, character: str) -> np.ndarray:
        times = np.arange(self._rate_hz * 60 // 1000) / self._rate_hz
        if not character.isalnum():
            return np.zeros(len(times), np.float32)
        pitch_hz = 200 + ord(character) % 64 * 10
        return (0.15 * np.sin(2 * np.pi * pitch_hz * times)).astype(np.float32)
