"""The voice server's voice in an MLS group: it may propose, and nothing else (RFC 9420, 12.1.8.1)."""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.discord.voice.mls_codec import (
    ADD,
    BASIC_CREDENTIAL,
    EXTERNAL,
    MLS_10,
    PROPOSAL,
    PUBLIC_MESSAGE,
    REMOVE,
    vector,
)

IDENTITY: Final = b"voice-gateway"
VERSION_AND_FORMAT: Final = struct.pack(">HH", MLS_10, PUBLIC_MESSAGE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A signed proposal to add or remove someone."""

    user_id: int
    key_package: bytes | None
    """Of who is to be added; None to remove them."""
    message: bytes
    reference: bytes
    """The hash by which a commit names it."""


class ExternalSender:
    """Signs proposals. What it signs depends on no secret of the group."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def package(self) -> bytes:
        """Op 25: its public key and its name."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return vector(public) + struct.pack(">H", BASIC_CREDENTIAL) + vector(IDENTITY)

    def add(self, group_id: bytes, epoch: int, user_id: int, key_package: bytes) -> Proposal:
        return self._propose(group_id, epoch, user_id, key_package, struct.pack(">H", ADD) + key_package)

    def remove(self, group_id: bytes, epoch: int, user_id: int, leaf: int) -> Proposal:
        return self._propose(group_id, epoch, user_id, None, struct.pack(">HI", REMOVE, leaf))

    def _propose(self, group_id: bytes, epoch: int, user_id: int, package: bytes | None, proposal: bytes) -> Proposal:
        sender = struct.pack(">BI", EXTERNAL, 0)
        content = vector(group_id) + struct.pack(">Q", epoch) + sender + vector(b"") + bytes([PROPOSAL]) + proposal
        to_sign = vector(b"MLS 1.0 FramedContentTBS") + vector(VERSION_AND_FORMAT + content)
        signature = vector(self._key.sign(to_sign, ec.ECDSA(hashes.SHA256())))
        authenticated = struct.pack(">H", PUBLIC_MESSAGE) + content + signature
        hashed = vector(b"MLS 1.0 Proposal Reference") + vector(authenticated)
        reference = hashlib.sha256(hashed).digest()
        return Proposal(user_id, package, VERSION_AND_FORMAT + content + signature, reference)
