"""Voice packets as a Discord voice server sends them: a speaker's Opus, sealed for one listener."""

import struct
from collections.abc import Iterable

import numpy as np

from bot.voice.transport import XCHACHA, Transport
from workers.opus import OpusEncoder

KEY = bytes(range(32))
PITCH_HZ = 200.0


def tone(seconds: float, pitch_hz: float = PITCH_HZ) -> np.ndarray:
    """48 kHz float samples, loud enough to be told from silence."""
    times = np.arange(round(seconds * 48_000)) / 48_000
    return (0.3 * np.sin(2 * np.pi * pitch_hz * times)).astype(np.float32)


def spoken(seconds: float, pitch_hz: float = PITCH_HZ) -> list[bytes]:
    """Opus packets of 20 ms."""
    return OpusEncoder().encode(tone(seconds, pitch_hz))[: round(seconds * 50)]


class Wire:
    """What one SSRC sends: numbers count on from packet to packet."""

    def __init__(
        self, ssrc: int = 7, *, mode: str = XCHACHA, key: bytes = KEY, sequence: int = 100, timestamp: int = 5_000
    ) -> None:
        self.ssrc = ssrc
        self.sequence = sequence
        self.timestamp = timestamp
        self.transport = Transport(mode, key)

    def packets(self, payloads: Iterable[bytes]) -> list[bytes]:
        return [self.packet(payload) for payload in payloads]

    def packet(
        self,
        payload: bytes,
        *,
        csrc: int = 0,
        extension: bytes | None = None,
        padding: int = 0,
        payload_type: int = 120,
    ) -> bytes:
        """``extension``: its body, whole words; ``padding``: how many bytes, the count among them."""
        first = 0x80 | csrc | (0x10 if extension is not None else 0) | (0x20 if padding else 0)
        header = struct.pack(
            ">BBHII", first, payload_type, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc
        )
        header += b"csrc" * csrc
        inner = payload
        if extension is not None:
            header += struct.pack(">2sH", b"\xbe\xde", len(extension) // 4)
            inner = extension + inner
        if padding:
            inner += bytes(padding - 1) + bytes([padding])
        self.sequence += 1
        self.timestamp += 960
        return self.transport.seal(header, inner)

    def skip(self, packets: int = 0, *, silent_ms: int = 0) -> None:
        """Packets that are lost, and time in which none is sent."""
        self.sequence += packets
        self.timestamp += packets * 960 + silent_ms * 48
