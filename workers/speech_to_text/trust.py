"""Whether to believe what the decoder wrote: silence and noise say nothing, and loops are nobody's words."""

import re
import string
import zlib
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import numpy as np

from workers.engines import Pcm

QUIETEST_RMS: Final = 1e-4
MOST_TOKENS: Final = 224
"""Half of the decoder's context: Whisper's own limit for a window."""
WORST_COMPRESSION: Final = 2.4
"""Whisper's own bound: text that zlib makes smaller than this is a loop."""
LOOP_RUNS: Final = {1: 8, 2: 5, 3: 4, 4: 4}
"""So many times in a row is a loop, by the count of words that come again. Seven times "no" can be said."""
PUNCTUATION: Final = string.punctuation + "।…¿¡“”‘’–—"
SURE_LOGPROB: Final = -0.5
"""Words that the decoder was this sure of were said, whatever it thought of the sound before the first."""
UNSURE_LOGPROB: Final = -1.0
NO_SPEECH: Final = 0.665
"""Doubt (see ``doubt``) from which a sound is no speech. Measured: the shortest words under the loudest noise have at
most 0.65; noises have 0.75 to 1.14, and 0.68 on a processor without AVX-512, whose int8 differs a little."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder wrote, with what it thought of it."""

    text: str
    tokens: int
    """How many were written, the end of text not among them."""
    mean_logprob: float
    """Over the tokens and the end of text, as Whisper counts it."""
    no_speech: float
    """Probability of the token for "no speech" where the transcript begins."""
    ended: bool
    """Whether the decoder stopped by itself rather than at the limit."""


class Verdict(Enum):
    BELIEVED = auto()
    NOTHING = auto()
    """Nobody said anything."""
    DOUBTED = auto()
    """Hear it again, uncut."""


def may_hold_speech(speech: Pcm) -> bool:
    """Whether it is worth asking the model: digital silence and dither hold no word."""
    return bool(len(speech) and np.sqrt(np.mean(np.square(speech))) > QUIETEST_RMS)


def token_limit(seconds: float) -> int:
    """Devanagari takes up to two tokens a letter, fast speech has 15 letters a second."""
    return min(MOST_TOKENS, 24 + int(seconds * 30))


def judge(decoded: Decoded, *, last: bool) -> Verdict:
    """What is thought of a transcript. No phrase is distrusted for itself: people do say "thank you for watching".
    ``last``: there is no other way to hear it, so doubt means nothing was said."""
    if not re.search(r"\w", decoded.text):
        return Verdict.NOTHING
    if not decoded.ended or is_loop(decoded.text) or (repeats(decoded.text) and not last):
        return Verdict.NOTHING if last else Verdict.DOUBTED
    if doubt(decoded) > NO_SPEECH and decoded.mean_logprob < SURE_LOGPROB:
        return Verdict.NOTHING
    return Verdict.BELIEVED


def doubt(decoded: Decoded) -> float:
    """How little it sounds like speech: the odds of no speech, and more for every nat below an unsure mean."""
    return decoded.no_speech + 0.2 * max(0.0, UNSURE_LOGPROB - decoded.mean_logprob)


def is_loop(text: str) -> bool:
    """Whether no person talks like this: text that compresses too well, or a few words over and over."""
    encoded = text.encode()
    if len(encoded) / len(zlib.compress(encoded)) > WORST_COMPRESSION:
        return True
    words = _words(text)
    return any(_longest_run(words, length) >= times for length, times in LOOP_RUNS.items())


def _longest_run(words: list[str], length: int) -> int:
    """How often in a row some ``length`` words are said."""
    longest = matching = 0
    for index in range(length, len(words)):
        matching = matching + 1 if words[index] == words[index - length] else 0
        longest = max(longest, matching)
    return longest // length + 1


def repeats(text: str) -> bool:
    """Whether the whole text is one word at least three times, or several words at least twice (the last time
    may be cut off). People do say so, and a cut encoder sometimes makes it so: worth hearing again."""
    words = _words(text)
    for length in range(1, len(words) // 2 + 1):
        if all(words[index] == words[index % length] for index in range(len(words))):
            return len(words) >= 3 * length or length >= 2
    return False


def _words(text: str) -> list[str]:
    # Not by letters: a vowel sign of Devanagari counts as none.
    bare = (word.strip(PUNCTUATION) for word in text.lower().split())
    return [word for word in bare if word]
