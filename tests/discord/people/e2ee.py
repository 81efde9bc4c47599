"""A simulated person's end-to-end encryption: the client's side of DAVE, with libdave."""

import asyncio
import struct
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final

import dave

from tests.discord.events import Json
from tests.discord.voice.ops import Op

if TYPE_CHECKING:
    from tests.discord.people.headset import Headset

EXPIRY_SECONDS: Final = 10.0
"""How long the old keys are still good after a transition, as daveprotocol.com asks for."""


class PersonalDave:
    """Belongs to the simulator's loop. Answers the server in tasks of its own, as if over a wire."""

    def __init__(self, headset: "Headset") -> None:
        self._headset = headset
        self._session = dave.Session(self._on_failure)
        self._encryptor = dave.Encryptor()
        self._encryptor.set_passthrough_mode(True)
        self._decryptors: dict[int, dave.Decryptor] = {}
        self._pending: dict[int, int] = {}
        self._members: set[int] = set()
        self._version = 0
        self._key_package: bytes | None = None
        """Made, and not yet sent."""
        self._is_seated = False
        self._answers: set[asyncio.Task[None]] = set()
        self.failures: list[str] = []
        """What libdave complained of."""

    @property
    def version(self) -> int:
        """What is sent with."""
        return self._version

    async def begin(self, version: int) -> None:
        """After op 4."""
        self._encryptor.assign_ssrc_to_codec(self._headset.ssrc, dave.Codec.opus)
        if version:
            self._new_group(version)

    def take_seat(self) -> None:
        """The server knows this seat now: it may be answered."""
        self._is_seated = True
        self._send_key_package()

    async def receive(self, op: int, data: Json) -> None:
        if op == Op.PREPARE_TRANSITION:
            self._prepare(data["transition_id"], data["protocol_version"])
        elif op == Op.EXECUTE_TRANSITION:
            self._execute(data["transition_id"])
        elif op == Op.PREPARE_EPOCH and data["epoch"] == 1:
            self._new_group(data["protocol_version"])

    async def receive_binary(self, op: int, payload: bytes) -> None:
        if op == Op.EXTERNAL_SENDER:
            self._session.set_external_sender(payload)
        elif op == Op.PROPOSALS:
            commit = self._session.process_proposals(payload, self._recognized())
            if commit is not None:
                self._answer_binary(Op.COMMIT_WELCOME, commit)
        elif op == Op.ANNOUNCE_COMMIT:
            changed = self._session.process_commit(payload[2:])
            if changed is not dave.RejectType.ignored:
                self._follow(struct.unpack(">H", payload[:2])[0], changed if isinstance(changed, dict) else None)
        elif op == Op.WELCOME:
            self._members = set()
            welcomed = self._session.process_welcome(payload[2:], self._recognized())
            self._follow(struct.unpack(">H", payload[:2])[0], welcomed)

    def encrypt(self, opus: bytes) -> bytes:
        encrypted = self._encryptor.encrypt(dave.MediaType.audio, self._headset.ssrc, opus)
        assert encrypted is not None, "libdave couldn't encrypt"
        return bytes(encrypted)

    def decrypt(self, user_id: int, frame: bytes) -> bytes | None:
        """None when it can't be."""
        opus = self._decryptor(user_id).decrypt(dave.MediaType.audio, frame)
        return None if opus is None else bytes(opus)

    def _new_group(self, version: int) -> None:
        key = dave.SignatureKeyPair.generate(version)
        self._members = set()
        self._session.init(version, self._headset.room.channel_id, str(self._headset.user_id), key)
        self._key_package = bytes(self._session.get_marshalled_key_package())
        self._send_key_package()

    def _send_key_package(self) -> None:
        if self._is_seated and self._key_package is not None:
            self._answer_binary(Op.KEY_PACKAGE, self._key_package)
            self._key_package = None

    def _follow(self, transition_id: int, changed: dict[int, list[int]] | None) -> None:
        """A commit or Welcome that was read, or not: get ready for its transition."""
        if changed is None:
            self._answer(Op.INVALID_COMMIT_WELCOME, {"transition_id": transition_id})
            self._new_group(self._session.get_protocol_version() or 1)
            return
        for user_id, key in changed.items():
            (self._members.add if key else self._members.discard)(user_id)
        for user_id in self._members - {self._headset.user_id}:
            ratchet = self._session.get_key_ratchet(str(user_id))
            if ratchet is not None:
                self._decryptor(user_id).transition_to_key_ratchet(ratchet, EXPIRY_SECONDS)
                self._decryptor(user_id).transition_to_passthrough_mode(False, EXPIRY_SECONDS)
        self._prepare(transition_id, self._session.get_protocol_version())

    def _prepare(self, transition_id: int, version: int) -> None:
        self._pending[transition_id] = version
        if version == 0:
            for decryptor in self._decryptors.values():
                decryptor.transition_to_passthrough_mode(True, EXPIRY_SECONDS)
        if transition_id == 0:
            self._execute(0)
        else:
            self._answer(Op.TRANSITION_READY, {"transition_id": transition_id})

    def _execute(self, transition_id: int) -> None:
        version = self._pending.pop(transition_id, None)
        if version is None:
            return
        self._version = version
        if version == 0:
            self._session.reset()
            self._encryptor.set_passthrough_mode(True)
            self._encryptor.set_key_ratchet(None)
        else:
            self._encryptor.set_key_ratchet(self._session.get_key_ratchet(str(self._headset.user_id)))
            self._encryptor.set_passthrough_mode(False)

    def _decryptor(self, user_id: int) -> dave.Decryptor:
        if user_id not in self._decryptors:
            self._decryptors[user_id] = dave.Decryptor()
            self._decryptors[user_id].transition_to_passthrough_mode(True, EXPIRY_SECONDS)
        return self._decryptors[user_id]

    def _recognized(self) -> set[str]:
        return {str(user_id) for user_id in self._headset.room.seats}

    def _answer(self, op: int, data: Json) -> None:
        self._later(self._headset.room.dave.receive(self._headset, op, data))

    def _answer_binary(self, op: int, payload: bytes) -> None:
        self._later(self._headset.room.dave.receive_binary(self._headset, op, payload))

    def _later(self, answering: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(self._headset.room.journal.watch(answering))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    def _on_failure(self, source: str, reason: str) -> None:
        self.failures.append(f"{source}: {reason}")
