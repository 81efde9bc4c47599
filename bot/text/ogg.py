"""Take an Ogg file with one Opus stream apart into its packets (RFC 3533, RFC 7845). Pure, and strict.

The file comes from a stranger: whatever isn't as the two documents have it is refused, and nothing is ever
allocated by a number that the file merely claims.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

CAPTURE: Final = b"OggS"
HEADER: Final = struct.Struct("<4sBBqIIIB")
CHECKSUM: Final = slice(22, 26)
CONTINUED, BEGINS, ENDS = 1, 2, 4
NO_PACKET_ENDS: Final = -1
"""Granule position of a page on which no packet ends."""

HEAD: Final = struct.Struct("<8sBBHIhB")
HEAD_MAGIC, TAGS_MAGIC = b"OpusHead", b"OpusTags"
MOST_CHANNELS: Final = 2
"""Of mapping family 0: one stream, mono or stereo. All that people's microphones are sent as."""
LONGEST_PACKET_BYTES: Final = 61_440
"""RFC 7845, 6: what a decoder has to take; ten times what speech needs."""
MOST_PACKETS: Final = 125_000
"""More than five minutes of the shortest packets that there are (2.5 ms)."""

BACKWARDS: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
GRANULE_HZ: Final = 48_000


class BadOgg(ValueError):
    """No Ogg file with one Opus stream. The message says why, for logs."""


@dataclass(frozen=True, slots=True)
class OpusStream:
    """What there is to decode, and how much of it is to be heard."""

    packets: tuple[bytes, ...]
    skipped: int
    """Samples at 48 kHz to leave out at the beginning: the encoder's start."""
    length: int | None
    """Samples at 48 kHz to be heard, by the last page; None when it doesn't say."""
    gain_db: float


@dataclass(frozen=True, slots=True)
class Page:
    flags: int
    granule: int
    serial: int
    number: int
    pieces: tuple[bytes, ...]
    """Packets, and parts of them at either end."""
    is_last_open: bool
    """The last piece goes on in the next page."""


def read_opus(content: bytes) -> OpusStream:
    """Raises BadOgg."""
    packets, granule = _packets(content)
    if len(packets) < 2:
        raise BadOgg("no two header packets")
    skipped, gain_db = _read_head(packets[0])
    if not packets[1].startswith(TAGS_MAGIC):
        raise BadOgg("no OpusTags")
    length = granule - skipped if granule >= skipped else None
    return OpusStream(tuple(packets[2:]), skipped, length, gain_db)


def checksum(page: bytes) -> int:
    """Ogg's CRC of a page whose own field is zero: zlib's polynomial, but unreflected and without inversions, so
    it is zlib's CRC of the bytes turned round, turned round."""
    reflected = zlib.crc32(page.translate(BACKWARDS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)


def _read_head(packet: bytes) -> tuple[int, float]:
    """Samples to skip, and the gain in dB."""
    if len(packet) < HEAD.size:
        raise BadOgg("short OpusHead")
    magic, version, channels, skipped, _rate, gain, family = HEAD.unpack_from(packet)
    if magic != HEAD_MAGIC:
        raise BadOgg("no OpusHead")
    if version >> 4:
        raise BadOgg(f"OpusHead of version {version}")
    if family or not 1 <= channels <= MOST_CHANNELS:
        raise BadOgg(f"{channels} channels of family {family}")
    return skipped, gain / 256


def _packets(content: bytes) -> tuple[list[bytes], int]:
    """All packets, and the last granule position."""
    packets: list[bytes] = []
    unfinished: bytes | None = None
    previous: Page | None = None
    granule = NO_PACKET_ENDS
    for page in _pages(content):
        _check_order(page, previous, is_continuing=unfinished is not None)
        pieces = list(page.pieces)
        if unfinished is not None and pieces:
            pieces[0] = unfinished + pieces[0]
            unfinished = None
        if page.is_last_open and pieces:
            unfinished = pieces.pop()
        if any(len(piece) > LONGEST_PACKET_BYTES for piece in (*pieces, unfinished or b"")):
            raise BadOgg("a packet that is far too long")
        packets += pieces
        if len(packets) > MOST_PACKETS:
            raise BadOgg("far too many packets")
        if page.granule != NO_PACKET_ENDS:
            granule = page.granule
        previous = page
    if unfinished is not None:
        raise BadOgg("it ends within a packet")
    return packets, granule


def _check_order(page: Page, previous: Page | None, *, is_continuing: bool) -> None:
    if previous is None:
        if not page.flags & BEGINS:
            raise BadOgg("no first page")
    elif page.flags & BEGINS or page.serial != previous.serial:
        raise BadOgg("more than one stream")
    elif page.number != (previous.number + 1) & 0xFFFFFFFF:
        raise BadOgg("a page is missing")
    elif previous.flags & ENDS:
        raise BadOgg("a page behind the last one")
    if bool(page.flags & CONTINUED) != is_continuing:
        raise BadOgg("a packet that goes on nowhere")


def _pages(content: bytes) -> Iterator[Page]:
    at = 0
    while at < len(content):
        page, at = _page(content, at)
        yield page


def _page(content: bytes, at: int) -> tuple[Page, int]:
    """The page at ``at``, and where the next one begins."""
    if len(content) - at < HEADER.size:
        raise BadOgg("it ends within a page")
    magic, version, flags, granule, serial, number, claimed, count = HEADER.unpack_from(content, at)
    if magic != CAPTURE or version:
        raise BadOgg(f"no page at {at}")
    begin = at + HEADER.size + count
    lacing = content[at + HEADER.size : begin]
    end = begin + sum(lacing)
    if len(lacing) < count or end > len(content):
        raise BadOgg("it ends within a page")
    page = bytearray(content[at:end])
    page[CHECKSUM] = bytes(4)
    if checksum(bytes(page)) != claimed:
        raise BadOgg(f"damaged at {at}")
    pieces, is_last_open = _pieces(content, begin, lacing)
    return Page(flags, granule, serial, number, pieces, is_last_open), end


def _pieces(content: bytes, begin: int, lacing: bytes) -> tuple[tuple[bytes, ...], bool]:
    """A packet is as many segments of 255 bytes as fit, and one that is shorter."""
    pieces: list[bytes] = []
    start = end = begin
    for length in lacing:
        end += length
        if length < 255:
            pieces.append(content[start:end])
            start = end
    is_last_open = bool(lacing) and lacing[-1] == 255
    if is_last_open:
        pieces.append(content[start:end])
    return tuple(pieces), is_last_open
