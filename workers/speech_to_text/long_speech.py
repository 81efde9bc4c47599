"""Speech longer than a Whisper's window: cut where nobody speaks, and what was heard of the pieces joined. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.audio import HEARD_RATE_HZ
from workers.engines import Pcm, Transcript
from workers.speech_to_text.cut import WINDOW_SECONDS

SHORTEST_SECONDS: Final = 20.0
LONGEST_SECONDS: Final = 28.0
"""Of a piece that is cut off. Between the two people breathe; longer pieces tell more of their language and context."""
PAUSE_SECONDS: Final = 0.3
"""Over which quiet is measured: longer than a stop consonant, shorter than a breath between sentences."""

_STEP: Final = HEARD_RATE_HZ // 100


@dataclass(frozen=True, slots=True)
class HeardPiece:
    seconds: float
    transcript: Transcript


def pieces(speech: Pcm) -> list[Pcm]:
    """``speech`` in order, none of it left out or twice: as it is if it fits into the window, else cut at the quietest
    places."""
    cut: list[Pcm] = []
    while len(speech) > WINDOW_SECONDS * HEARD_RATE_HZ:
        end = _quietest(speech, round(SHORTEST_SECONDS * HEARD_RATE_HZ), round(LONGEST_SECONDS * HEARD_RATE_HZ))
        cut.append(speech[:end])
        speech = speech[end:]
    return [*cut, speech]


def _quietest(speech: Pcm, first: int, last: int) -> int:
    """The middle of the quietest pause between two samples, of several equally quiet ones the latest."""
    steps = speech[first:last].reshape(-1, _STEP)
    energies = np.square(steps.astype(np.float64)).mean(axis=1)
    width = round(PAUSE_SECONDS * HEARD_RATE_HZ) // _STEP
    # No running sum: its rounding would tell equally quiet places apart.
    pauses = np.lib.stride_tricks.sliding_window_view(energies, width).sum(axis=1)
    latest = len(pauses) - 1 - int(np.argmin(pauses[::-1]))
    return first + latest * _STEP + width * _STEP // 2


def joined(heard: Sequence[HeardPiece]) -> Transcript:
    """One transcript of all pieces, one at least: in the language of the most seconds in which words were said, as sure
    as its pieces are on average over their time."""
    if len(heard) == 1:
        return heard[0].transcript
    with_words = [each for each in heard if each.transcript.text] or list(heard)
    seconds_of: dict[str, float] = {}
    for each in with_words:
        seconds_of[each.transcript.language] = seconds_of.get(each.transcript.language, 0.0) + each.seconds
    engines = dict.fromkeys(each.transcript.engine for each in with_words if each.transcript.engine)
    return Transcript(
        text=" ".join(each.transcript.text for each in with_words if each.transcript.text),
        language=max(seconds_of, key=lambda language: seconds_of[language]),
        confidence=sum(each.seconds * each.transcript.confidence for each in with_words)
        / sum(each.seconds for each in with_words),
        engine="+".join(engines),
    )
