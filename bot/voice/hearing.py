"""One speaker's ears: sound goes in, what to do about it comes out. No clock, no thread, no network.

The caller feeds what it hears and carries out the actions that come back; among them the question to the
judge of turns (bot/voice/smart_turn.py), which takes its time in a thread and is answered by ``verdict``.
Time is the sound that was fed. Where nothing arrives because the speaker's client sends nothing in
silence, the caller says so by ``feed_silence``, else an open utterance would never end.
"""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from bot.voice.endpointing import (
    Discarded,
    Endpointer,
    EndpointEvent,
    EndpointRule,
    EndReason,
    Paused,
    PauseHeld,
    Resumed,
    SpeechStarted,
    UtteranceEnded,
    VadWindow,
)
from bot.voice.mel import SECONDS as JUDGED_SECONDS
from bot.voice.vad import SpeechProbability, Told
from config.audio import HEARD_RATE_HZ, VAD_WINDOW_SAMPLES

_WINDOW_BYTES: Final = VAD_WINDOW_SAMPLES * 2
_SILENT_WINDOW: Final = bytes(_WINDOW_BYTES)
_JUDGED_SAMPLES: Final = JUDGED_SECONDS * HEARD_RATE_HZ


@dataclass(frozen=True, slots=True)
class StartSpeculation:
    """Transcribe this now: it may be all that is said. Replaces no other; at most one is running."""

    pause_id: int
    pcm: bytes
    """16 kHz mono int16, from before the first word to a little after the last."""
    speech_end_sample: int


@dataclass(frozen=True, slots=True)
class CancelSpeculation:
    """The speaker went on: nobody wants that transcription any more."""

    pause_id: int


@dataclass(frozen=True, slots=True)
class AskTurn:
    """Ask the judge, in a thread, and hand the answer to ``Hearing.verdict``."""

    pause_id: int
    pcm: bytes
    """The last 8 s of the utterance at most, with the pause so far."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The utterance is over: answer it."""

    pcm: bytes
    start_sample: int
    speech_end_sample: int
    """The last sample that held speech: what every latency is counted from."""
    endpoint_sample: int
    """What had been heard when the end was decided."""
    reason: EndReason
    pause_id: int | None
    """The speculation that transcribes exactly ``pcm``; None: it must be transcribed now."""


type HearingAction = SpeechStarted | StartSpeculation | CancelSpeculation | AskTurn | Commit | Discarded


