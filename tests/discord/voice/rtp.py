"""RTP packets (RFC 3550) as Discord sends them, and how to put together those it shouldn't."""

import struct
from dataclasses import dataclass
from typing import Final

OPUS_PAYLOAD_TYPE: Final = 120
FIXED_HEADER_BYTES: Final = 12
VERSION_2: Final = 0x80
ONE_BYTE_EXTENSIONS: Final = b"\xbe\xde"
"""Profile of the extension header that Discord's packets carry (RFC 8285)."""
AUDIO_LEVEL: Final = bytes.fromhex("10ff9000")
"""An extension body of one word, with what a voice packet of an official client has in it: its audio level."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet, opened. ``payload`` is what comes after the extension and before the padding."""

    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    payload_type: int = OPUS_PAYLOAD_TYPE
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: bytes | None = None
    """The extension's body, whole words; None for no extension."""
    padding: int = 0
    """Bytes of padding, the last of which says how many there are."""

    def header(self) -> bytes:
        """What stays readable: fixed header, CSRCs, the extension's four first bytes."""
        first = VERSION_2 | bool(self.padding) << 5 | (self.extension is not None) << 4 | len(self.csrcs)
        second = self.marker << 7 | self.payload_type
        fixed = struct.pack(
            ">BBHII", first, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc & 0xFFFFFFFF
        )
        csrcs = struct.pack(f">{len(self.csrcs)}I", *self.csrcs)
        if self.extension is None:
            return fixed + csrcs
        return fixed + csrcs + ONE_BYTE_EXTENSIONS + struct.pack(">H", len(self.extension) // 4)

    def body(self) -> bytes:
        """What is encrypted."""
        padding = bytes(self.padding - 1) + bytes([self.padding]) if self.padding else b""
        return (self.extension or b"") + self.payload + padding


class NotRtp(Exception):
    """A datagram that is no RTP packet. The message says why."""


def header_length(datagram: bytes) -> int:
    """How much of a packet stays readable in an ``rtpsize`` mode. Raises NotRtp."""
    if len(datagram) < FIXED_HEADER_BYTES or datagram[0] >> 6 != 2:
        raise NotRtp("no RTP version 2 header")
    length = FIXED_HEADER_BYTES + 4 * (datagram[0] & 0x0F) + (4 if datagram[0] & 0x10 else 0)
    if len(datagram) < length:
        raise NotRtp("shorter than its header")
    return length


def parse(header: bytes, body: bytes) -> RtpPacket:
    """A packet from its readable header and its opened body. Raises NotRtp."""
    first, second, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", header)
    csrcs = struct.unpack_from(f">{first & 0x0F}I", header, FIXED_HEADER_BYTES)
    extension = None
    if first & 0x10:
        words = struct.unpack_from(">H", header, len(header) - 2)[0]
        extension, body = body[: 4 * words], body[4 * words :]
        if len(extension) != 4 * words:
            raise NotRtp("shorter than its extension")
    padding = body[-1] if first & 0x20 and body else 0
    if padding > len(body):
        raise NotRtp("shorter than its padding")
    payload = body[: len(body) - padding]
    is_marked, payload_type = bool(second & 0x80), second & 0x7F
    return RtpPacket(sequence, timestamp, ssrc, payload, payload_type, is_marked, csrcs, extension, padding)
