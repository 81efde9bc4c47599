"""The lock between us and Discord's voice server: open what comes, seal what goes, let nothing in twice.

Both modes of today's Discord: XChaCha20-Poly1305, which every server must offer, by PyNaCl; AES-256-GCM, which is
offered where the server's hardware has it, when the package ``cryptography`` is installed.
"""

import struct
from collections.abc import Callable
from importlib.util import find_spec
from typing import Final, Literal

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from bot.voice.rtp import NONCE_BYTES

type Mode = Literal["aead_xchacha20_poly1305_rtpsize", "aead_aes256_gcm_rtpsize"]

XCHACHA: Final = "aead_xchacha20_poly1305_rtpsize"
AES_GCM: Final = "aead_aes256_gcm_rtpsize"
SUPPORTED_MODES: Final[tuple[Mode, ...]] = (XCHACHA, AES_GCM) if find_spec("cryptography") else (XCHACHA,)
"""In our order of preference: the first needs no more than what nextcord brings."""
KEY_BYTES: Final = 32

_PADDING: Final[dict[Mode, bytes]] = {XCHACHA: bytes(20), AES_GCM: bytes(8)}
"""What fills the four bytes of the counter up to the cipher's nonce."""
_COUNTER: Final = struct.Struct(">I")


class NonceExhausted(Exception):
    """2**32 packets were sealed with one key (after 2.7 years): sealing more would give the key away."""


class Transport:
    """One key of one connection. ``open`` belongs to the receiving thread, ``seal`` to the sending one.

    Raises ValueError for a key or mode that is none."""

    def __init__(self, mode: str, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a transport key has {KEY_BYTES} bytes, not {len(key)}")
        if mode not in SUPPORTED_MODES:
            raise ValueError(f"the transport mode {mode!r} is not supported")
        self.mode: Final[Mode] = mode
        self.key: Final = key
        self._padding = _PADDING[mode]
        self._decrypt, self._encrypt = _xchacha(key) if mode == XCHACHA else _aes_gcm(key)
        self._sealed = 0

    def open(self, packet: bytes, clear_bytes: int) -> bytes | None:
        """What was sealed in a packet (its header read by ``read_header``); None when it is forged."""
        nonce = packet[-NONCE_BYTES:] + self._padding
        return self._decrypt(packet[clear_bytes:-NONCE_BYTES], packet[:clear_bytes], nonce)

    def seal(self, header: bytes, payload: bytes) -> bytes:
        """The whole packet. Raises NonceExhausted."""
        if self._sealed >> 32:
            raise NonceExhausted("this connection's key is used up: reconnect")
        counter = _COUNTER.pack(self._sealed)
        self._sealed += 1
        return header + self._encrypt(payload, header, counter + self._padding) + counter


type _Decrypt = Callable[[bytes, bytes, bytes], bytes | None]
type _Encrypt = Callable[[bytes, bytes, bytes], bytes]


def _xchacha(key: bytes) -> tuple[_Decrypt, _Encrypt]:
    def decrypt(sealed: bytes, clear: bytes, nonce: bytes) -> bytes | None:
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, clear, nonce, key)
        except CryptoError:
            return None

    def encrypt(payload: bytes, clear: bytes, nonce: bytes) -> bytes:
        return crypto_aead_xchacha20poly1305_ietf_encrypt(payload, clear, nonce, key)

    return decrypt, encrypt


def _aes_gcm(key: bytes) -> tuple[_Decrypt, _Encrypt]:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    opening, sealing = AESGCM(key), AESGCM(key)  # two threads, two objects

    def decrypt(sealed: bytes, clear: bytes, nonce: bytes) -> bytes | None:
        try:
            return opening.decrypt(nonce, sealed, clear)
        except InvalidTag:
            return None

    def encrypt(payload: bytes, clear: bytes, nonce: bytes) -> bytes:
        return sealing.encrypt(nonce, payload, clear)

    return decrypt, encrypt


WINDOW: Final = 256
"""How far behind the newest a sequence number may come (RFC 3711 asks for 64 at least): 5 s."""
FAR_AHEAD: Final = 3000
"""A minute of packets. Sequence numbers come round in 22 minutes, so that old packets look like coming ones for half of
that time: farther ahead than this, the seal's counter must say that a packet is new. (Not for each packet, because no
document promises that Discord's servers count them in one row.) In a DAVE call replays end at its seal anyhow."""
RESTART_AFTER: Final = 50
"""So many packets that are all too old, yet each sealed later than the one before, are a sender who began to
count anew (a bot that reconnected, say), not a replay: a replayed packet carries its old counter."""


class ReplayWindow:
    """The sequence numbers seen from one SSRC. Ask only about packets that the key has opened."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._newest_counter = 0
        self._seen = 0
        """Bit n: ``newest - n`` was seen."""
        self._restarting = 0
        self._restart_counter = 0
        self._restart_began = 0
        self._oldest_counter: int | None = None
        """Of the first packet since the last restart: what is older is a recording, whatever its number."""

    def admits(self, sequence: int, counter: int) -> bool:
        """Whether this is news. ``counter``: the four bytes at the packet's end, as a number."""
        if self._newest is None:
            self._start(sequence, counter)
            return True
        if self._oldest_counter is not None and _signed(counter - self._oldest_counter, 32) < 0:
            return False
        ahead = _signed(sequence - self._newest, 16)
        if ahead > FAR_AHEAD and _signed(counter - self._newest_counter, 32) <= 0:
            return False
        if ahead > 0:
            self._seen = (self._seen << ahead | 1) & ((1 << WINDOW) - 1) if ahead < WINDOW else 1
            self._newest = sequence
        elif -ahead < WINDOW:
            if self._seen >> -ahead & 1:
                return False
            self._seen |= 1 << -ahead
        else:
            return self._restarts(sequence, counter)
        self._restarting = 0
        if _signed(counter - self._newest_counter, 32) > 0:
            self._newest_counter = counter
        return True

    def _start(self, sequence: int, counter: int) -> None:
        self._newest, self._newest_counter, self._seen, self._restarting = sequence, counter, 1, 0

    def _restarts(self, sequence: int, counter: int) -> bool:
        latest = self._restart_counter if self._restarting else self._newest_counter
        if _signed(counter - latest, 32) <= 0:
            return False  # a recording, which is not to hold up who begins anew
        if not self._restarting:
            self._restart_began = counter
        self._restarting += 1
        self._restart_counter = counter
        if self._restarting < RESTART_AFTER:
            return False
        self._start(sequence, counter)
        self._oldest_counter = self._restart_began
        return True


def _signed(difference: int, bits: int) -> int:
    """A difference of two modular numbers, as the shorter way round."""
    half = 1 << bits - 1
    return (difference + half & (1 << bits) - 1) - half
