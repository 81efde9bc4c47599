"""Speak one sentence with a provider's voice: what all of them have in common.

The sentence is made sayable and cut to what the provider takes at once; what comes back is brought to the loudness of
all other voices, trimmed and joined. How a provider is asked is its own module's affair. Belongs to the cloud's event
loop; work on the samples is done in a thread, so that other streams go on meanwhile.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx2 as httpx
import numpy as np

from config.emotions import NEUTRAL, Emotion
from config.providers import Access, SpeakProvider
from workers.engines import Pcm, Speech
from workers.errors import EngineUnavailable
from workers.text_to_speech.edges import joined, trimmed
from workers.text_to_speech.expression import UNMOVED, Knobs, knobs
from workers.text_to_speech.learned_gain import LearnedGain
from workers.text_to_speech.loudness import limited
from workers.text_to_speech.tongue import tongue
from workers.text_to_speech.wording import pieces, sayable


@dataclass(frozen=True, slots=True)
class Line:
    """What a provider is asked to say."""

    text: str
    """Sayable, and no longer than the provider takes at once."""
    language: str
    """One of those that the provider has, ISO 639-1."""
    knobs: Knobs = UNMOVED
    """How it is to sound."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What it said: its own loudness, its own silences."""

    pcm: Pcm
    rate_hz: int


class VoiceDialect(Protocol):
    """One way of asking for speech. Belongs to the cloud's event loop, keeps nothing between calls."""

    @property
    def longest_text(self) -> int:
        """Characters that may be asked for at once."""
        ...

    @property
    def scripts(self) -> Mapping[str, str]:
        """The scripts that it reads besides Latin, by the first word of their Unicode names, and in which language."""
        ...

    @property
    def acts_loudness(self) -> bool:
        """Whether a moved voice comes louder or softer by itself."""
        ...

    async def say(self, client: httpx.AsyncClient, access: Access[SpeakProvider], line: Line) -> Sound:
        """All of it. Cancelling closes the socket. Raises EngineError."""
        ...


class CloudVoice:
    """One provider's voice. Keeps only how loud it usually is. Belongs to the cloud's event loop."""

    def __init__(self, dialect: VoiceDialect, access: Access[SpeakProvider]) -> None:
        self._dialect = dialect
        self._access = access
        self._gain = LearnedGain()

    @property
    def name(self) -> str:
        return self._access.row.name

    async def speak(
        self, client: httpx.AsyncClient, sentence: str, *, language: str, emotion: Emotion = NEUTRAL
    ) -> Speech:
        """Trimmed, at the common loudness and limited, as a local voice gives it. ``language`` is the speaker's; the
        letters of ``sentence`` say more. Text with nothing to say gives no samples and asks nobody.

        Raises EngineError, and never gives half a sentence."""
        spoken = tongue(sentence, language, self._dialect.scripts)
        text = sayable(sentence, spoken)
        if not text:
            return Speech(np.empty(0, np.float32), 48_000, self.name)
        moved = knobs(emotion)
        sounds = [
            await self._dialect.say(client, self._access, Line(piece, spoken, moved))
            for piece in pieces(text, self._dialect.longest_text)
        ]
        if len({sound.rate_hz for sound in sounds}) > 1:
            raise EngineUnavailable(self.name, "changed its sampling rate in the middle of a sentence")
        energy_db = 0.0 if self._dialect.acts_loudness else moved.energy_db
        return await asyncio.to_thread(self._finished, sounds, energy_db)

    def _finished(self, sounds: list[Sound], energy_db: float) -> Speech:
        rate_hz = sounds[0].rate_hz
        usual = self._gain.learn(np.concatenate([sound.pcm for sound in sounds]), rate_hz)
        gain = np.float32(usual * 10 ** (energy_db / 20))
        parts = [trimmed(sound.pcm * gain, rate_hz) for sound in sounds]
        if not all(part.size for part in parts):
            raise EngineUnavailable(self.name, "made no sound")
        return Speech(limited(joined(parts, rate_hz), rate_hz), rate_hz, self.name)
