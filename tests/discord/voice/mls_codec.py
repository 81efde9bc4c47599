"""The part of MLS's wire format (RFC 9420) that DAVE's server needs: read key packages and commits, no secrets."""

import struct
from dataclasses import dataclass
from typing import Final

MLS_10: Final = 1
PUBLIC_MESSAGE: Final = 1
BASIC_CREDENTIAL: Final = 1
DHKEM_P256_AES128GCM_SHA256: Final = 2
"""DAVE v1's cipher suite."""
MEMBER, EXTERNAL = 1, 2
"""Kinds of sender."""
PROPOSAL, COMMIT = 2, 3
"""Kinds of content."""
ADD, REMOVE = 1, 3
"""Kinds of proposal."""
REFERENCE: Final = 2
"""A proposal that a commit names by its hash."""
FROM_KEY_PACKAGE, FROM_UPDATE, FROM_COMMIT = 1, 2, 3
"""Where a leaf node comes from, which decides what else it holds."""


class NotMls(Exception):
    """Bytes that are not what they should be. The message says what was expected."""


def vector(content: bytes) -> bytes:
    """``opaque content<V>`` (RFC 9420, 2.1.2)."""
    length = len(content)
    if length < 1 << 6:
        return bytes([length]) + content
    if length < 1 << 14:
        return struct.pack(">H", 0x4000 | length) + content
    return struct.pack(">I", 0x8000_0000 | length) + content


class Reader:
    """Takes a message apart from its beginning. Raises NotMls when it ends too soon."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise NotMls("more bytes")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def vector(self) -> bytes:
        first = self.number(1)
        size = 1 << (first >> 6)
        if size > 4:
            raise NotMls("a length")
        length = (first & 0x3F) << 8 * (size - 1) | self.number(size - 1)
        return self.take(length)

    def expect(self, count: int, value: int, what: str) -> None:
        if self.number(count) != value:
            raise NotMls(what)


@dataclass(frozen=True, slots=True)
class Commit:
    """What the server reads of a commit, and the Welcome that came with it."""

    group_id: bytes
    epoch: int
    references: tuple[bytes, ...]
    """Hashes of the proposals it applies, in that order."""
    message: bytes
    welcome: bytes
    """Empty when the commit adds nobody."""


def identity_of(key_package: bytes) -> bytes:
    """Whose key package it is. Raises NotMls when it is none, or not of DAVE's cipher suite."""
    reader = Reader(key_package)
    reader.expect(2, MLS_10, "MLS 1.0")
    reader.expect(2, DHKEM_P256_AES128GCM_SHA256, "DAVE's cipher suite")
    reader.vector()  # init key
    identity = _read_leaf_node(reader)
    reader.vector()  # extensions
    reader.vector()  # signature
    if reader.at != len(key_package):
        raise NotMls("a key package and nothing behind it")
    return identity


def read_commit(data: bytes) -> Commit:
    """Op 28: a commit, and behind it without any length the Welcome. Raises NotMls."""
    reader = Reader(data)
    reader.expect(2, MLS_10, "MLS 1.0")
    reader.expect(2, PUBLIC_MESSAGE, "a public message")
    group_id = reader.vector()
    epoch = reader.number(8)
    reader.expect(1, MEMBER, "a member as sender")
    reader.number(4)  # the sender's leaf
    reader.vector()  # authenticated data
    reader.expect(1, COMMIT, "a commit")
    references = _read_references(reader.vector())
    if reader.number(1):
        _read_leaf_node(reader)
        reader.vector()  # update path nodes
    for _ in ("signature", "confirmation tag", "membership tag"):
        reader.vector()
    return Commit(group_id, epoch, references, data[: reader.at], data[reader.at :])


def _read_references(proposals: bytes) -> tuple[bytes, ...]:
    reader = Reader(proposals)
    references = []
    while reader.at < len(proposals):
        reader.expect(1, REFERENCE, "proposals by reference only")
        references.append(reader.vector())
    return tuple(references)


def _read_leaf_node(reader: Reader) -> bytes:
    """Returns its identity."""
    reader.vector()  # encryption key
    reader.vector()  # signature key
    reader.expect(2, BASIC_CREDENTIAL, "a basic credential")
    identity = reader.vector()
    for _ in ("versions", "cipher suites", "extensions", "proposals", "credentials"):
        reader.vector()
    source = reader.number(1)
    if source == FROM_KEY_PACKAGE:
        reader.take(16)  # lifetime
    elif source == FROM_COMMIT:
        reader.vector()  # parent hash
    elif source != FROM_UPDATE:
        raise NotMls("a leaf node's source")
    reader.vector()  # extensions
    reader.vector()  # signature
    return identity
