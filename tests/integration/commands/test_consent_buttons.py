"""She says that she listens, and people say whether she may."""

import signal

import pytest

from bot.announcing import AGREE, REVOKE
from bot.client import Priya
from bot.commands.adding import add_commands
from bot.parts import Parts
from tests.discord.events import MessagePosted
from tests.discord.message import EPHEMERAL
from tests.discord.permissions import Permission
from tests.discord.simulator import DiscordSimulator
from tests.discord.stock import running
from tests.integration.commands.evening import DOORS, Evening, answer_of, made_bot, replies_to, says
from tests.running import RunningValkey

DEFERRED = 5
"""Discord's type of an interaction response that says "is thinking"."""

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp


async def test_joining_announces_that_she_listens_with_buttons_that_work(evening: Evening) -> None:
    await evening.together()
    told = await evening.discord.bot_wrote(lambda posted: bool(posted.payload["components"]))
    assert told.content in says("consent_ask", channel=f"<#{evening.baithak.id}>")
    assert told.channel_id == evening.general.id
    assert told.allowed_mentions is not None
    assert told.allowed_mentions["parse"] == []
    assert [button["custom_id"] for button in told.payload["components"][0]["components"]] == [AGREE, REVOKE]
    message = evening.discord.message(told.id)
    ravi = evening.home.add_member("Ravi")
    agreed = await evening.asha.press(message, AGREE)
    assert await evening.asha.answer_to(agreed) in says("consent_given")
    assert agreed.original is not None
    assert agreed.original.flags & EPHEMERAL, "for the presser alone"
    assert evening.parts.consent.has_agreed(evening.asha.id)
    assert not evening.parts.consent.has_agreed(ravi.id)
    assert await evening.asha.answer_to(await evening.asha.press(message, REVOKE)) in says("consent_revoked")
    assert not evening.parts.consent.has_agreed(evening.asha.id)


async def test_a_button_works_after_a_restart_and_in_its_readers_language(
    discord: DiscordSimulator, parts: Parts
) -> None:
    home = discord.add_guild()
    general, baithak, asha = home.add_text_channel(), home.add_voice_channel(), home.add_member("Asha")
    await asha.join(baithak)
    await parts.preferences.set_server(home.id, language="hinglish")
    async with running(made_bot(parts), discord):
        await asha.write(general, f"<@{discord.world.bot.id}> !join")
        told = await discord.bot_wrote(lambda posted: bool(posted.payload["components"]))
    async with running(made_bot(parts), discord) as restarted:
        assert told.content in says("consent_ask", "hinglish", channel=f"<#{baithak.id}>")
        pressed = await asha.press(discord.message(told.id), AGREE)
        assert await asha.answer_to(pressed) in says("consent_given", "hinglish")
        assert parts.consent.has_agreed(asha.id)
        assert len(restarted._connection._view_store._views) == 2, "two buttons, however many messages have them"


async def test_who_comes_later_is_told_once_and_who_agreed_is_not(evening: Evening) -> None:
    ravi, meera = evening.home.add_member("Ravi"), evening.home.add_member("Meera")
    await evening.parts.consent.agree(meera.id)
    await evening.together()
    for _ in range(2):
        await ravi.join(evening.baithak)
        await ravi.leave()
    await meera.join(evening.baithak)
    told = await evening.discord.bot_wrote(lambda posted: posted.channel_id == evening.baithak.id)
    assert told.content in says("consent_newcomer", channel=f"<#{evening.baithak.id}>", person=ravi.mention)
    await evening.orders("prefix", "stop")  # after this, whatever was to be said has been
    bot = evening.discord.world.bot.id
    in_voice_chat = [
        posted
        for posted in evening.discord.journal.all(MessagePosted)
        if posted.author_id == bot and posted.channel_id == evening.baithak.id
    ]
    assert in_voice_chat == [told]


async def test_her_own_client_knows_enough_for_all_of_it(discord: DiscordSimulator, parts: Parts) -> None:
    """Few intents and no members kept: still she sees who calls, who comes, and who may."""

    async def nothing_more(_client: Priya) -> None:
        return

    home = discord.add_guild()
    general, baithak = home.add_text_channel(), home.add_voice_channel()
    asha, ravi = home.add_member("Asha"), home.add_member("Ravi")
    priya = Priya(parts.chat, nothing_more)
    add_commands(priya, parts)
    async with running(priya, discord):
        await asha.join(baithak)
        assert await asha.answer_to(await asha.use("join", general)) in says("joined", channel=f"<#{baithak.id}>")
        await ravi.join(baithak)
        told = await discord.bot_wrote(lambda posted: posted.channel_id == baithak.id)
        assert told.content in says("consent_newcomer", channel=f"<#{baithak.id}>", person=ravi.mention)
        await ravi.answer_to(await ravi.press(discord.message(told.id), AGREE))
        assert parts.consent.has_agreed(ravi.id)
        refused = await ravi.answer_to(await ravi.use("answers", general, when="never"))
        assert refused in says("missing_permission", permission="Manage Server")
        status = await asha.answer_to(await asha.use("status", general))
        assert "shards: 0 of 1" in status
        asked = await asha.write(general, f"<@{discord.world.bot.id}> !HELP")
        assert (await discord.bot_wrote(replies_to(asked.id))).content.splitlines()[0] in says("help_intro")


async def test_who_comes_later_is_told_where_she_was_called_if_not_in_the_voice_channels_chat(evening: Evening) -> None:
    await evening.together()
    await evening.home.deny_bot(evening.baithak, Permission.SEND_MESSAGES)
    ravi = evening.home.add_member("Ravi")
    await ravi.join(evening.baithak)
    told = says("consent_newcomer", channel=f"<#{evening.baithak.id}>", person=ravi.mention)
    posted = await evening.discord.bot_wrote(lambda posted: posted.content in told)
    assert posted.channel_id == evening.general.id


async def test_a_silent_redis_keeps_no_button_waiting_and_nobody_heard(
    evening: Evening, own_valkey: RunningValkey
) -> None:
    await evening.together()
    told = await evening.discord.bot_wrote(lambda posted: bool(posted.payload["components"]))
    await evening.parts.consent.agree(evening.asha.id)
    own_valkey.process.send_signal(signal.SIGSTOP)
    try:
        pressed = await evening.asha.press(evening.discord.message(told.id), REVOKE)
        assert (await answer_of(evening, pressed)).kind == DEFERRED
        assert not evening.parts.consent.has_agreed(evening.asha.id)
    finally:
        own_valkey.process.send_signal(signal.SIGCONT)
    assert await evening.asha.answer_to(pressed) in says("consent_revoked")


@pytest.mark.parametrize("door", DOORS)
async def test_a_silent_redis_keeps_nobody_from_stopping_her(
    evening: Evening, own_valkey: RunningValkey, door: str
) -> None:
    room = await evening.together()
    room.is_speaking = True
    own_valkey.process.send_signal(signal.SIGSTOP)
    try:
        assert await evening.orders(door, "stop") in says("stopped")
    finally:
        own_valkey.process.send_signal(signal.SIGCONT)
