"""Ears that hear what a test wrote down, and sound for the real ones."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from bot.voice.hearing import AskTurn, Hearing

RATE_HZ = 16_000
FRAME_BYTES = 640


class ScriptedSpeech:
    """A SpeechProbability that says what it was told, window by window, then silence."""

    def __init__(self, probabilities: Iterable[float]) -> None:
        self._left = iter(probabilities)
        self.resets = 0

    def __call__(self, window: npt.NDArray[np.float32]) -> float:
        return next(self._left, 0.0)

    def reset(self) -> None:
        self.resets += 1


class ScriptedJudge:
    """A TurnJudge that gives these answers in order, the last one for ever."""

    def __init__(self, *answers: float) -> None:
        self._answers = list(answers)
        self.asked: list[bytes] = []

    def probability(self, pcm: bytes) -> float:
        self.asked.append(pcm)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def script(*stretches: tuple[int, float]) -> list[float]:
    """Probabilities of windows from (how many, probability) pairs."""
    return [probability for count, probability in stretches for _ in range(count)]


def to_pcm(sound: npt.NDArray[np.float32]) -> bytes:
    """Samples from -1 to 1 as 16 kHz mono int16."""
    samples: npt.NDArray[np.int16] = (np.clip(sound, -1, 1) * 32767).astype("<i2")
    return samples.tobytes()


def listen(
    hearing: Hearing,
    pcm: bytes,
    judge: ScriptedJudge | None = None,
    *,
    judge_frames: int = 4,
    frame_bytes: int = FRAME_BYTES,
) -> list[tuple[int, Any]]:
    """Feed ``pcm`` in frames, with the judge's answer so many frames after each question.

    What comes out, each with the number of samples heard by then."""
    heard: list[tuple[int, Any]] = []
    answers: list[tuple[int, int, float]] = []
    for frame, at in enumerate(range(0, len(pcm), frame_bytes)):
        actions: list[Any] = [*hearing.feed(pcm[at : at + frame_bytes])]
        for due, pause_id, probability in [answer for answer in answers if answer[0] <= frame]:
            answers.remove((due, pause_id, probability))
            actions += hearing.verdict(pause_id, probability)
        for action in actions:
            heard.append((min(at + frame_bytes, len(pcm)) // 2, action))
            if judge is not None and isinstance(action, AskTurn):
                answers.append((frame + judge_frames, action.pause_id, judge.probability(action.pcm)))
    return heard
