"""A packet's way in: unlock, name, agree, unseal, order, decode. No socket, no thread, no clock; one thread's property.

The order is not free. Consent is asked before anything of a person is opened. The end-to-end seal comes off before the
jitter buffer: a lost packet is recovered from the plain text of the next one, and keys expire while packets wait.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from bot.voice.dave import SealedSpeech
from bot.voice.jitter import Frame, JitterBuffer, Lost, Piece, Quiet
from bot.voice.opus import OpusDecoder
from bot.voice.rtp import NONCE_BYTES, Drop, RtpHeader, read_header, strip
from bot.voice.speakers import HELD_SECONDS, Held, Speakers
from bot.voice.transport import ReplayWindow, Transport
from bot.voice.vad import Told
from config.audio import HEARD_RATE_HZ
from config.libopus import OpusError

MOST_SSRCS: Final = 1024
"""Replay windows kept: far above the members of any voice channel."""


class Sound(NamedTuple):
    """What somebody said."""

    user_id: int
    pcm: bytes
    """16 kHz mono int16, at least 2.5 ms."""
    told: Told | None = None
    """How likely it is speech, once that was looked at (see ``inner_ear.py``)."""


class Silence(NamedTuple):
    """Somebody sent nothing for so long, and nothing of it was lost."""

    user_id: int
    milliseconds: int
    told: Told | None = None


class Left(NamedTuple):
    """Somebody left the channel, or is not heard any longer: no more will come."""

    user_id: int


type Heard = Sound | Silence | Left


class _Stream:
    """One speaker's packets on their way to sound."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.jitter = JitterBuffer()
        self._decoder = OpusDecoder(HEARD_RATE_HZ)
        self.broken = 0
        """Packets that were no Opus."""

    def decode(self, pieces: list[Piece]) -> list[Heard]:
        """Neighbouring sound comes out in one piece."""
        heard: list[Heard] = []
        sound: list[bytes] = []
        for piece in pieces:
            if isinstance(piece, Quiet):
                self._hand_over(sound, heard)
                heard.append(Silence(self.user_id, piece.milliseconds))
            else:
                sound.append(self._sound_of(piece))
        self._hand_over(sound, heard)
        return heard

    def _hand_over(self, sound: list[bytes], heard: list[Heard]) -> None:
        if sound:
            heard.append(Sound(self.user_id, b"".join(sound)))
            sound.clear()

    def _sound_of(self, piece: Frame | Lost) -> bytes:
        try:
            if isinstance(piece, Frame):
                return self._decoder.decode(piece.payload).tobytes()
            guessed = piece.frames - (piece.following is not None)
            sound = self._decoder.conceal(guessed).tobytes() if guessed else b""
            return sound + (self._decoder.recover(piece.following).tobytes() if piece.following else b"")
        except OpusError:
            # One broken packet is one lost packet.
            self.broken += isinstance(piece, Frame)
            return self._decoder.conceal().tobytes()


class Receiver:
    """Everything that one connection hears. ``is_heard`` is asked for every packet, on the receiving thread: it must
    be quick and safe there."""

    def __init__(self, transport: Transport, is_heard: Callable[[int], bool]) -> None:
        self.dropped: Counter[Drop] = Counter()
        self.sealed_speech: Final = SealedSpeech()
        self.transport = transport
        self._is_heard = is_heard
        self._speakers = Speakers()
        self._streams: dict[int, _Stream] = {}
        self._windows: dict[int, ReplayWindow] = {}

    @property
    def due_at(self) -> float | None:
        """When ``tick`` brings something out, if no packet comes before."""
        dues = [due for stream in self._streams.values() if (due := stream.jitter.due_at) is not None]
        return min(dues, default=None)

    def datagram(self, packet: bytes, now: float) -> list[Heard]:
        """Whatever came out of the socket; what can be heard because of it."""
        header = read_header(packet)
        if isinstance(header, Drop):
            return self._drop(header)
        plain = self.transport.open(packet, header.clear_bytes)
        if plain is None:
            return self._drop(Drop.FORGED)
        if not self._is_news(header, packet):
            return self._drop(Drop.REPLAYED)
        frame = strip(plain, header)
        if isinstance(frame, Drop):
            return self._drop(frame)
        user_id = self._speakers.user_of(header.ssrc)
        if user_id is None:
            held = Held(header.sequence, header.timestamp, frame, now)
            self.dropped[Drop.UNKNOWN_SPEAKER] += self._speakers.hold(header.ssrc, held)
            return []
        return self._hear(user_id, header.sequence, header.timestamp, frame, now)

    def tick(self, now: float) -> list[Heard]:
        """Time has passed. Call at ``due_at``."""
        heard: list[Heard] = []
        for stream in list(self._streams.values()):
            if not self._is_heard(stream.user_id):
                heard += self._end(stream.user_id)
            elif pieces := stream.jitter.tick(now):
                heard += self._decode(stream, pieces)
        return heard

    def name(self, ssrc: int, user_id: int, now: float) -> list[Heard]:
        """The gateway said who speaks as ``ssrc``: what they said already comes now."""
        if self._speakers.user_of(ssrc) == user_id:
            return []
        heard = self._end(user_id)
        for held in self._speakers.name(ssrc, user_id):
            if now - held.arrived_at > HELD_SECONDS:
                self.dropped[Drop.UNKNOWN_SPEAKER] += 1
            else:
                heard += self._hear(user_id, held.sequence, held.timestamp, held.frame, now)
        return heard

    def leave(self, user_id: int) -> list[Heard]:
        """Somebody left the channel."""
        ssrc = self._speakers.leave(user_id)
        if ssrc is not None:
            self._windows.pop(ssrc, None)
        self.sealed_speech.forget(user_id)
        return self._end(user_id)

    def leave_all(self) -> list[Heard]:
        """The connection is over."""
        return [left for user_id in list(self._streams) for left in self._end(user_id)]

    def _is_news(self, header: RtpHeader, packet: bytes) -> bool:
        window = self._windows.pop(header.ssrc, None)
        if window is None:
            if len(self._windows) >= MOST_SSRCS:
                del self._windows[next(iter(self._windows))]
            window = ReplayWindow()
        self._windows[header.ssrc] = window  # behind all others: who has been silent for longest is given up first
        return window.admits(header.sequence, int.from_bytes(packet[-NONCE_BYTES:], "big"))

    def _hear(self, user_id: int, sequence: int, timestamp: int, frame: bytes, now: float) -> list[Heard]:
        if not self._is_heard(user_id):
            return self._drop(Drop.NOT_HEARD) + self._end(user_id)
        payload = self.sealed_speech.open(user_id, frame)
        if not payload:
            return self._drop(Drop.UNDECRYPTABLE)
        stream = self._streams.get(user_id)
        if stream is None:
            stream = self._streams[user_id] = _Stream(user_id)
        late = stream.jitter.late
        pieces = stream.jitter.push(sequence, timestamp, payload, now)
        self.dropped[Drop.LATE] += stream.jitter.late - late
        return self._decode(stream, pieces)

    def _decode(self, stream: _Stream, pieces: list[Piece]) -> list[Heard]:
        broken = stream.broken
        heard = stream.decode(pieces)
        self.dropped[Drop.NOT_OPUS] += stream.broken - broken
        return heard

    def _end(self, user_id: int) -> list[Heard]:
        return [Left(user_id)] if self._streams.pop(user_id, None) else []

    def _drop(self, why: Drop) -> list[Heard]:
        self.dropped[why] += 1
        return []
