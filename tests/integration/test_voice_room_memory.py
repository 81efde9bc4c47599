"""What she remembers of her seats, and her name's mark, when Redis or Discord does not answer in time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from unittest.mock import AsyncMock

import nextcord
import pytest
import pytest_asyncio
from redis.exceptions import RedisError

from bot.voice import rooms
from bot.voice.nickname import MARK, Nickname
from bot.voice.remembered_rooms import RememberedRoom, RememberedRooms
from tests.integration.voice_rooms import RoomScene, is_remembered, room_scene, room_stack, until_back, until_tidy

pytestmark = pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float':DeprecationWarning")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from room_stack(tmp_path_factory.mktemp("room"))


@pytest_asyncio.fixture
async def scene(monkeypatch: pytest.MonkeyPatch, stack: str) -> AsyncIterator[RoomScene]:
    async with room_scene(monkeypatch, stack) as set_up:
        yield set_up


async def test_of_many_servers_none_is_forgotten_at_the_start(scene: RoomScene) -> None:
    """Redis has connections for a hundred."""
    place = scene.place(scene.scene.channel)
    await RememberedRooms(scene.turns.dispatcher.redis).remember(RememberedRoom(place.guild.id, place.id, None))
    await scene.rooms.rejoin(scene.scene.client, [*range(1, 400), place.guild.id])
    assert (await until_back(scene)).channel.id == place.id


async def test_when_redis_does_not_know_where_she_sat_it_is_asked_again(
    scene: RoomScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "FORGET_AGAIN_SECONDS", 0.05)
    place = scene.place(scene.scene.channel)
    await RememberedRooms(scene.turns.dispatcher.redis).remember(RememberedRoom(place.guild.id, place.id, None))
    asked = RememberedRooms.all
    fails = [RedisError("away"), RedisError("still away")]

    async def sometimes(self: RememberedRooms) -> frozenset[int]:
        if fails:
            raise fails.pop()
        return await asked(self)

    monkeypatch.setattr(RememberedRooms, "all", sometimes)
    await scene.rooms.rejoin(scene.scene.client, [place.guild.id])
    assert (await until_back(scene)).channel.id == place.id


async def test_sent_away_while_redis_is_away_she_does_not_come_back(
    scene: RoomScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "FORGET_AGAIN_SECONDS", 0.05)
    place = scene.place(scene.scene.channel)
    await scene.rooms.join(place, None)
    redis = scene.turns.dispatcher.redis
    with monkeypatch.context() as away:
        away.setattr(redis, "hdel", AsyncMock(side_effect=RedisError("away")))
        await scene.rooms.leave(place.guild.id)
        assert scene.rooms.of(place.guild.id) is None
        assert await is_remembered(scene)
        await scene.rooms.rejoin(scene.scene.client, [place.guild.id])
        assert scene.rooms.of(place.guild.id) is None
    async with asyncio.timeout(5):
        while await is_remembered(scene):  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("comes_again", [False, True])
async def test_who_goes_before_her_name_was_marked_leaves_no_mark_unless_she_listens_again(
    scene: RoomScene, monkeypatch: pytest.MonkeyPatch, *, comes_again: bool
) -> None:
    place, edit, may_go = scene.place(scene.scene.channel), nextcord.Member.edit, asyncio.Event()

    async def slow_edit(self: nextcord.Member, *, nick: str | None) -> None:
        await may_go.wait()
        await edit(self, nick=nick)

    monkeypatch.setattr(nextcord.Member, "edit", slow_edit)
    await scene.rooms.join(place, None)
    await scene.rooms.leave(place.guild.id)
    if comes_again:
        await scene.rooms.join(place, None)
    may_go.set()
    await until_tidy(scene)
    assert (scene.scene.home.bot.nick or "").endswith(MARK) == comes_again


async def test_who_renamed_her_meanwhile_has_the_last_word(scene: RoomScene) -> None:
    me = scene.place(scene.scene.channel).guild.me
    nickname = Nickname(me.guild)
    await nickname.mark()
    me.nick = "Priya di"
    await nickname.restore(lambda: True)
    assert (scene.scene.home.bot.nick or "").endswith(MARK), "nothing was asked of Discord"
    me.nick = f"Priya di{MARK}"
    await nickname.restore(lambda: True)
    assert scene.scene.home.bot.nick == "Priya di"
