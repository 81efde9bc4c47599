"""Coming and going: what keeps Priya out of a voice channel, what puts her out, and how she finds back."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import nextcord
import pytest
import pytest_asyncio

from bot.voice import rooms
from bot.voice.closing import Ended
from bot.voice.joining import CannotJoin
from bot.voice.remembered_rooms import RememberedRoom, RememberedRooms
from bot.voice.room import VoiceRoom
from tests.discord.channel import Channel
from tests.discord.events import NickChanged, VoiceStateChanged
from tests.discord.permissions import Permission
from tests.discord.refusals import missing_permissions
from tests.integration.voice_rooms import (
    RoomScene,
    her_next_words,
    is_remembered,
    room_scene,
    room_stack,
    says,
    until_back,
    until_tidy,
)

pytestmark = pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float':DeprecationWarning")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from room_stack(tmp_path_factory.mktemp("room"))


@pytest_asyncio.fixture
async def scene(monkeypatch: pytest.MonkeyPatch, stack: str) -> AsyncIterator[RoomScene]:
    async with room_scene(monkeypatch, stack) as set_up:
        yield set_up


async def added(scene: RoomScene, channel: Channel) -> nextcord.abc.GuildChannel:
    """A channel that was made just now."""
    await scene.scene.discord.gateway.dispatch("CHANNEL_CREATE", channel.payload(), scene.scene.home.id)
    guild = scene.scene.client.get_guild(scene.scene.home.id)
    assert guild is not None
    async with asyncio.timeout(5):
        while (place := guild.get_channel(channel.id)) is None:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    return place


async def denied(scene: RoomScene, permission: Permission) -> nextcord.VoiceChannel:
    place = scene.place(scene.scene.channel)
    before = place.permissions_for(place.guild.me)
    await scene.scene.home.deny_bot(scene.scene.channel, permission)
    async with asyncio.timeout(5):
        while place.permissions_for(place.guild.me) == before:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    return place


async def why_not(scene: RoomScene, channel: nextcord.abc.GuildChannel) -> str:
    with pytest.raises(CannotJoin) as refused:
        await scene.rooms.join(channel, None)  # type: ignore[arg-type]  # whatever somebody points at
    assert scene.rooms.of(scene.scene.home.id) is None
    return refused.value.reason


async def until_out(scene: RoomScene) -> None:
    async with asyncio.timeout(8):
        while scene.rooms.of(scene.scene.home.id) is not None:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)


async def dragged(scene: RoomScene, room: VoiceRoom, channel: Channel) -> None:
    await scene.scene.home.move_bot(channel)
    async with asyncio.timeout(8):
        while room.channel.id != channel.id:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)


def announced_in(scene: RoomScene) -> list[tuple[VoiceRoom, object]]:
    """From now on: which rooms are announced, and where she writes there."""
    announced: list[tuple[VoiceRoom, object]] = []

    async def announce(room: VoiceRoom) -> None:
        announced.append((room, room.written_in))

    scene.rooms.announce = announce
    return announced


@pytest.mark.parametrize(
    ("permission", "reason"),
    [
        (Permission.CONNECT, "no_permission"),
        (Permission.VIEW_CHANNEL, "no_permission"),
        (Permission.SPEAK, "no_speak"),
    ],
)
async def test_without_permission_she_stays_out_and_says_why(
    scene: RoomScene, permission: Permission, reason: str
) -> None:
    assert await why_not(scene, await denied(scene, permission)) == reason


async def test_a_full_channel_has_no_seat_for_her(scene: RoomScene) -> None:
    small = scene.scene.home.add_voice_channel("chhota", user_limit=1)
    place = await added(scene, small)
    asha = scene.scene.home.add_member("Asha")
    await asha.join(small)
    async with asyncio.timeout(5):
        while not isinstance(place, nextcord.VoiceChannel) or not place.voice_states:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await why_not(scene, place) == "full"


async def test_a_stage_is_not_for_her(scene: RoomScene) -> None:
    assert await why_not(scene, await added(scene, scene.scene.home.add_stage_channel())) == "stage"


async def test_a_channel_that_is_gone_can_not_be_joined(scene: RoomScene) -> None:
    place = scene.place(scene.scene.channel)
    await scene.scene.home.delete_channel(scene.scene.channel)
    async with asyncio.timeout(5):
        while place.guild.get_channel(place.id) is not None:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    assert await why_not(scene, place) == "gone"


async def test_when_discord_never_answers_she_says_so(scene: RoomScene) -> None:
    scene.scene.discord.voice_states.sends_server_updates = False
    assert await why_not(scene, scene.place(scene.scene.channel)) == "timeout"


async def test_two_who_call_her_at_once_get_the_same_room(scene: RoomScene) -> None:
    announced: list[VoiceRoom] = []

    async def announce(room: VoiceRoom) -> None:
        announced.append(room)

    scene.rooms.announce = announce
    place = scene.place(scene.scene.channel)
    one, other = await asyncio.gather(scene.rooms.join(place, None), scene.rooms.join(place, None))
    assert one is other is scene.rooms.of(place.guild.id)
    assert announced == [one]


async def test_who_calls_her_while_she_is_still_coming_is_told_that_she_is_busy(
    scene: RoomScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.rooms, "_lock_seconds", 0.05)
    scene.scene.discord.voice_states.sends_server_updates = False
    place = scene.place(scene.scene.channel)
    first = asyncio.create_task(why_not(scene, place))
    await asyncio.sleep(0)  # it has begun
    assert await why_not(scene, place) == "busy"
    assert not first.done()
    assert await first == "timeout"


async def test_called_elsewhere_she_moves(scene: RoomScene) -> None:
    here = await scene.rooms.join(scene.place(scene.scene.channel), None)
    there = await scene.rooms.join(scene.place(scene.scene.added_channel), None)
    assert here is not there
    assert there is scene.rooms.of(scene.scene.home.id)
    assert there.channel.id == scene.scene.added_channel.id
    await until_tidy(scene)
    assert await is_remembered(scene)


async def test_her_name_is_marked_while_she_listens(scene: RoomScene) -> None:
    journal = scene.scene.discord.journal
    mark = journal.mark()
    await scene.rooms.join(scene.place(scene.scene.channel), None)
    marked = await journal.first(NickChanged, since=mark)
    assert marked.nick is not None
    assert marked.nick.endswith("🎧")
    mark = journal.mark()
    assert await scene.rooms.leave(scene.scene.home.id)
    assert not (await journal.first(NickChanged, since=mark)).nick
    assert not await scene.rooms.leave(scene.scene.home.id)
    assert not await is_remembered(scene)


async def test_who_may_not_change_her_name_listens_all_the_same(scene: RoomScene) -> None:
    scene.scene.discord.rest_faults.refuse("nick", missing_permissions())
    await scene.rooms.join(scene.place(scene.scene.channel), None)
    await until_tidy(scene)
    assert await scene.rooms.leave(scene.scene.home.id)


async def test_put_out_she_stays_out(scene: RoomScene) -> None:
    asha = await scene.person("Asha")
    await scene.join(asha)
    await scene.scene.home.kick_bot_from_voice()
    await until_out(scene)
    await until_tidy(scene)
    assert not await is_remembered(scene)
    await says(asha, "sing something")  # and nobody is there to mind


async def test_after_a_restart_she_is_back_where_she_was(
    scene: RoomScene, monkeypatch: pytest.MonkeyPatch, stack: str
) -> None:
    asha = await scene.person("Asha")
    await scene.join(asha)
    await scene.rooms.close()
    assert scene.rooms.of(scene.scene.home.id) is None
    assert await is_remembered(scene)
    scene.rooms._closing.clear()  # the process starts anew
    await scene.rooms.rejoin(scene.scene.client, [scene.scene.home.id, 4711])
    room = scene.rooms.of(scene.scene.home.id)
    assert room is not None
    scene.room = room
    await scene.she_is_heard_by(asha)
    await says(asha, "sing something")
    await her_next_words(asha)


async def test_a_remembered_channel_that_is_gone_is_forgotten(scene: RoomScene) -> None:
    await scene.rooms.join(scene.place(scene.scene.channel), None)
    await scene.rooms.close()
    await scene.scene.home.delete_channel(scene.scene.channel)
    scene.rooms._closing.clear()
    async with asyncio.timeout(5):
        while scene.scene.client.get_channel(scene.scene.channel.id) is not None:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    await scene.rooms.rejoin(scene.scene.client, [scene.scene.home.id])
    assert scene.rooms.of(scene.scene.home.id) is None
    assert not await is_remembered(scene)


async def test_her_seat_is_lost_with_the_session_and_she_takes_it_again(scene: RoomScene) -> None:
    asha = await scene.person("Asha")
    first = await scene.join(asha)
    mark = scene.scene.discord.journal.mark()
    await scene.scene.discord.gateway.invalidate_sessions(resumable=False)
    me = scene.scene.home.bot.id
    await scene.scene.discord.journal.first(
        VoiceStateChanged, lambda event: event.user_id == me and event.channel_id is not None, since=mark
    )
    async with asyncio.timeout(10):
        while (room := scene.rooms.of(scene.scene.home.id)) is None or room is first:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    scene.room = room
    await scene.she_is_heard_by(asha)


async def test_moved_by_a_moderator_she_talks_with_who_is_there(scene: RoomScene) -> None:
    asha = await scene.person("Asha")
    room = await scene.join(asha)
    other = scene.scene.added_channel
    await asha.leave()
    await asha.join(other)
    await scene.scene.home.move_bot(other)
    async with asyncio.timeout(10):
        while room.channel.id != other.id or room.people != 1:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    await scene.she_is_heard_by(asha)
    await says(asha, "sing something")
    await her_next_words(asha)
    assert room._agenda.current is not None
    assert room._agenda.current.who.conversation == f"discord:{other.id}"


async def test_moved_she_tells_it_in_the_chat_of_the_channel_where_she_is_now(scene: RoomScene) -> None:
    here, there = scene.place(scene.scene.channel), scene.place(scene.scene.added_channel)
    room = await scene.rooms.join(here, here)
    announced = announced_in(scene)
    await dragged(scene, room, scene.scene.added_channel)
    await scene.rooms.moved(here.guild.id)
    assert announced == [(room, there)]
    kept = await RememberedRooms(scene.turns.dispatcher.redis).of(here.guild.id)
    assert kept == RememberedRoom(here.guild.id, there.id, there.id)


async def test_moved_to_where_nobody_can_be_told_she_leaves(scene: RoomScene) -> None:
    room = await scene.rooms.join(scene.place(scene.scene.channel), None)

    async def announce(_room: VoiceRoom) -> None:
        raise TimeoutError

    scene.rooms.announce = announce
    await dragged(scene, room, scene.scene.added_channel)
    with pytest.raises(TimeoutError):
        await scene.rooms.moved(scene.scene.home.id)
    assert scene.rooms.of(scene.scene.home.id) is None
    assert not await is_remembered(scene)


@pytest.mark.parametrize("agrees", [True, False])
async def test_back_again_she_says_so_once_if_somebody_may_not_know(scene: RoomScene, *, agrees: bool) -> None:
    asha = await scene.person("Asha", agrees=agrees)
    if not agrees:  # the other tests share this Redis
        await scene.consent.revoke(asha.id)
    await scene.rooms.join(scene.place(scene.scene.channel), None)
    await scene.rooms.close()
    scene.rooms._closing.clear()
    announced = announced_in(scene)
    for _ in range(2):
        await scene.rooms.rejoin(scene.scene.client, [scene.scene.home.id])
    room = scene.rooms.of(scene.scene.home.id)
    assert announced == ([] if agrees else [(room, None)])


async def test_sent_away_while_she_comes_she_goes_again(scene: RoomScene) -> None:
    coming = asyncio.create_task(scene.rooms.join(scene.place(scene.scene.channel), None))
    await asyncio.sleep(0)  # it has begun
    assert await scene.rooms.leave(scene.scene.home.id)
    await coming
    assert scene.rooms.of(scene.scene.home.id) is None
    assert not await is_remembered(scene)


async def test_sent_away_twice_at_once_she_goes_once(scene: RoomScene) -> None:
    await scene.rooms.join(scene.place(scene.scene.channel), None)
    gone = await asyncio.gather(*(scene.rooms.leave(scene.scene.home.id) for _ in range(2)))
    assert gone == [True, False]


async def test_a_connection_that_is_lost_is_taken_up_again(scene: RoomScene) -> None:
    room = await scene.rooms.join(scene.place(scene.scene.channel), None)
    await scene.rooms._connections[room].give_up(Ended.LOST)
    assert (await until_back(scene, not_in=room)).channel == room.channel


async def test_where_all_seats_are_taken_she_waits_for_one(scene: RoomScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "COME_BACK_AFTER_SECONDS", (0.05,) * 100)
    small = scene.scene.home.add_voice_channel("chhota", user_limit=1)
    place = await added(scene, small)
    asha = scene.scene.home.add_member("Asha")
    await asha.join(small)
    async with asyncio.timeout(5):
        while not isinstance(place, nextcord.VoiceChannel) or not place.voice_states:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await RememberedRooms(scene.turns.dispatcher.redis).remember(RememberedRoom(place.guild.id, place.id, None))
    await scene.rooms.rejoin(scene.scene.client, [place.guild.id])
    assert scene.rooms.of(place.guild.id) is None
    await asha.leave()
    assert (await until_back(scene)).channel.id == place.id
