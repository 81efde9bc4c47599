"""join, leave, talk, stop."""

import asyncio
from functools import partial
from typing import get_args

import pytest

from bot.voice.joining import CannotJoin, JoinRefusal
from tasks.dispatch import NotSent
from tests.discord.events import MessagePosted, RequestMade
from tests.discord.message import EPHEMERAL
from tests.discord.permissions import Permission
from tests.discord.refusals import Refusal, missing_permissions
from tests.integration.commands.evening import DOORS, Evening, answer_of, says

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp


@pytest.mark.parametrize("door", DOORS)
async def test_she_comes_says_what_she_is_told_stops_and_goes(evening: Evening, door: str) -> None:
    place = f"<#{evening.baithak.id}>"
    assert await evening.orders(door, "join") in says("cannot_join_nowhere")
    assert await evening.orders(door, "talk", text="hi") in says("not_here")
    assert await evening.orders(door, "stop") in says("not_here")
    assert await evening.orders(door, "leave") in says("not_here")
    await evening.asha.join(evening.baithak)
    assert await evening.orders(door, "join") in says("joined", channel=place)
    assert await evening.orders(door, "join") in says("already_here", channel=place) | says("cooldown", seconds=10)
    room = evening.rooms.of(evening.home.id)
    assert room is not None
    assert await evening.orders(door, "stop") in says("nothing_to_stop")
    room.is_speaking = True
    assert await evening.orders(door, "stop") in says("stopped")
    assert await evening.orders(door, "leave") in says("left")
    assert evening.rooms.of(evening.home.id) is None


@pytest.mark.parametrize("door", DOORS)
async def test_she_says_a_text_aloud_for_whoever_wrote_it(evening: Evening, door: str) -> None:
    room = await evening.together()
    assert await evening.orders(door, "talk", text='hello "world" my friend') in says("talk_started")
    [(who, text)] = room.said
    assert text == 'hello "world" my friend'
    assert (who.id, who.name) == (str(evening.asha.id), "Asha")
    assert who.conversation == f"discord:{evening.baithak.id}"
    room.fails_with = NotSent("Redis is gone")
    assert await evening.orders(door, "talk", text="and this") in says("not_sent")


async def test_nothing_and_too_much_are_not_said(evening: Evening) -> None:
    await evening.together()
    assert await evening.writes("!talk") in says("talk_empty")
    assert await evening.writes("!talk " + "blah " * 300) in says("too_long")


async def test_she_announces_in_the_voice_channels_chat_where_she_may_not_write(evening: Evening) -> None:
    await evening.asha.join(evening.baithak)
    await evening.home.deny_bot(evening.general, Permission.SEND_MESSAGES)
    await evening.asha.answer_to(await evening.asha.use("join", evening.general))
    told = await evening.discord.bot_wrote(lambda posted: bool(posted.payload["components"]))
    assert told.channel_id == evening.baithak.id


async def test_where_she_can_not_say_that_she_listens_she_does_not_come(evening: Evening) -> None:
    await evening.asha.join(evening.baithak)
    for channel in (evening.general, evening.baithak):
        await evening.home.deny_bot(channel, Permission.SEND_MESSAGES)
    interaction = await evening.asha.use("join", evening.general)
    assert await evening.asha.answer_to(interaction) in says("cannot_write")
    assert not evening.rooms.asked.is_set()


@pytest.mark.parametrize("reason", get_args(JoinRefusal.__value__))
async def test_why_she_can_not_come_is_said_to_the_caller_alone(evening: Evening, reason: JoinRefusal) -> None:
    await evening.asha.join(evening.baithak)
    evening.rooms.refuses_with = CannotJoin(reason)
    interaction = await evening.asha.use("join", evening.general)
    assert await evening.asha.answer_to(interaction) in says(f"cannot_join_{reason}")
    assert interaction.original is not None
    assert interaction.original.flags & EPHEMERAL
    assert await evening.orders("prefix", "join") in says(f"cannot_join_{reason}")


