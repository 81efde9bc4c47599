"""Which language an utterance is taken to be in, from the odds that Whisper gives each."""

from collections.abc import Mapping
from typing import Final

FALLBACK: Final = "en"
"""What a model that knows one language speaks, and what nothing at all is said to be in."""
EXPECTED: Final = ("en", "hi")
"""What people speak with Priya; Hinglish is heard as one of the two."""
SURELY: Final = 0.7
"""Odds from which another language is believed. Short words in English were given 0.4 to 0.74 of Spanish or
Greek by a badly cut base model; whole sentences in their own language get more than 0.9."""
SAME_SPEECH: Final = {"ur": "hi"}
"""Everyday Urdu is Hindi in another script, which nobody here reads: both are written as Hindi."""

_CODES: Final = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy
id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa
sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh
"""
KNOWN: Final = frozenset(_CODES.split())
"""Whisper's languages."""


def choose(odds: Mapping[str, float]) -> str:
    """The likeliest language, leaning towards those that are expected unless another is sure."""
    folded: dict[str, float] = {}
    for language, probability in odds.items():
        spoken = SAME_SPEECH.get(language, language)
        folded[spoken] = folded.get(spoken, 0.0) + probability
    likeliest = max(folded, key=lambda language: folded[language], default=FALLBACK)
    if folded.get(likeliest, 0.0) >= SURELY:
        return likeliest
    return max(EXPECTED, key=lambda language: folded.get(language, 0.0))