class Hearing:
    """The ears for one speaker. Belongs to one thread at a time. Keeps 0.3 s of sound, or the open utterance."""

    def __init__(
        self, speech_probability: SpeechProbability, rule: EndpointRule | None = None, *, is_told: bool = False
    ) -> None:
        """``is_told``: whoever feeds it knows how likely most windows are speech (see bot/voice/inner_ear.py), and
        ``speech_probability`` is asked about the others only."""
        self._speech_probability = speech_probability
        self._is_told = is_told
        self._told: deque[float] = deque()
        """Of the windows to come."""
        self._endpointer = Endpointer(rule)
        self._pending = bytearray()
        """Bytes that are not yet a window."""
        self._kept: deque[bytes] = deque()
        """The windows from ``_kept_from`` (counted from the first one heard) until now."""
        self._kept_from = 0

    @property
    def is_open(self) -> bool:
        """Whether an utterance is open, so that silence must be fed when no sound arrives."""
        return self._endpointer.is_open

    @property
    def samples_heard(self) -> int:
        return self._endpointer.samples_fed

    def feed(self, pcm: bytes, told: Told | None = None) -> list[HearingAction]:
        """Hear more sound: 16 kHz mono int16, of any length."""
        return self._listen_to(told) + self._feed(pcm)

    def _listen_to(self, told: Told | None) -> list[HearingAction]:
        """Who tells may have begun before us: our windows must be theirs."""
        if told is None or not self._is_told:
            self._told.clear()
            return []
        missing = (told.ahead - len(self._pending)) % _WINDOW_BYTES
        actions = self._feed(bytes(missing))
        self._told = deque(told.probabilities)
        return actions

    def _feed(self, pcm: bytes) -> list[HearingAction]:
        self._pending += pcm
        whole = len(self._pending) // _WINDOW_BYTES * _WINDOW_BYTES
        if not whole:
            return []
        windows = bytes(self._pending[:whole])
        del self._pending[:whole]
        actions: list[HearingAction] = []
        for at in range(0, whole, _WINDOW_BYTES):
            actions += self._hear(windows[at : at + _WINDOW_BYTES])
        return actions

    def feed_silence(self, milliseconds: int, told: Told | None = None) -> list[HearingAction]:
        """Nothing arrived for so long. Costs nothing once no utterance is open."""
        left = milliseconds * HEARD_RATE_HZ // 1000 * 2
        actions = self._listen_to(told)
        while left > 0 and (self.is_open or self._pending):
            piece = min(left, _WINDOW_BYTES - len(self._pending))
            actions += self._feed(bytes(piece))
            left -= piece
        self._skip(left // _WINDOW_BYTES)
        self._pending += bytes(left % _WINDOW_BYTES)
        return actions

    def verdict(self, pause_id: int, probability: float) -> list[HearingAction]:
        """The judge's answer to ``AskTurn``. Answers that come too late do nothing."""
        return self._carry(self._endpointer.judge(probability, pause_id))

    def flush(self) -> list[HearingAction]:
        """No more will come: an open utterance ends here."""
        actions: list[HearingAction] = []
        if self._pending:
            actions += self.feed(bytes(_WINDOW_BYTES - len(self._pending)))
        return actions + self._carry(self._endpointer.flush())

    def _hear(self, window: bytes) -> list[HearingAction]:
        samples = np.frombuffer(window, "<i2").astype(np.float32) / np.float32(32768)
        self._kept.append(window)
        probability = self._told.popleft() if self._told else self._speech_probability(samples)
        heard = VadWindow(probability, float(samples @ samples))
        return self._carry(self._endpointer.feed(heard))

    def _skip(self, windows: int) -> None:
        if windows == 0:
            return
        self._endpointer.skip(windows)
        self._speech_probability.reset()
        self._kept.clear()
        self._kept_from = self.samples_heard // VAD_WINDOW_SAMPLES

    def _carry(self, events: list[EndpointEvent]) -> list[HearingAction]:
        actions = [action for event in events for action in self._actions(event)]
        needed_from = self._endpointer.needed_from_sample // VAD_WINDOW_SAMPLES
        while self._kept_from < needed_from and self._kept:
            self._kept.popleft()
            self._kept_from += 1
        return actions

    def _actions(self, event: EndpointEvent) -> list[HearingAction]:
        match event:
            case SpeechStarted() | Discarded():
                return [event]
            case Paused(pause_id, start, speech_end, end):
                return [StartSpeculation(pause_id, self._sound(start, end), speech_end)]
            case PauseHeld(pause_id, start):
                return [self._ask(pause_id, start)]
            case Resumed(pause_id):
                return [CancelSpeculation(pause_id)]
            case UtteranceEnded(start, speech_end, end, reason, pause_id):
                pcm = self._sound(start, end)
                return [Commit(pcm, start, speech_end, self.samples_heard, reason, pause_id)]

    def _ask(self, pause_id: int, start: int) -> AskTurn:
        now = self.samples_heard
        return AskTurn(pause_id, self._sound(max(start, now - _JUDGED_SAMPLES), now))

    def _sound(self, start_sample: int, end_sample: int) -> bytes:
        first = start_sample // VAD_WINDOW_SAMPLES - self._kept_from
        last = end_sample // VAD_WINDOW_SAMPLES - self._kept_from
        return b"".join(islice(self._kept, first, last))
