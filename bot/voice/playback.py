"""Her mouth: Opus packets go out one every 20 ms, in order, and it is known how much of them was really said.

Packets are sent as the synthesis worker made them. The player decides and keeps time (bot/voice/sending.py gives it a
thread and a clock); what it says is a ``Speech``: one reply, fed with its segments as they are made.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from bot.turns import Playable
from bot.voice.rtp import SILENCE
from config.audio import FRAME_MS

FRAME_SECONDS: Final = FRAME_MS / 1000
TRAILING_FRAMES: Final = 5
"""Silence after the last word, so that the listeners' decoders don't guess at more of it. Discord's own rule."""
LONGEST_UNDERRUN_FRAMES: Final = 500
"""10 s of silence while the next segment is waited for; after that nothing is sent until it comes."""
MOST_BEHIND_SECONDS: Final = 0.1
"""Later than this, time is lost, not caught up: a burst would only overflow the listeners' buffers."""


class Wire(Protocol):
    """Where packets go: one voice connection. Called by the sending thread."""

    def is_ready(self) -> bool:
        """Whether what is sent now would be heard."""

    def send(self, packet: bytes, skipped_frames: int) -> None:
        """Send one packet, ``skipped_frames`` times 20 ms after the end of the last one. Must not raise."""

    def announce(self, is_speaking: bool) -> None:
        """Light up, or put out, the ring around her picture. Must not block."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reply was said."""

    index: int
    """The segment that is being said, or was said last."""
    milliseconds: int
    """Of that segment."""


class Speech:
    """One reply as it is said. Any thread may call any of this."""

    def __init__(self, name: str, player: "Player") -> None:
        self.name: Final = name
        """The turn's id."""
        self._player = player
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._sent_frames: dict[int, int] = {}
        self._at = 0
        self.is_whole = False
        """No more segments will come."""
        self.is_paused = False
        self.underruns = 0
        """How often there was nothing to say in the middle of a reply."""

    def add(self, playable: Playable) -> None:
        """The next segment, or part of one. Segments come in the order of their index."""
        with self._player.changed:
            self._waiting.extend((playable.index, packet) for packet in playable.packets)
            self._sent_frames.setdefault(playable.index, 0)
            self._player.changed.notify()

    def finish(self) -> None:
        """No more will come: the reply ends with its last packet."""
        with self._player.changed:
            self.is_whole = True
            self._player.changed.notify()

    @property
    def position(self) -> Position:
        with self._player.changed:
            return Position(self._at, self._sent_frames.get(self._at, 0) * FRAME_MS)

    @property
    def sent_ms(self) -> dict[int, int]:
        """How much of each segment was sent, by its index."""
        with self._player.changed:
            return {index: frames * FRAME_MS for index, frames in self._sent_frames.items()}

    @property
    def is_said(self) -> bool:
        """All of it was, to its last packet; else it was stopped."""
        with self._player.changed:
            return self.is_whole and not self._waiting

    @property
    def waiting_ms(self) -> int:
        """How much is there to be said still."""
        with self._player.changed:
            return len(self._waiting) * FRAME_MS

    def take(self) -> bytes | None:
        """The next packet, which is then sent. For the player."""
        if not self._waiting:
            return None
        self._at, packet = self._waiting.popleft()
        self._sent_frames[self._at] += 1
        return packet


class Player:
    """Says one reply at a time. ``step`` belongs to the sending thread, the rest to whoever decides.

    ``ended`` is told, on the sending thread, of every speech that was said to its end or was stopped.
    """

    def __init__(self, wire: Wire, ended: Callable[[Speech], None]) -> None:
        self.changed: Final = threading.Condition(threading.RLock())
        """Guards everything here; notified when there may be something to do."""
        self.is_speaking = False
        """As it was announced."""
        self._wire = wire
        self._ended = ended
        self._speech: Speech | None = None
        self._over: list[Speech] = []
        self._trailing = 0
        self._underrun = 0
        self._due: float | None = None
        self._last_sent_due: float | None = None

    @property
    def speech(self) -> Speech | None:
        """What is being said, or is paused."""
        return self._speech

    def start(self, name: str) -> Speech:
        """Begin a reply; what was being said ends here."""
        with self.changed:
            self._drop()
            self._speech = Speech(name, self)
            self._underrun = 0
            self.changed.notify()
            return self._speech

    def pause(self) -> Position | None:
        """Be silent from the next frame on, at most 20 ms away; nothing is lost."""
        with self.changed:
            if self._speech is None:
                return None
            self._speech.is_paused = True
            self.changed.notify()
            return self._speech.position

    def resume(self) -> None:
        """Go on with the very next packet."""
        with self.changed:
            if self._speech is not None:
                self._speech.is_paused = False
                self.changed.notify()

    def stop(self) -> Speech | None:
        """End the reply for good, as quickly as ``pause``: what was said of it stays readable."""
        with self.changed:
            speech = self._drop()
            self.changed.notify()
            return speech

    def clear_throat(self) -> None:
        """A few frames of silence: some servers let others be heard only when one has spoken oneself."""
        with self.changed:
            self._trailing = TRAILING_FRAMES
            self.changed.notify()

    def step(self, now: float) -> float | None:
        """Send what is due. When to come again (same clock, seconds), or None: when ``changed`` is notified."""
        with self.changed:
            over, self._over = self._over, []
            due = self._step(now)
        for speech in over:
            self._ended(speech)
        return now if self._over else due

    def _step(self, now: float) -> float | None:
        if not self._has_work():
            self._due = None
            return None
        if self._due is None or now - self._due > MOST_BEHIND_SECONDS:
            self._due = now
        if now < self._due:
            return self._due
        if not self._wire.is_ready():
            self._due = None
            return now + FRAME_SECONDS
        packet = self._next()
        if packet is not None:
            self._send(packet, self._due)
        elif self.is_speaking and not self._trailing:
            self._tell(is_speaking=False)
        self._due += FRAME_SECONDS
        return self._due

    def _send(self, packet: bytes, due: float) -> None:
        if not self.is_speaking:
            self._tell(is_speaking=True)
        gap = 0.0 if self._last_sent_due is None else due - self._last_sent_due
        self._last_sent_due = due
        self._wire.send(packet, max(round(gap / FRAME_SECONDS) - 1, 0))

    def _next(self) -> bytes | None:
        speech = self._speech
        if speech is not None and not speech.is_paused:
            packet = speech.take()
            if packet is not None:
                self._trailing, self._underrun = TRAILING_FRAMES, 0
                return packet
            if speech.is_whole:
                self._drop()
            elif self._is_bridging(speech):
                return SILENCE
        if self._trailing:
            self._trailing -= 1
            return SILENCE
        return None

    def _is_bridging(self, speech: Speech) -> bool:
        """Whether to fill the time until the next segment. Before the first word there is nothing to bridge."""
        if speech.position.milliseconds == 0:
            return False
        speech.underruns += self._underrun == 0
        self._underrun += 1
        return self._underrun <= LONGEST_UNDERRUN_FRAMES

    @property
    def is_idle(self) -> bool:
        """Nothing to do until ``changed`` is notified."""
        with self.changed:
            return not (self._has_work() or self._over)

    def _has_work(self) -> bool:
        can_go_on = self._speech is not None and not self._speech.is_paused
        return bool(can_go_on or self._trailing or self.is_speaking)

    def _drop(self) -> Speech | None:
        speech, self._speech = self._speech, None
        if speech is not None:
            self._over.append(speech)
        return speech

    def _tell(self, *, is_speaking: bool) -> None:
        self.is_speaking = is_speaking
        self._wire.announce(is_speaking)
