"""Which key what she says is sealed with, while the group around her changes. The library's part is played."""

from types import SimpleNamespace
from typing import Any, cast

import dave
import pytest

from bot.voice.client import VoiceConnection
from bot.voice.e2ee import GroupState

ME, ASHA = 1, 2


class Encryptor:
    """Notes what it is keyed with."""

    def __init__(self) -> None:
        self.keys: list[object] = []

    def set_key_ratchet(self, key: object) -> None:
        self.keys.append(key)

    def has_key_ratchet(self) -> bool:
        return bool(self.keys) and self.keys[-1] is not None


class Session:
    """Enters an epoch with each commit, and has its keys until the next."""

    def __init__(self) -> None:
        self.epoch = 0
        self.failing = False

    def process_commit(self, _: bytes) -> object:
        if self.failing:
            return dave.RejectType.failed
        self.epoch += 1
        return {ASHA: [1]}

    def get_key_ratchet(self, user_id: str) -> str | None:
        return f"{user_id} in epoch {self.epoch}" if self.epoch else None

    def get_protocol_version(self) -> int:
        return 1

    def reset(self) -> None:
        self.epoch = 0


class Gateway:
    """Whatever is told to the server."""

    def __getattr__(self, name: str) -> Any:
        async def send(*_: object) -> None: ...

        return send


@pytest.fixture
def group() -> GroupState:
    user = SimpleNamespace(id=ME)
    connection = SimpleNamespace(
        user=user, ssrc=7, ws=Gateway(), channel=SimpleNamespace(id=9), post=lambda _: None,
        get_max_dave_protocol_version=lambda: 1,
    )  # fmt: skip
    group = GroupState(cast("VoiceConnection", connection))
    group._session = cast("Any", Session())
    group._encryptor = cast("Any", Encryptor())
    group._sending_version = 1
    return group


def keys_of(group: GroupState) -> list[object]:
    return cast("Encryptor", group._encryptor).keys


async def test_each_transition_brings_its_own_epoch_s_key_once(group: GroupState) -> None:
    """The second commit is there before the first transition is executed, as when somebody's client is slow."""
    await group.mls_announce_commit_transition(11, b"")
    await group.mls_announce_commit_transition(12, b"")
    for transition in (11, 12, 12):
        group.execute_transition(transition)
    assert keys_of(group) == ["1 in epoch 1", "1 in epoch 2"]
    assert group.is_sealed


async def test_while_the_group_is_joined_anew_she_is_sealed_with_what_the_others_have(group: GroupState) -> None:
    await group.mls_announce_commit_transition(11, b"")
    cast("Any", group._session).failing = True
    await group.mls_announce_commit_transition(12, b"")
    assert not group._session.has_established_group(), "a new one"
    group.execute_transition(11)
    assert keys_of(group) == ["1 in epoch 1"]
    assert group.is_sealed


async def test_a_downgrade_takes_the_key_away(group: GroupState) -> None:
    await group.mls_announce_commit_transition(11, b"")
    group.execute_transition(11)
    await group.prepare_transition(12, 0)
    group.execute_transition(12)
    assert keys_of(group) == ["1 in epoch 1", None]
    assert group.is_ready
    assert not group.is_sealed


async def test_who_comes_back_within_one_epoch_is_heard_in_the_next(group: GroupState) -> None:
    """The library tells of changes only: the same key, taken out and put in by one commit, is none."""
    installed: list[dict[int, object]] = []
    receiver = SimpleNamespace(sealed_speech=SimpleNamespace(install=installed.append))
    cast("Any", group._connection).post = lambda order: order(receiver)
    await group.mls_announce_commit_transition(11, b"")
    group.remove_recognised_user(ASHA)
    cast("Any", group._session).process_commit = lambda _: {}
    await group.mls_announce_commit_transition(12, b"")
    assert [set(ratchets) for ratchets in installed] == [{ASHA}, {ASHA}]
