"""One turn as the person met it: what was heard and said, by whom, and how long each part took."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from bot.turns import Happening, Playable
from config.audio import FRAME_MS
from tasks.messages import Heard, ReplyEnded, Sentence, TurnDropped, TurnFailed, Words

TIMINGS: Final = ("endpoint", "transcribe", "first_token", "first_sentence", "first_audio", "total", "overhead")

REASONS: Final = {
    "late": "no answer came before the turn's deadline (REQUEST_TIMEOUT)",
    "cancelled": "the turn was cancelled",
    "nothing-heard": "there were no words in what was said",
}

type Interval = tuple[float, float]
"""Beginning and end, epoch seconds."""


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    index: int
    text: str
    milliseconds: int


@dataclass(slots=True)
class TurnReport:
    """Filled while the turn is followed. ``clock`` is epoch seconds, the one clock that workers share with us."""

    turn: str
    speech_ended_at: float
    """When the person had finished: the zero of all timings."""
    chosen_silence_seconds: float = 0.0
    """How long endpointing wanted to wait, in sound time, up to the end of the frame that decided."""
    clock: Callable[[], float] = time.time
    heard: str = ""
    language: str | None = None
    reply: str = ""
    sentences: dict[int, str] = field(default_factory=dict)
    segments: list[SpokenSegment] = field(default_factory=list)
    packets: list[bytes] = field(default_factory=list)
    engines: dict[str, str] = field(default_factory=dict)
    failure: TurnFailed | TurnDropped | None = None
    marks: dict[str, float] = field(default_factory=dict)
    model_intervals: list[Interval] = field(default_factory=list)
    """When a model that the first sound had to wait for was at work."""
    first_written_at: dict[str, float] = field(default_factory=dict)
    """When the language model had written its first words and its first sentence, by its worker's clock."""
    stages: dict[str, Interval] = field(default_factory=dict)
    """Model time of each stage up to the first sound, for pictures."""

    def mark(self, name: str) -> None:
        """The first time counts."""
        self.marks.setdefault(name, self.clock())

    def model_worked(self, stage: str, interval: Interval) -> None:
        self.stages.setdefault(stage, interval)
        self.model_intervals.append(interval)

    def take(self, happening: Happening) -> None:
        """Note one happening of the turn."""
        match happening:
            case Heard():
                # It may have been there before the speaker had finished, and before anyone followed the turn.
                self.marks.setdefault("transcribe", happening.work.model_ended_at)
                self.heard, self.language = happening.text, happening.language
                self.engines["transcribe"] = happening.work.engine
                self.model_worked("transcribe", (happening.work.model_started_at, happening.work.model_ended_at))
            case Words():
                self.mark("first_token")
                self.first_written_at.setdefault("words", happening.sent_at)
            case Sentence():
                self.mark("first_sentence")
                self.sentences[happening.index] = happening.text
                self.first_written_at.setdefault("sentence", happening.queued_at)
            case Playable():
                self._play(happening)
            case ReplyEnded():
                self.reply = happening.text
                self.engines["generate"] = happening.work.engine
                self.stages.setdefault("generate", (happening.work.model_started_at, happening.work.model_ended_at))
            case TurnFailed() | TurnDropped():
                self.failure = happening
        self.marks["total"] = self.clock()

    def _play(self, playable: Playable) -> None:
        if playable.packets:
            self.mark("first_audio")
        if playable.work is not None:
            self.engines.setdefault("synthesize", playable.work.engine)
            if not self.segments:
                self.model_worked("synthesize", (playable.work.model_started_at, playable.work.model_ended_at))
        self.packets += playable.packets
        text = self.sentences.get(playable.index, "")
        if playable.packets_before:
            self.segments.pop()
        milliseconds = (playable.packets_before + len(playable.packets)) * FRAME_MS
        self.segments.append(SpokenSegment(playable.index, text, milliseconds))

    def timings_ms(self) -> dict[str, float | None]:
        """Milliseconds from the end of speech; null for what did not happen."""
        timings: dict[str, float | None] = dict.fromkeys(TIMINGS)
        for name, at in self.marks.items():
            timings[name] = round((at - self.speech_ended_at) * 1000, 1)
        timings["overhead"] = self._overhead_ms()
        return timings

    def _overhead_ms(self) -> float | None:
        """What neither a model nor the chosen silence accounts for, up to the first sound (or first words)."""
        first_at = self.marks.get("first_audio", self.marks.get("first_token"))
        if first_at is None:
            return None
        begin = self.speech_ended_at + self.chosen_silence_seconds
        intervals = list(self.model_intervals)
        if "generate" in self.stages:
            written = "sentence" if self.segments else "words"
            intervals.append((self.stages["generate"][0], self.first_written_at.get(written, first_at)))
        return round((first_at - begin - covered_seconds(intervals, begin, first_at)) * 1000, 1)

    def to_json(self) -> dict[str, Any]:
        failure = self.failure
        return {
            "turn": self.turn,
            "heard": self.heard,
            "language": self.language,
            "reply": self.reply,
            "segments": [
                {"index": segment.index, "text": segment.text, "ms": segment.milliseconds} for segment in self.segments
            ],
            "engines": self.engines,
            "timings": self.timings_ms(),
            "failure": None
            if failure is None
            else {
                "stage": failure.stage,
                "code": failure.code if isinstance(failure, TurnFailed) else failure.reason,
                "detail": describe(failure),
            },
        }


def describe(failure: TurnFailed | TurnDropped) -> str:
    """Why there was no answer, for a person who looks at the screen."""
    if isinstance(failure, TurnFailed):
        return failure.detail
    return REASONS.get(failure.reason, failure.reason)


def covered_seconds(intervals: Iterable[Interval], begin: float, end: float) -> float:
    """How much of begin..end is covered by the intervals together."""
    covered = 0.0
    reached = begin
    for start, stop in sorted(intervals):
        first, last = max(start, reached), min(stop, end)
        if last > first:
            covered += last - first
            reached = last
    return covered
