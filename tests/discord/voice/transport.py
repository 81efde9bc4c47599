"""The encryption between a client and the voice server: AEAD with the RTP header as additional data."""

from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from tests.discord.voice.rtp import NotRtp, RtpPacket, header_length, parse

XCHACHA20: Final = "aead_xchacha20_poly1305_rtpsize"
AES256_GCM: Final = "aead_aes256_gcm_rtpsize"
MODES: Final = (AES256_GCM, XCHACHA20)
"""As Discord offers them, its favourite first."""
COUNTER_BYTES: Final = 4
TAG_BYTES: Final = 16
LARGEST_COUNTER: Final = 2**32 - 1


class Cipher(Protocol):
    def encrypt(self, nonce: bytes, body: bytes, header: bytes) -> bytes: ...

    def decrypt(self, nonce: bytes, sealed: bytes, header: bytes) -> bytes | None:
        """None when it wasn't sealed with this key, nonce and header."""


class XChaCha20:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def encrypt(self, nonce: bytes, body: bytes, header: bytes) -> bytes:
        return crypto_aead_xchacha20poly1305_ietf_encrypt(body, header, nonce.ljust(24, b"\0"), self._key)

    def decrypt(self, nonce: bytes, sealed: bytes, header: bytes) -> bytes | None:
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, header, nonce.ljust(24, b"\0"), self._key)
        except CryptoError:
            return None


class Aes256Gcm:
    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def encrypt(self, nonce: bytes, body: bytes, header: bytes) -> bytes:
        return self._cipher.encrypt(nonce.ljust(12, b"\0"), body, header)

    def decrypt(self, nonce: bytes, sealed: bytes, header: bytes) -> bytes | None:
        try:
            return self._cipher.decrypt(nonce.ljust(12, b"\0"), sealed, header)
        except InvalidTag:
            return None


class Transport:
    """One client's key, in both directions. The nonce is a counter, sent along as the last four bytes."""

    def __init__(self, mode: str, key: bytes) -> None:
        self.mode = mode
        self.key = key
        self.counter = 0
        self._cipher: Cipher = XChaCha20(key) if mode == XCHACHA20 else Aes256Gcm(key)

    def seal(self, packet: RtpPacket) -> bytes:
        return self.seal_raw(packet.header(), packet.body())

    def seal_raw(self, header: bytes, body: bytes) -> bytes:
        """Any header and body, RTCP's for one."""
        nonce = self.counter.to_bytes(COUNTER_BYTES, "big")
        self.counter = (self.counter + 1) & LARGEST_COUNTER
        return header + self._cipher.encrypt(nonce, body, header) + nonce

    def open(self, datagram: bytes) -> RtpPacket:
        """Raises NotRtp, also when it is sealed with another key."""
        length = header_length(datagram)
        if len(datagram) < length + TAG_BYTES + COUNTER_BYTES:
            raise NotRtp("shorter than its seal")
        header, sealed, nonce = datagram[:length], datagram[length:-COUNTER_BYTES], datagram[-COUNTER_BYTES:]
        body = self._cipher.decrypt(nonce, sealed, header)
        if body is None:
            raise NotRtp("not sealed with this key")
        return parse(header, body)
