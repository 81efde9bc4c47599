"""Decide when a speaker has begun, paused and finished. Knows no clock, no thread, no model and no sound.

Time is the number of samples fed, in windows of 32 ms. What the judge of turns (smart-turn) thinks of a
pause comes in by ``judge``, later than it was asked for. How the numbers were found: docs/endpointing.md.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

from config.audio import HEARD_RATE_HZ, VAD_WINDOW_SAMPLES

WINDOW_MS: Final = VAD_WINDOW_SAMPLES * 1000 // HEARD_RATE_HZ

EndReason = Literal["turn-complete", "silence", "too-long", "stream-ended"]


@dataclass(frozen=True, slots=True)
class EndpointRule:
    """All in milliseconds of sound (used in whole windows of 32 ms, rounded up) or in probabilities."""

    speech_probability: float = 0.5
    """From here a window is speech (Silero's own default)."""
    silence_probability: float = 0.35
    """Below here it is silence again; between the two it is what the window before was."""
    start_probability: float = 0.6
    """From here a window may be the beginning of speech ..."""
    start_together: float = 0.75
    """... and is, from here in the sum with the window before it: one that Silero is sure of, or two that it is not.
    Decides how soon a barge-in is noticed."""
    resume_ms: int = 64
    """Speech this long ends a pause of which the judge was asked: one window alone is the burst of a last "t" or "k".
    A shorter pause was the gap before it, and is over."""
    preroll_ms: int = 256
    """Kept from before the start, so that a soft first consonant is not lost."""
    tail_ms: int = 96
    """Kept at most after the end of speech, of which Silero lets go 60 to 100 ms late: Whisper drops the last word of
    sound that stops dead. What is speculated on has ``pause_ms`` of it."""
    min_speech_ms: int = 250
    """Less speech than this in all is a cough or a click."""
    discard_ms: int = 320
    """Silence after so short a speech, until it is given up."""
    pause_ms: int = 32
    """Silence after which transcription starts on speculation. A sentence has hardly a gap that is this long and
    not twice as long (docs/endpointing.md), so it starts in vain as rarely as it would later."""
    judge_ms: int = 64
    """Silence after which the judge is asked. Asked once: the longer the silence it hears, the surer it is of every
    end, the wrong ones too."""
    waits_ms: tuple[tuple[float, int], ...] = ((0.97, 224), (0.8, 352), (0.4, 544), (0.1, 704), (0.0, 1100))
    """From which probability of the judge, falling, how much silence ends the utterance. The first is over
    before the transcript is there, so it costs nothing; people who search for a word take about a second."""
    unjudged_ms: int = 640
    """The same without any judge, or until its answer is here."""
    complete_probability: float = 0.5
    """From here the end is called the judge's, below it that of the silence."""
    max_utterance_ms: int = 30_000
    """What Whisper can take at once. Longer speech is cut, and goes on in the next utterance."""
    cut_search_ms: int = 4000
    """A cut is made at the quietest place this near to the limit."""

    @property
    def soft_probability(self) -> float:
        """From here a window makes the next one a start that would not be one alone."""
        return self.start_together - self.start_probability

    def wait_ms(self, verdict: float | None) -> int:
        """Silence that ends an utterance of which the judge thinks so."""
        if verdict is None:
            return self.unjudged_ms
        return next((wait for floor, wait in self.waits_ms if verdict >= floor), self.waits_ms[-1][1])


@dataclass(frozen=True, slots=True)
class VadWindow:
    """512 samples of one speaker, as far as endpointing cares."""

    probability: float
    """That it is speech, 0 to 1."""
    loudness: float = 0.0
    """Any measure that grows with it; only compared, to find a quiet place for a cut."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody speaks. Told one window after ``speech_sample``, or two where it began softly."""

    start_sample: int
    """Where the utterance begins, pre-roll included."""
    speech_sample: int
    continues: bool = False
    """The utterance before was cut only because it was too long."""


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause that may be the end: transcribe now, on speculation."""

    pause_id: int
    start_sample: int
    speech_end_sample: int
    end_sample: int
    """What to transcribe ends here: what there is of the tail by now."""


@dataclass(frozen=True, slots=True)
class PauseHeld:
    """The pause goes on: ask the judge now."""

    pause_id: int
    start_sample: int
    """Where the utterance began."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The speaker went on: what was speculated for this pause is void."""

    pause_id: int


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    start_sample: int
    speech_end_sample: int
    end_sample: int
    reason: EndReason
    pause_id: int | None
    """The pause whose speculation covers exactly this utterance, if there is one."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """What had started was too short to be speech."""

    start_sample: int


type EndpointEvent = SpeechStarted | Paused | PauseHeld | Resumed | UtteranceEnded | Discarded


def _windows(milliseconds: int) -> int:
    return -(-milliseconds // WINDOW_MS)


@dataclass(slots=True)
class _Open:
    """The utterance that is being spoken. All counts are windows since the stream began."""

    start: int
    speech_end: int
    """After the last window of speech."""
    speech_windows: int
    pause_id: int | None = None
    is_held: bool = False
    """The judge was asked about the pause."""
    verdict: float | None = None
    returning: int = 0
    """Windows of speech at the end of a pause, not yet enough to end it."""


class Endpointer:
    """One speaker's state. Feed every window in order, from one thread."""

    def __init__(self, rule: EndpointRule | None = None) -> None:
        self._rule = rule or EndpointRule()
        self._now = 0
        """Windows fed."""
        self._is_speech = False
        self._probability_before = 0.0
        """Of the last window, while nobody speaks."""
        self._open: _Open | None = None
        self._not_before = 0
        """Where the last utterance ended: pre-roll must not repeat it."""
        self._pauses = 0
        self._recent: deque[VadWindow] = deque(maxlen=_windows(self._rule.cut_search_ms))

    @property
    def samples_fed(self) -> int:
        return self._now * VAD_WINDOW_SAMPLES

    @property
    def is_open(self) -> bool:
        """Whether somebody speaks, or is in a pause that may not be the end."""
        return self._open is not None or self._probability_before >= self._rule.soft_probability

    @property
    def needed_from_sample(self) -> int:
        """Sound before this will never be asked for again."""
        if self._open is not None:
            return self._open.start * VAD_WINDOW_SAMPLES
        return self._preroll_from(self._now - 1) * VAD_WINDOW_SAMPLES

    def feed(self, window: VadWindow) -> list[EndpointEvent]:
        """What one more window of 32 ms tells us, in order."""
        rule = self._rule
        floor = rule.silence_probability if self._is_speech else rule.speech_probability
        self._is_speech = window.probability >= floor
        self._now += 1
        self._recent.append(window)
        if self._open is None:
            return self._listen(window)
        events = self._speak(self._open) if self._is_speech else self._stay_silent(self._open)
        return events + self._cut_when_too_long()

    def judge(self, probability: float, pause_id: int) -> list[EndpointEvent]:
        """The judge's answer about a pause. One about a pause that is over is ignored."""
        utterance = self._open
        if utterance is None or utterance.pause_id != pause_id:
            return []
        utterance.verdict = probability
        return [] if self._is_speech else self._end_when_due(utterance)

    def skip(self, windows: int) -> None:
        """Let time pass in which nothing was heard. Only between utterances (see ``is_open``)."""
        if self.is_open:
            raise ValueError("time can't be skipped inside an utterance")
        self._now += windows
        self._not_before = self._now
        self._is_speech, self._probability_before = False, 0.0
        self._recent.clear()

    def flush(self) -> list[EndpointEvent]:
        """The stream ended: so does an open utterance."""
        utterance, self._probability_before = self._open, 0.0
        if utterance is None:
            return []
        if utterance.speech_windows < _windows(self._rule.min_speech_ms):
            return [self._discard(utterance)]
        return [self._end(utterance, "stream-ended")]

    # Silence, until there is speech.

    def _listen(self, window: VadWindow) -> list[EndpointEvent]:
        rule, before = self._rule, self._probability_before
        self._probability_before = window.probability
        if window.probability < rule.start_probability or before + window.probability < rule.start_together:
            return []
        windows = 2 if before >= rule.soft_probability else 1
        speech_from = self._now - windows
        start = self._preroll_from(speech_from)
        self._open = _Open(start, speech_end=self._now, speech_windows=windows)
        self._probability_before, self._is_speech = 0.0, True
        return [SpeechStarted(start * VAD_WINDOW_SAMPLES, speech_from * VAD_WINDOW_SAMPLES)]

    def _preroll_from(self, speech_from: int) -> int:
        return max(speech_from - _windows(self._rule.preroll_ms), self._not_before, 0)

    # Speech, until there is silence.

    def _speak(self, utterance: _Open) -> list[EndpointEvent]:
        if utterance.pause_id is not None:
            utterance.returning += 1
            if utterance.is_held and utterance.returning < _windows(self._rule.resume_ms):
                return []
        utterance.speech_windows += max(utterance.returning, 1)
        utterance.speech_end = self._now
        utterance.returning = 0
        return self._resume(utterance)

    def _resume(self, utterance: _Open) -> list[EndpointEvent]:
        """Void the pause, if there is one."""
        if utterance.pause_id is None:
            return []
        resumed = Resumed(utterance.pause_id)
        utterance.pause_id, utterance.is_held, utterance.verdict = None, False, None
        return [resumed]

    def _stay_silent(self, utterance: _Open) -> list[EndpointEvent]:
        rule = self._rule
        utterance.returning = 0
        silence = self._now - utterance.speech_end
        if utterance.speech_windows < _windows(rule.min_speech_ms):
            return [self._discard(utterance)] if silence >= _windows(rule.discard_ms) else []
        events: list[EndpointEvent] = []
        if utterance.pause_id is None and silence >= _windows(rule.pause_ms):
            events.append(self._pause(utterance))
        if utterance.pause_id is None or silence < _windows(rule.judge_ms):
            return events
        if not utterance.is_held:
            utterance.is_held = True
            return [*events, PauseHeld(utterance.pause_id, utterance.start * VAD_WINDOW_SAMPLES)]
        return self._end_when_due(utterance)

    def _pause(self, utterance: _Open) -> Paused:
        self._pauses += 1
        utterance.pause_id = self._pauses
        return Paused(
            self._pauses,
            utterance.start * VAD_WINDOW_SAMPLES,
            utterance.speech_end * VAD_WINDOW_SAMPLES,
            self._clip_end(utterance) * VAD_WINDOW_SAMPLES,
        )

    def _clip_end(self, utterance: _Open) -> int:
        return min(utterance.speech_end + _windows(self._rule.tail_ms), self._now)

    # The end.

    def _end_when_due(self, utterance: _Open) -> list[EndpointEvent]:
        rule, verdict = self._rule, utterance.verdict
        if self._now - utterance.speech_end < _windows(rule.wait_ms(verdict)):
            return []
        is_complete = verdict is not None and verdict >= rule.complete_probability
        return [self._end(utterance, "turn-complete" if is_complete else "silence")]

    def _end(self, utterance: _Open, reason: EndReason) -> UtteranceEnded:
        end = self._clip_end(utterance)
        self._close(end)
        return UtteranceEnded(
            utterance.start * VAD_WINDOW_SAMPLES,
            utterance.speech_end * VAD_WINDOW_SAMPLES,
            end * VAD_WINDOW_SAMPLES,
            reason,
            utterance.pause_id,
        )

    def _discard(self, utterance: _Open) -> Discarded:
        self._close(utterance.speech_end)
        return Discarded(utterance.start * VAD_WINDOW_SAMPLES)

    def _close(self, end: int) -> None:
        self._open, self._not_before = None, end
        self._probability_before, self._is_speech = 0.0, False

    def _cut_when_too_long(self) -> list[EndpointEvent]:
        utterance = self._open
        if utterance is None or self._now - utterance.start < self._rule.max_utterance_ms // WINDOW_MS:
            return []
        if utterance.is_held:
            return [self._end(utterance, "too-long")]
        void = self._resume(utterance)
        cut = self._quietest_window(utterance.start)
        ended = UtteranceEnded(
            utterance.start * VAD_WINDOW_SAMPLES,
            cut * VAD_WINDOW_SAMPLES,
            cut * VAD_WINDOW_SAMPLES,
            "too-long",
            None,
        )
        utterance.start = cut
        utterance.speech_end = max(utterance.speech_end, cut)
        utterance.speech_windows = min(utterance.speech_windows, self._now - cut)
        return [*void, ended, SpeechStarted(cut * VAD_WINDOW_SAMPLES, cut * VAD_WINDOW_SAMPLES, continues=True)]

    def _quietest_window(self, start: int) -> int:
        """Where to cut: the middle of the quietest three windows of the last seconds."""
        recent = list(self._recent)[-(self._now - start) + 1 :]
        first = self._now - len(recent)
        sums = [(sum(window.loudness for window in recent[at : at + 3]), at) for at in range(max(len(recent) - 2, 1))]
        return first + min(sums)[1] + 1
