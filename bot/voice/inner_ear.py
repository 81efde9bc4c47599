"""How likely what everybody says is speech, found on the receiving thread, in one pass for all who speak at a time.

The event loop only decides what to do about it: a window costs most when each speaker's is looked at by itself, and the
loop has others to serve. Belongs to one thread.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bot.voice.endpointing import EndpointRule
from bot.voice.receive import Heard, Left, Silence, Sound
from bot.voice.receiving import Rest
from bot.voice.vad import Samples, SileroVad, Told
from config.audio import HEARD_RATE_HZ, VAD_WINDOW_SAMPLES

STEADY_PROBABILITY: Final = 0.98
"""From here a window is the middle of somebody's speech: nine in ten of a sentence are. Where it ends, Silero grows
unsure before it lets go, and packets are read sooner again (docs/performance.md, "What hearing costs")."""
BEGINNING_MS: Final = 160
"""For so long after a silence whoever makes a sound may be beginning to speak; Silero is sure of most by then."""
SOFT_PROBABILITY: Final = EndpointRule().soft_probability
SPEECH_PROBABILITY: Final = EndpointRule().speech_probability
FLOWING_WINDOWS: Final = 10
"""After so many windows of speech (0.3 s) an utterance is open and no pause is: more of them decide nothing, but that
it is cut when it grows too long."""
MOST_KEPT: Final = 4
"""Looks at the socket after which all sound is handed over: the first of it was kept back for 0.36 s at most."""
LONGEST_WAIT_MS: Final = max(wait_ms for _, wait_ms in EndpointRule().waits_ms)
LONGEST_SILENCE_MS: Final = 2_000
"""No utterance stays open for longer without a sound: what follows need not be looked at."""

MOST_AT_ONCE: Final = 8
"""Windows of each speaker in one pass, so that two seconds of silence of 25 people take no megabytes."""

_WINDOW_BYTES: Final = VAD_WINDOW_SAMPLES * 2
_BYTES_A_MS: Final = HEARD_RATE_HZ * 2 // 1000


@dataclass(slots=True)
class _Person:
    vad: SileroVad = field(default_factory=SileroVad)
    pending: bytearray = field(default_factory=bytearray)
    """Bytes that are not yet a window."""
    silent_ms: int = 0
    """Since their last sound."""
    sound_ms: int = 0
    """Since their last silence."""
    probability: float = 0.0
    """That their last window was speech."""
    probability_before: float = 0.0
    flowing: int = 0
    """Windows of speech since the last one that was none."""
    looked_at: int = 0
    """Windows in this look."""

    def told(self, probability: float) -> None:
        """Of their next window."""
        self.probability_before, self.probability = self.probability, probability
        self.flowing = self.flowing + 1 if probability >= SPEECH_PROBABILITY else 0
        self.looked_at += 1

    @property
    def was_flowing(self) -> bool:
        """Before this look and all through it, so that whatever began or went on was told of before."""
        return self.flowing - self.looked_at >= FLOWING_WINDOWS

    @property
    def may_be_beginning(self) -> bool:
        """The next window may make it a start."""
        is_rising = self.probability_before < SOFT_PROBABILITY <= self.probability
        return is_rising or self.sound_ms <= BEGINNING_MS

    def windows_with(self, pcm: bytes) -> list[bytes]:
        """The windows that ``pcm`` fills."""
        self.pending += pcm
        whole = len(self.pending) // _WINDOW_BYTES * _WINDOW_BYTES
        windows = [bytes(self.pending[at : at + _WINDOW_BYTES]) for at in range(0, whole, _WINDOW_BYTES)]
        del self.pending[:whole]
        return windows

    def skip(self, milliseconds: int) -> None:
        """Nobody will ask about these; the cut into windows goes on as if they had been looked at."""
        left = (len(self.pending) + milliseconds * _BYTES_A_MS) % _WINDOW_BYTES
        self.pending[:] = bytes(left)
        self.vad.reset()


class InnerEar:
    """Of one connection."""

    def __init__(self) -> None:
        self._people: dict[int, _Person] = {}
        self._kept: list[Heard] = []
        self._looks_kept = 0

    @property
    def rest(self) -> Rest:
        """How long what comes next may wait. Where all who make a sound are in the middle of speech, and nobody is in a
        pause, hardly anybody begins, pauses or ends in the next moment. Where nobody makes one, whatever comes next is
        a beginning."""
        audible = self._audible
        if not audible or any(person.may_be_beginning for person in audible):
            return Rest.NONE
        if any(0 < person.silent_ms <= LONGEST_WAIT_MS for person in self._people.values()):
            return Rest.SHORT
        is_steady = min(person.probability for person in audible) >= STEADY_PROBABILITY
        return Rest.LONG if is_steady else Rest.SHORT

    def listen(self, heard: list[Heard]) -> list[Heard]:
        """The same pieces in the same order, with the probabilities of the windows that each of them fills.

        While all who can be heard are in the middle of speech, they are kept back for a while and come out together:
        they decide nothing (only the cut of an utterance that is too long comes later), and waking the event loop costs
        more than what it does with them."""
        for person in self._people.values():
            person.looked_at = 0
        self._kept += self._told(heard)
        self._looks_kept += 1
        if self._looks_kept < MOST_KEPT and self._decides_nothing():
            return []
        kept, self._kept, self._looks_kept = self._kept, [], 0
        return kept

    @property
    def _audible(self) -> list[_Person]:
        return [person for person in self._people.values() if not person.silent_ms]

    def _decides_nothing(self) -> bool:
        is_sound_alone = all(isinstance(piece, Sound) for piece in self._kept)
        return is_sound_alone and all(person.was_flowing for person in self._audible)

    def _told(self, heard: list[Heard]) -> list[Heard]:
        ahead = [0 for _ in heard]
        found: list[list[float]] = [[] for _ in heard]
        waiting: dict[int, list[tuple[int, bytes]]] = {}
        for number, piece in enumerate(heard):
            if isinstance(piece, Left):
                # Whoever comes back in the same breath is somebody new, and what they said before is nobody's.
                self._people.pop(piece.user_id, None)
                waiting.pop(piece.user_id, None)
            else:
                ahead[number] = len(self._person(piece).pending)
                windows = self._windows_of(piece)
                waiting.setdefault(piece.user_id, []).extend((number, window) for window in windows)
        while waiting := {user_id: windows for user_id, windows in waiting.items() if windows}:
            self._look({user_id: windows[:MOST_AT_ONCE] for user_id, windows in waiting.items()}, found)
            waiting = {user_id: windows[MOST_AT_ONCE:] for user_id, windows in waiting.items()}
        for piece, probabilities in zip(heard, found, strict=True):
            if isinstance(piece, Silence):
                probabilities.append(0.0)  # of a window that was begun, where the rest is not looked at
        return [
            piece if isinstance(piece, Left) else piece._replace(told=Told(before, tuple(probabilities)))
            for piece, before, probabilities in zip(heard, ahead, found, strict=True)
        ]

    def _person(self, piece: Sound | Silence) -> _Person:
        person = self._people.get(piece.user_id)
        if person is None:
            person = self._people[piece.user_id] = _Person()
        return person

    def _windows_of(self, piece: Sound | Silence) -> list[bytes]:
        person = self._person(piece)
        if isinstance(piece, Sound):
            person.silent_ms = 0
            person.sound_ms += len(piece.pcm) // _BYTES_A_MS
            return person.windows_with(piece.pcm)
        looked_at = min(piece.milliseconds, max(LONGEST_SILENCE_MS - person.silent_ms, 0))
        person.silent_ms += piece.milliseconds
        person.sound_ms = 0
        windows = person.windows_with(bytes(looked_at * _BYTES_A_MS))
        if looked_at < piece.milliseconds:
            person.skip(piece.milliseconds - looked_at)
        return windows

    def _look(self, windows: dict[int, list[tuple[int, bytes]]], found: list[list[float]]) -> None:
        people = [self._people[user_id] for user_id in windows]
        stretches = [_samples(b"".join(window for _, window in of_one)) for of_one in windows.values()]
        told = SileroVad.of_all([person.vad for person in people], stretches)
        for person, of_one, probabilities in zip(people, windows.values(), told, strict=True):
            for (number, _), probability in zip(of_one, probabilities, strict=True):
                found[number].append(probability)
                person.told(probability)


def _samples(windows: bytes) -> Samples:
    """A window in each row."""
    samples = np.frombuffer(windows, "<i2").astype(np.float32)
    samples *= np.float32(1 / 32768)
    return samples.reshape(-1, VAD_WINDOW_SAMPLES)
