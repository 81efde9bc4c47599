"""What the benchmark says to Priya: everyday sentences from half a second to six, in two voices."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import soxr

from bot.local.wavs import HeardPcm
from config.audio import HEARD_RATE_HZ
from config.settings import Settings
from workers.engines import Synthesizer
from workers.registry import loader

SPOKEN: Final = (
    "Hello Priya.",
    "How are you today?",
    "What did you eat for lunch?",
    "I had a really long day at work.",
    "Do you like listening to old songs?",
    "My sister is getting married next month.",
    "Tell me something funny.",
    "I think I am going to fail my exam tomorrow.",
    "Can you help me choose a present for my mother?",
    "It has been raining here since early morning.",
    "Why are you laughing at me?",
    "I just watched a movie about a boy who wanted to fly.",
    "Good night, see you tomorrow.",
    "What would you do if you had one free day with no work at all?",
    "My friend did not call me back, and I feel a little sad about it.",
    "Okay.",
    "Let us plan a trip to the mountains in December.",
    "I learned how to cook rice today, and it was not even burnt.",
    "Who is your favourite singer?",
    "You always know what to say, how do you do that?",
)

TYPED: Final = (
    "hey", "kya kar rahi ho?", "I'm bored", "tell me a joke", "what's your favourite colour?",
    "mujhe neend nahi aa rahi", "my boss shouted at me today", "do you like cricket?", "good morning!", "ok",
)  # fmt: skip

PAUSE_SECONDS: Final = 0.3


def recordings(settings: Settings, count: int) -> Iterator[tuple[str, HeardPcm]]:
    """``count`` sentences as a microphone would bring them: a little silence, speech, no silence behind it."""
    voices: list[Synthesizer] = [
        loader("synthesize", name)(settings)  # type: ignore[misc]  # the registry keeps engines of all stages
        for name in ("hibari", "piper")
    ]
    for index in range(count):
        text = SPOKEN[index % len(SPOKEN)]
        speech = voices[index % len(voices)].synthesize(text, language="en")
        heard = soxr.resample(speech.pcm, speech.rate_hz, HEARD_RATE_HZ)
        lead = np.zeros(int(PAUSE_SECONDS * HEARD_RATE_HZ), np.float32)
        yield text, (np.clip(np.concatenate([lead, heard]), -1, 1) * 32767).astype(np.int16)
