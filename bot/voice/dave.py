"""Open what other people's clients sealed for us end to end (DAVE, https://daveprotocol.com). Receiving thread only.

Who is in the group and with which key is decided on the event loop (bot/voice/e2ee.py), which posts it here.
"""

import logging
from collections.abc import Mapping
from typing import Final

import dave

from bot.voice.rtp import SILENCE

GRACE_SECONDS: Final = 10.0
"""How long an older key, or plain sound after an upgrade, still opens what was under way (DAVE's own figure)."""
FAILURES_TO_REJOIN: Final = 36
"""So many frames in a row that can't be opened (0.7 s): our group state is worth nothing. discord.js's figure."""

# Two lines for every frame that can't be opened, a hundred a second and speaker; we count them where they are dropped.
logging.getLogger("dave").setLevel(logging.CRITICAL)


class SealedSpeech:
    """The decryptors of everyone in one call."""

    def __init__(self) -> None:
        self._decryptors: dict[int, dave.Decryptor] = {}
        self._keyed: set[int] = set()
        self._is_plain = True
        self._failures = 0

    def begin(self, version: int) -> None:
        """A new connection: nobody's key is known. ``version`` 0: a call without end-to-end encryption."""
        self._decryptors.clear()
        self._keyed.clear()
        self._is_plain = version == 0
        self._failures = 0

    def allow_plain(self) -> None:
        """The call is being downgraded: plain frames are welcome from now on, sealed ones still."""
        self._is_plain = True
        for decryptor in self._decryptors.values():
            decryptor.transition_to_passthrough_mode(True, GRACE_SECONDS)

    def install(self, ratchets: Mapping[int, dave.IKeyRatchet]) -> None:
        """A new epoch: everyone's new key, by user id. What is under way stays readable for a while."""
        self._is_plain = False
        self._failures = 0
        self._keyed = set(ratchets)
        for user_id, ratchet in ratchets.items():
            self._decryptor(user_id).transition_to_key_ratchet(ratchet, GRACE_SECONDS)
        for decryptor in self._decryptors.values():
            decryptor.transition_to_passthrough_mode(False, GRACE_SECONDS)

    def forget(self, user_id: int) -> None:
        """Somebody left the call."""
        self._decryptors.pop(user_id, None)
        self._keyed.discard(user_id)

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        """Somebody's Opus packet; None when it can't be read, or is a forgery or a replay."""
        opened = self._decryptor(user_id).decrypt(dave.MediaType.audio, frame)
        if opened is None:
            self._failures += user_id in self._keyed
        elif opened != SILENCE:
            self._failures = 0
        return opened

    def has_lost_step(self) -> bool:
        """Whether nothing could be opened for so long that the group must be joined anew. Tells it once."""
        if self._failures < FAILURES_TO_REJOIN:
            return False
        self._failures = 0
        return True

    def _decryptor(self, user_id: int) -> dave.Decryptor:
        decryptor = self._decryptors.get(user_id)
        if decryptor is None:
            decryptor = self._decryptors[user_id] = dave.Decryptor()
            if self._is_plain:
                decryptor.transition_to_passthrough_mode(True, GRACE_SECONDS)
        return decryptor
