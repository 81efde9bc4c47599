"""How audio looks inside a Redis blob. Messages carry only its key."""

import struct
from collections.abc import Iterable

_LENGTH = struct.Struct("<H")


class BlobError(ValueError):
    """A blob that is not what it should be: cut short, or no packets of ours."""


def pack_packets(packets: Iterable[bytes]) -> bytes:
    """Opus packets, each with its length before it (uint16, little-endian)."""
    return b"".join(_LENGTH.pack(len(packet)) + packet for packet in packets)


def unpack_packets(blob: bytes) -> tuple[bytes, ...]:
    """The packets of ``pack_packets`` again. Raises BlobError when the blob ends inside a packet."""
    packets: list[bytes] = []
    position = 0
    while position < len(blob):
        body = position + _LENGTH.size
        if body > len(blob):
            raise BlobError(f"blob of {len(blob)} bytes ends inside a packet's length")
        end = body + _LENGTH.unpack_from(blob, position)[0]
        if end > len(blob):
            raise BlobError(f"blob of {len(blob)} bytes ends inside packet {len(packets)}")
        packets.append(blob[body:end])
        position = end
    return tuple(packets)
