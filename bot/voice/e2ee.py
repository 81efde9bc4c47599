"""Our seat in a DAVE group (https://daveprotocol.com): which keys are ours, and whose are the others'. Event loop only,
but for ``seal`` and ``is_ready``, which the sending thread asks.

Built on nextcord's own session. What is done differently, and why, is in docs/discord-voice.md.
"""

import threading
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import dave
from loguru import logger
from nextcord.voice_client import E2EEState

from bot.voice.receiving import Order

if TYPE_CHECKING:
    from nextcord import ClientUser, VoiceClient
    from nextcord.gateway import DiscordVoiceWebSocket

SOLE_MEMBER_TRANSITION: Final = 0
"""Executed when it is announced: nobody has to be waited for."""
REJOIN_PAUSE_SECONDS: Final = 10.0
"""Between two attempts to join the group anew."""


class Seat(Protocol):
    """The voice connection, as far as its group cares."""

    ssrc: int

    @property
    def user(self) -> "ClientUser": ...

    @property
    def channel(self) -> Any: ...  # noqa: ANN401 - of any kind that can be connected to

    @property
    def ws(self) -> "DiscordVoiceWebSocket": ...

    def get_max_dave_protocol_version(self) -> int: ...

    def post(self, order: Order) -> None:
        """Have something done to the receiver, before it reads its next packet."""


