"""Whether to believe what the decoder wrote: silence and noise say nothing, and loops are nobody's words."""

import re
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
SURE_LOGPROB: Final = -0.8
NO_SPEECH: Final = 0.6


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
    DOUBTED = auto()


def may_hold_speech(speech: Pcm) -> bool:
    return bool(len(speech) and np.sqrt(np.mean(np.square(speech))) > QUIETEST_RMS)


def token_limit(seconds: float) -> int:
    """Devanagari takes up to two tokens a letter, fast speech has 15 letters a second."""
    return min(MOST_TOKENS, 24 + int(seconds * 30))


def judge(decoded: Decoded, *, last: bool) -> Verdict:
    """``last``: there is no other way to hear it, so doubt means nothing was said."""
    if not re.search(r"\w", decoded.text):
        return Verdict.NOTHING
    if not decoded.ended or is_loop(decoded.text) or (repeats(decoded.text) and not last):
        return Verdict.NOTHING if last else Verdict.DOUBTED
    return Verdict.BELIEVED


def is_loop(text: str) -> bool:
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded)) > WORST_COMPRESSION


def repeats(text: str) -> bool:
    """Whether the text is one thing said three times, or one longer thing twice."""
    words = re.findall(r"\w+", text.lower())
    for length in range(1, len(words) // 2 + 1):
        if all(words[index] == words[index % length] for index in range(len(words))):
            return len(words) >= 3 * length or length >= 2
    return False
