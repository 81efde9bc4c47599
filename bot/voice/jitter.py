"""Put one speaker's packets back in order, and say what was lost and what was silence. Pure: time comes in by the door.

A packet that comes in order goes on at once: whoever listens for words needs no even playing, so nothing is held back
but where something is missing, and there for 60 ms at most. Sequence numbers tell what was lost; timestamps tell how
much of a gap was silence that nobody sent. While nothing comes, silence is told by the clock, so that whoever waits
for the end of a sentence hears it.
"""

from typing import Final, NamedTuple

from bot.voice.rtp import SILENCE
from bot.voice.transport import WINDOW
from config.audio import FRAME_MS, SPOKEN_FRAME_SAMPLES, SPOKEN_RATE_HZ

WAIT_SECONDS: Final = 0.060
"""How long a missing packet is waited for."""
WAIT_AT_BEGINNING_SECONDS: Final = 0.015
"""The same where somebody may be beginning to speak: she is to notice it within 150 ms. One that was merely overtaken
comes sooner, and what was lost is made up from the next packet."""
BEGINNING_FRAMES: Final = 10
"""So many packets behind a silence are its beginning."""
MOST_WAITING: Final = 50
"""More than a second behind one missing packet: it is not worth waiting for."""
MOST_CONCEALED: Final = 5
"""Frames: after 100 ms libopus's guess has faded away."""
FARTHEST_AHEAD: Final = 3000
"""Packets (a minute): farther jumps are a stream that began anew."""
STOPPED_AFTER_SECONDS: Final = 0.040
"""Nothing for so long after a silence frame: the sender has stopped, as it said it would."""
STALLED_AFTER_SECONDS: Final = 0.200
"""Nothing for so long without one: the network or the sender has stopped."""
LONGEST_TOLD_SECONDS: Final = 8.0
"""Silence is told by the clock for so long; the rest of it comes at once, when the speaker goes on."""
LONGEST_SILENCE_MS: Final = 60_000
TOLD_AT_ONCE_MS: Final = 40
"""Silence is told in steps of at least this: the VAD's window is 32 ms, and each step wakes a thread."""

_SAMPLES_PER_MS: Final = SPOKEN_RATE_HZ // 1000


class Frame(NamedTuple):
    """A packet whose turn has come."""

    payload: bytes


class Lost(NamedTuple):
    """Frames of 20 ms that never came; ``following`` may carry a copy of the last of them (in-band FEC)."""

    frames: int
    following: bytes | None


class Quiet(NamedTuple):
    """Time in which nothing was sent."""

    milliseconds: int


type Piece = Frame | Lost | Quiet


class _Waiting(NamedTuple):
    timestamp: int
    samples: int
    payload: bytes
    arrived_at: float


