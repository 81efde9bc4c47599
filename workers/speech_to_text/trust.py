"""Whether to believe what the decoder wrote: silence and noise say nothing, and loops are nobody's words."""

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

import numpy as np

from workers.engines import Pcm

if TYPE_CHECKING:
    from workers.speech_to_text.listener import Decoded

QUIETEST_RMS: Final = 1e-4


class Verdict(Enum):
    BELIEVED = auto()
    NOTHING = auto()
    LOOP = auto()


def may_hold_speech(speech: Pcm) -> bool:
    return bool(len(speech) and np.sqrt(np.mean(np.square(speech))) > QUIETEST_RMS)


def token_limit(seconds: float) -> int:
    return min(224, 16 + int(seconds * 12))


def judge(decoded: "Decoded", seconds: float) -> Verdict:
    if not decoded.text.strip():
        return Verdict.NOTHING
    if not decoded.ended:
        return Verdict.LOOP
    return Verdict.BELIEVED
