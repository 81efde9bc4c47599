"""Which language an utterance is taken to be in, from the odds that Whisper gives each."""

from collections.abc import Mapping
from typing import Final

FALLBACK: Final = "en"
"""What a model that knows one language speaks, and what nothing at all is said to be in."""


def choose(odds: Mapping[str, float]) -> str:
    return max(odds, key=lambda language: odds[language], default=FALLBACK)