class JitterBuffer:
    """One speaker's packets of one SSRC. Give each packet to ``push`` as it comes, and call ``tick`` at ``due_at``."""

    def __init__(self) -> None:
        self.late = 0
        """Packets that came after their place was given up, or twice."""
        self._next_sequence: int | None = None
        self._next_timestamp = 0
        self._last_samples = SPOKEN_FRAME_SAMPLES
        self._waiting: dict[int, _Waiting] = {}
        self._last_arrived_at = 0.0
        self._emitted_arrived_at = 0.0
        """When the packet that went on last had come."""
        self._ended_in_silence = False
        self._told_ms = 0
        """Silence told by the clock since the last packet."""
        self._frames = 0
        """Packets that went on since the last silence."""

    def push(self, sequence: int, timestamp: int, payload: bytes, now: float) -> list[Piece]:
        """A packet has come (its payload is decrypted Opus): everything whose turn it is now. ``now``: seconds."""
        samples = packet_samples(payload)
        if self._next_sequence is None:
            self._begin(sequence, timestamp, now)
        ahead = self._ahead(sequence)
        if ahead > FARTHEST_AHEAD or ahead < -WINDOW:
            pieces = self._give_up()
            self._begin(sequence, timestamp, now)
        elif ahead < 0 or sequence in self._waiting:
            self.late += 1
            return []
        else:
            pieces = []
        self._waiting[sequence] = _Waiting(timestamp, samples, payload, now)
        pieces += self._release(now)
        self._last_arrived_at = now
        return pieces

    def tick(self, now: float) -> list[Piece]:
        """Time has passed: what is not waited for any longer, and the silence since."""
        if self._waiting:
            return self._release(now)
        if self._next_sequence is None:
            return []
        idle_seconds = now - self._last_arrived_at
        begins_after = STOPPED_AFTER_SECONDS if self._ended_in_silence else STALLED_AFTER_SECONDS
        if idle_seconds < begins_after or self._told_ms >= LONGEST_TOLD_SECONDS * 1000:
            return []
        passed_ms = round(idle_seconds * 1000) - self._last_samples // _SAMPLES_PER_MS
        quiet_ms = (passed_ms - self._told_ms) // FRAME_MS * FRAME_MS
        if quiet_ms < TOLD_AT_ONCE_MS:
            return []
        self._told_ms += quiet_ms
        self._frames = 0
        return [Quiet(quiet_ms)]

    @property
    def due_at(self) -> float | None:
        """When time alone brings something out; None: never."""
        if self._waiting:
            return min(waiting.arrived_at for waiting in self._waiting.values()) + self._wait_seconds
        if self._next_sequence is None or self._told_ms >= LONGEST_TOLD_SECONDS * 1000:
            return None
        begins_after = STOPPED_AFTER_SECONDS if self._ended_in_silence else STALLED_AFTER_SECONDS
        next_ms = self._told_ms + self._last_samples // _SAMPLES_PER_MS + TOLD_AT_ONCE_MS
        return self._last_arrived_at + max(begins_after, next_ms / 1000)

    def _begin(self, sequence: int, timestamp: int, now: float) -> None:
        self._next_sequence, self._next_timestamp = sequence, timestamp
        self._last_arrived_at = self._emitted_arrived_at = now
        self._told_ms = self._frames = 0

    @property
    def _wait_seconds(self) -> float:
        return WAIT_AT_BEGINNING_SECONDS if self._frames < BEGINNING_FRAMES else WAIT_SECONDS

    def _ahead(self, sequence: int) -> int:
        assert self._next_sequence is not None
        return (sequence - self._next_sequence + 0x8000 & 0xFFFF) - 0x8000

    def _give_up(self) -> list[Piece]:
        """Everything that waits, whatever is missing between."""
        pieces: list[Piece] = []
        while self._waiting:
            pieces += self._emit(min(self._waiting, key=self._ahead))
        return pieces

    def _release(self, now: float) -> list[Piece]:
        pieces: list[Piece] = []
        while self._waiting:
            if self._next_sequence in self._waiting:
                pieces += self._emit(self._next_sequence)
            elif len(self._waiting) >= MOST_WAITING or self._longest_wait(now) >= self._wait_seconds:
                pieces += self._emit(min(self._waiting, key=self._ahead))
            else:
                break
        return pieces

    def _longest_wait(self, now: float) -> float:
        return now - min(waiting.arrived_at for waiting in self._waiting.values())

    def _emit(self, sequence: int) -> list[Piece]:
        lost = self._ahead(sequence)
        timestamp, samples, payload, arrived_at = self._waiting.pop(sequence)
        pieces = self._gap(lost, timestamp, payload, arrived_at)
        self._next_sequence = sequence + 1 & 0xFFFF
        self._next_timestamp = timestamp + samples & 0xFFFFFFFF
        self._last_samples = samples
        self._emitted_arrived_at = arrived_at
        self._ended_in_silence = payload == SILENCE
        self._told_ms = 0
        is_behind_silence = any(isinstance(piece, Quiet) for piece in pieces) or self._ended_in_silence
        self._frames = 1 if is_behind_silence else self._frames + 1
        return [*pieces, Frame(payload)]

    def _gap(self, lost: int, timestamp: int, payload: bytes, arrived_at: float) -> list[Piece]:
        """What lies between the last packet and this one, of which ``lost`` were sent."""
        gap_samples = (timestamp - self._next_timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        lost_frames = -(-lost * self._last_samples // SPOKEN_FRAME_SAMPLES)
        gap_ms = max(gap_samples // _SAMPLES_PER_MS, 0)
        # Neither a timestamp nor a count can have run ahead of the clock by more than the network's whims.
        passed_ms = int((arrived_at - self._emitted_arrived_at) * 1000) + 500
        gap_ms = min(gap_ms, passed_ms + lost_frames * FRAME_MS)
        quiet_ms = max(min(gap_ms, LONGEST_SILENCE_MS) - lost_frames * FRAME_MS - self._told_ms, 0)
        pieces: list[Piece] = []
        if quiet_ms >= FRAME_MS:
            pieces.append(Quiet(quiet_ms))
        elif lost_frames > MOST_CONCEALED:
            faded_ms = min((lost_frames - MOST_CONCEALED) * FRAME_MS, passed_ms, LONGEST_SILENCE_MS) - self._told_ms
            pieces += [Lost(MOST_CONCEALED - 1, None), *([Quiet(faded_ms)] if faded_ms > 0 else [])]
            lost_frames = 1
        if lost_frames:
            pieces.append(Lost(min(lost_frames, MOST_CONCEALED), payload))
        return pieces


_SILK_SAMPLES: Final = (480, 960, 1920, 2880)
_HYBRID_SAMPLES: Final = (480, 960)
_CELT_SAMPLES: Final = (120, 240, 480, 960)


def packet_samples(packet: bytes) -> int:
    """How long an Opus packet is at 48 kHz, by its first two bytes (RFC 6716, 3.1). 20 ms for what is no packet."""
    if not packet:
        return SPOKEN_FRAME_SAMPLES
    config = packet[0] >> 3
    if config < 12:
        samples = _SILK_SAMPLES[config & 3]
    elif config < 16:
        samples = _HYBRID_SAMPLES[config & 1]
    else:
        samples = _CELT_SAMPLES[config & 3]
    code = packet[0] & 3
    if code == 3:
        return samples * max(packet[1] & 0x3F, 1) if len(packet) > 1 else samples
    return samples * (2 if code else 1)
