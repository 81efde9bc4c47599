"""Which language an utterance is taken to be in, from the odds that Whisper gives each."""

from collections.abc import Mapping
from typing import Final

FALLBACK: Final = "en"
"""What a model that knows one language speaks, and what nothing at all is said to be in."""
EXPECTED: Final = ("en", "hi")
"""What people speak with Priya; Hinglish is heard as one of the two."""
SURELY: Final = 0.7
"""Odds from which another language is believed."""
SHORTEST_FOREIGN_SECONDS: Final = 1.5
"""Below it another language is never believed: "bye bye" alone is 0.9 of Chinese, "yes" 0.7 of Spanish."""
SAME_SPEECH: Final = {"ur": "hi"}
"""Everyday Urdu is Hindi in another script, which nobody here reads: both are written as Hindi."""
PHANTOMS: Final = frozenset(["br", "cy", "fo", "haw", "jw", "la", "mi", "nn", "sa", "yi"])
"""Languages that Whisper gives to what it can't place, and that nobody is expected to speak: an English voice reading
Hindi was 0.95 of Maori, one reading Spanish 0.75 of Latin."""

_CODES: Final = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy
id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa
sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh
"""
KNOWN: Final = frozenset(_CODES.split())
"""Whisper's languages."""


def choose(odds: Mapping[str, float], seconds: float) -> str:
    """The likeliest language of an utterance of ``seconds``, leaning towards the expected unless another is sure."""
    folded: dict[str, float] = {}
    for language, probability in odds.items():
        spoken = SAME_SPEECH.get(language, language)
        folded[spoken] = folded.get(spoken, 0.0) + probability
    likeliest = max(folded, key=lambda language: folded[language], default=FALLBACK)
    sure = folded.get(likeliest, 0.0) >= SURELY and seconds >= SHORTEST_FOREIGN_SECONDS
    if sure and likeliest not in PHANTOMS:
        return likeliest
    return max(EXPECTED, key=lambda language: folded.get(language, 0.0))
