"""Ogg Opus files, written page by page, so that each of them can be wrong in its own way."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workers.opus import OpusEncoder

HEAD = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 312, 48_000, 0, 0)
TAGS = b"OpusTags" + struct.pack("<I", 5) + b"tests" + struct.pack("<I", 0)
CONTINUED, BEGINS, ENDS = 1, 2, 4
PACKET_SAMPLES = 960


@dataclass
class OggPage:
    """One page, with its checksum as it should be when it is written."""

    flags: int
    granule: int
    number: int
    pieces: tuple[bytes, ...]
    is_last_open: bool = False
    serial: int = 7
    version: int = 0

    def to_bytes(self) -> bytes:
        lacing = b""
        for index, piece in enumerate(self.pieces):
            is_open = self.is_last_open and index == len(self.pieces) - 1
            lacing += b"\xff" * (len(piece) // 255) + (b"" if is_open else bytes([len(piece) % 255]))
        head = struct.pack(
            "<4sBBqIIIB", b"OggS", self.version, self.flags, self.granule, self.serial, self.number, 0, len(lacing)
        )
        page = head + lacing + b"".join(self.pieces)
        return page[:22] + struct.pack("<I", slow_checksum(page)) + page[26:]


def slow_checksum(page: bytes) -> int:
    """Bit by bit, as RFC 3533 describes it."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
            register &= 0xFFFFFFFF
    return register


def pages_of(packets: list[bytes], head: bytes = HEAD, packets_a_page: int = 50, pre_skip: int = 312) -> list[OggPage]:
    """A file's pages: two of headers, then the sound. All of the sound is to be heard, but for the pre-skip."""
    pages = [OggPage(BEGINS, 0, 0, (head,)), OggPage(0, 0, 1, (TAGS,))]
    for begin in range(0, len(packets), packets_a_page):
        pieces = tuple(packets[begin : begin + packets_a_page])
        granule = (begin + len(pieces)) * PACKET_SAMPLES
        pages.append(OggPage(0, granule, len(pages), pieces))
    pages[-1].flags |= ENDS
    return pages


def written(pages: Iterable[OggPage]) -> bytes:
    return b"".join(page.to_bytes() for page in pages)


def ogg_of(pcm: npt.NDArray[np.float32] | npt.NDArray[np.int16]) -> bytes:
    """A voice message of ``pcm`` (mono, 48 kHz)."""
    return written(pages_of(OpusEncoder().encode(pcm)))


def tone(seconds: float, level: float = 0.25, rate_hz: int = 48_000) -> npt.NDArray[np.float32]:
    """220 Hz."""
    axis = np.arange(int(seconds * rate_hz), dtype=np.float32) / rate_hz
    return (level * np.sin(2 * np.pi * 220 * axis)).astype(np.float32)
