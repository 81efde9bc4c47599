"""Read the part of a voice packet that anyone can read, and what the key leaves after it. Pure: bytes in, values out.

RTP is RFC 3550, 5.1; that Discord leaves the extension's four header bytes readable and encrypts its body is the
meaning of ``rtpsize`` in its transport modes.
"""

import struct
from enum import StrEnum
from typing import Final, NamedTuple

OPUS_PAYLOAD_TYPE: Final = 120
HEADER_BYTES: Final = 12
NONCE_BYTES: Final = 4
"""The sender's counter at the packet's very end, in the clear."""
TAG_BYTES: Final = 16
SHORTEST_BYTES: Final = HEADER_BYTES + TAG_BYTES + NONCE_BYTES
LONGEST_BYTES: Final = 2048
"""Above every MTU that Discord sends over; 20 ms of Opus are at most 1,275 bytes."""
SILENCE: Final = b"\xf8\xff\xfe"
"""An Opus packet of 20 ms of silence: what Discord's clients send when they stop, and what DAVE never encrypts."""

_HEADER: Final = struct.Struct(">BBHII")
_EXTENSION_WORDS: Final = struct.Struct(">H")
_RTCP: Final = range(192, 224)
"""Second bytes of RTCP packets (RFC 5761, 4)."""


class Drop(StrEnum):
    """Why a packet went no further: the names under which they are counted."""

    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    NOT_RTP = "not RTP"
    RTCP = "RTCP"
    FOREIGN = "foreign payload type"
    MALFORMED = "malformed"
    FORGED = "forged"
    REPLAYED = "replayed"
    UNKNOWN_SPEAKER = "unknown speaker"
    NOT_HEARD = "no consent"
    UNDECRYPTABLE = "undecryptable"
    LATE = "late"
    NOT_OPUS = "not Opus"


class RtpHeader(NamedTuple):
    """What stands before the encrypted part."""

    sequence: int
    timestamp: int
    """48 kHz samples, modulo 2**32."""
    ssrc: int
    clear_bytes: int
    """How much of the packet is authenticated but not encrypted."""
    extension_bytes: int
    """How much of the decrypted part is the extension's body."""
    is_padded: bool


def read_header(packet: bytes) -> RtpHeader | Drop:
    """The header of an Opus packet, or why it is none."""
    if len(packet) < SHORTEST_BYTES:
        return Drop.TOO_SHORT
    if len(packet) > LONGEST_BYTES:
        return Drop.TOO_LONG
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(packet)
    if first >> 6 != 2:
        return Drop.NOT_RTP
    if second in _RTCP:
        return Drop.RTCP
    if second & 0x7F != OPUS_PAYLOAD_TYPE:
        return Drop.FOREIGN  # camera and screen come over the same socket
    clear_bytes = HEADER_BYTES + 4 * (first & 0x0F)
    extension_bytes = 0
    if first & 0x10:
        if len(packet) < clear_bytes + 4:
            return Drop.MALFORMED
        extension_bytes = 4 * _EXTENSION_WORDS.unpack_from(packet, clear_bytes + 2)[0]
        clear_bytes += 4
    if len(packet) < clear_bytes + extension_bytes + TAG_BYTES + NONCE_BYTES:
        return Drop.MALFORMED
    return RtpHeader(sequence, timestamp, ssrc, clear_bytes, extension_bytes, bool(first & 0x20))


def strip(plain: bytes, header: RtpHeader) -> bytes | Drop:
    """The payload, out of what the transport's key opened: without the extension's body and the padding."""
    end = len(plain)
    if header.is_padded:
        padding = plain[-1] if plain else 0
        if not 0 < padding <= end - header.extension_bytes:
            return Drop.MALFORMED
        end -= padding
    if end < header.extension_bytes:
        return Drop.MALFORMED
    return plain[header.extension_bytes : end]


def write_header(sequence: int, timestamp: int, ssrc: int) -> bytes:
    """The header of an Opus packet of ours."""
    return _HEADER.pack(0x80, OPUS_PAYLOAD_TYPE, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