async def test_what_takes_long_is_said_to_be_thought_about(evening: Evening) -> None:
    await evening.asha.join(evening.baithak)
    evening.rooms.opens.clear()
    interaction = await evening.asha.use("join", evening.general)
    assert (await answer_of(evening, interaction)).kind == 5
    evening.rooms.opens.set()
    place = f"<#{evening.baithak.id}>"
    assert await evening.asha.answer_to(interaction) in says("joined", channel=place)


async def test_where_nobody_could_be_told_that_she_listens_she_does_not_stay(evening: Evening) -> None:
    await evening.asha.join(evening.baithak)
    evening.discord.rest_faults.refuse(f"POST /channels/{evening.general.id}", missing_permissions())
    evening.discord.rest_faults.refuse(f"POST /channels/{evening.baithak.id}", missing_permissions())
    interaction = await evening.asha.use("join", evening.general)
    assert await evening.asha.answer_to(interaction) in says("cannot_write")
    assert evening.rooms.asked.is_set()
    assert evening.rooms.of(evening.home.id) is None


async def test_a_reply_that_discord_does_not_take_leaves_the_work_done(evening: Evening) -> None:
    await evening.asha.join(evening.baithak)
    evening.rooms.opens.clear()
    evening.discord.rest_faults.refuse("/callback", Refusal(404, 10_062, "Unknown interaction"), times=3)
    await evening.asha.use("join", evening.general)
    await evening.discord.journal.first(RequestMade, lambda request: "/callback" in request.path)
    evening.rooms.opens.set()
    told = await evening.discord.bot_wrote(lambda posted: bool(posted.payload["components"]))
    assert told.content in says("consent_ask", channel=f"<#{evening.baithak.id}>")
    assert evening.rooms.of(evening.home.id) is not None


@pytest.mark.parametrize("door", DOORS)
async def test_who_may_not_be_there_says_and_ends_nothing_there_through_her(evening: Evening, door: str) -> None:
    room = await evening.together()
    ravi = evening.home.add_member("Ravi")
    await evening.deny(ravi, evening.baithak, Permission.CONNECT)
    refused = says("missing_permission", permission="Connect")
    assert await evening.orders(door, "talk", by=ravi, text="psst") in refused
    assert await evening.orders(door, "stop", by=ravi) in refused
    assert await evening.orders(door, "leave", by=ravi) in refused
    await evening.deny(ravi, evening.baithak, Permission.SPEAK)
    assert await evening.orders(door, "talk", by=ravi, text="psst") in says("missing_permission", permission="Speak")
    assert not room.said
    assert await evening.orders(door, "leave", by=ravi) in says("left")


async def test_who_sits_there_may_silence_her_though_nobody_else_may_come_in(evening: Evening) -> None:
    room = await evening.together()
    room.is_speaking = True
    await evening.deny(evening.asha, evening.baithak, Permission.CONNECT)
    assert await evening.orders("slash", "talk", text="psst") in says("talk_started")
    assert await evening.orders("slash", "stop") in says("stopped")
    assert await evening.orders("slash", "leave") in says("left")


async def test_put_out_of_the_server_she_is_in_no_channel_of_it(evening: Evening) -> None:
    await evening.together()
    await evening.discord.gateway.dispatch("GUILD_DELETE", {"id": str(evening.home.id)}, evening.home.id)
    async with asyncio.timeout(5):
        while evening.rooms.of(evening.home.id) is not None:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)


async def test_who_sits_there_and_can_not_read_where_she_was_called_is_told_in_the_voice_channels_chat(
    evening: Evening,
) -> None:
    ravi = evening.home.add_member("Ravi")
    await evening.deny(ravi, evening.general, Permission.VIEW_CHANNEL)
    await ravi.join(evening.baithak)
    await evening.together()
    for channel in (evening.general, evening.baithak):
        told = await evening.discord.bot_wrote(partial(_asks_in, channel.id))
        assert told.content in says("consent_ask", channel=f"<#{evening.baithak.id}>")


def _asks_in(channel_id: int, posted: MessagePosted) -> bool:
    return posted.channel_id == channel_id and bool(posted.payload["components"])