class GroupState(E2EEState):
    """DAVE as one voice connection lives it."""

    def __init__(self, connection: Seat) -> None:
        super().__init__(cast("VoiceClient", connection))
        self._connection = connection
        self._roster: set[int] = set()
        self._external_sender = b""
        self._sending_version = 0
        self._last_transition = SOLE_MEMBER_TRANSITION
        self._rejoin_at = 0.0
        self._own_keys: dict[int, dave.IKeyRatchet] = {}
        """Ours in each epoch that waits for its transition. Each is used once: with a key its counter begins anew, and
        what was sealed by the same numbers before would be given away by it, and taken for a replay."""
        self._lock = threading.Lock()
        """Held while the encryptor is used or its key exchanged."""

    @property
    def is_ready(self) -> bool:
        """Whether what is sent now can be understood by the others, and by nobody else."""
        with self._lock:
            return self._sending_version == 0 or self._has_key()

    @property
    def is_sealed(self) -> bool:
        """Whether what we send is end-to-end encrypted."""
        with self._lock:
            return self._sending_version > 0 and self._has_key()

    def can_encrypt(self) -> bool:
        return self.is_sealed

    def seal(self, frame: bytes) -> bytes | None:
        """An Opus packet as it has to be sent; None when it must not be."""
        with self._lock:
            if self._sending_version == 0:
                return frame
            return self.encrypt(frame) if self._has_key() else None

    def _has_key(self) -> bool:
        return self._encryptor is not None and self._encryptor.has_key_ratchet()

    def forget_users(self) -> None:
        """A new connection: the gateway tells anew who is there."""
        self._recognised_users = {self._connection.user.id}
        self._external_sender = b""

    async def initialise(self, protocol_version: int) -> None:
        """The session description names the call's version. Raises RuntimeError for one that we don't know."""
        self._check(protocol_version)
        self._prepared_transitions.clear()
        self._own_keys.clear()
        with self._lock:
            self._encryptor = dave.Encryptor()
            self._encryptor.assign_ssrc_to_codec(self._connection.ssrc, dave.Codec.opus)
            self._sending_version = protocol_version
        if protocol_version:
            await self.prepare_epoch(self.NEW_MLS_GROUP_EPOCH, protocol_version)
        else:
            self._session.reset()

    async def prepare_epoch(self, epoch: int, protocol_version: int) -> None:
        self._check(protocol_version)
        if epoch == self.NEW_MLS_GROUP_EPOCH:
            await self._found(protocol_version)

    async def prepare_transition(self, transition_id: int, protocol_version: int) -> None:
        """From now on both sides of the transition are heard; only what we send waits for its execution."""
        self._check(protocol_version)
        if protocol_version == 0:
            self._connection.post(lambda receiver: receiver.sealed_speech.allow_plain())
        self._last_transition = transition_id
        await super().prepare_transition(transition_id, protocol_version)

    def execute_transition(self, transition_id: int) -> None:
        version = self._prepared_transitions.pop(transition_id, None)
        if version is None:
            logger.warning("Discord executes a transition of the voice encryption that it never announced")
            return
        own_key = self._own_keys.pop(transition_id, None)
        if version == 0:
            self._session.reset()
        with self._lock:
            if self._encryptor is None:
                return
            if version == 0 or own_key is not None:
                self._encryptor.set_key_ratchet(own_key if version else None)
            self._sending_version = version

    def mls_external_sender(self, data: bytes) -> None:
        self._external_sender = data
        super().mls_external_sender(data)

    async def mls_announce_commit_transition(self, transition_id: int, data: bytes) -> None:
        result = self._session.process_commit(data)
        if result is dave.RejectType.ignored:
            return
        if result is dave.RejectType.failed:
            await self._rejoin(transition_id)
        else:
            assert isinstance(result, dict)
            await self._enter(transition_id, result)

    async def mls_welcome(self, transition_id: int, data: bytes) -> None:
        known = {str(user_id) for user_id in self._recognised_users}
        roster = self._session.process_welcome(data, recognized_user_ids=known)
        if roster is None:
            await self._rejoin(transition_id)
        else:
            await self._enter(transition_id, roster)

    async def lost_step(self, now: float) -> None:
        """Nobody could be understood for a while: ask to be let in anew, though not at once again."""
        if now < self._rejoin_at or not self._session.get_protocol_version():
            return
        self._rejoin_at = now + REJOIN_PAUSE_SECONDS
        logger.warning("The others' voice encryption can't be followed: joining their group anew")
        await self._rejoin(self._last_transition)

    async def _enter(self, transition_id: int, changes: dict[int, list[int]]) -> None:
        """A new epoch: ``changes`` are its members whose key is new, and with an empty one those who left."""
        for user_id, key in changes.items():
            if key:
                self._roster.add(user_id)
            else:
                self._roster.discard(user_id)
        ratchets = {
            user_id: ratchet
            for user_id in self._roster - {self._connection.user.id}
            if (ratchet := self._session.get_key_ratchet(str(user_id))) is not None
        }
        self._connection.post(lambda receiver: receiver.sealed_speech.install(ratchets))
        own_key = self._session.get_key_ratchet(str(self._connection.user.id))
        if own_key is not None:
            self._own_keys[transition_id] = own_key
        await self.prepare_transition(transition_id, self._session.get_protocol_version())

    async def _rejoin(self, transition_id: int) -> None:
        """Our group state is worthless. What we send stays sealed with the key that the others still have."""
        version = self._session.get_protocol_version()
        await self._connection.ws.send_dave_mls_invalid_commit_welcome(transition_id)
        await self._found(version)

    async def _found(self, version: int) -> None:
        """Offer ourselves to a new group. The session is a new one too: it tells only how its roster changed, and an
        old one would keep to itself who was in the group before. For others who keep theirs, our key is a new one."""
        key = dave.SignatureKeyPair.generate(version)
        self._session = dave.Session(self._handle_mls_failure)
        self._session.init(version, getattr(self._connection.channel, "id", 0), str(self._connection.user.id), key)
        self._roster.clear()
        if self._external_sender:
            self._session.set_external_sender(self._external_sender)
        await self._connection.ws.send_dave_mls_key_package(self._session.get_marshalled_key_package())

    def _check(self, version: int) -> None:
        known = self._connection.get_max_dave_protocol_version()
        if not 0 <= version <= known:
            raise RuntimeError(
                f"Discord asks for version {version} of its voice encryption; the newest known is {known}"
            )
