"""Typing with her through real worker processes with instant engines: what is played elsewhere is true here."""

import re
from collections.abc import AsyncIterator

import numpy as np
import pytest

from bot.active import ActiveTurns
from bot.client import Priya
from bot.preferences import Preferences
from bot.text.chat import Chat
from bot.turns import Turns
from tests.discord.channel import Channel
from tests.discord.events import MessageEdited
from tests.discord.people.person import Person
from tests.discord.simulator import DiscordSimulator
from tests.discord.stock import nextcord, running
from tests.fakes.ogg_files import ogg_of, tone
from tests.integration.text_place import OneRoom, Reader, begin

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp


@pytest.fixture
async def discord(turns: Turns) -> AsyncIterator[DiscordSimulator]:
    async with DiscordSimulator(seed=11) as discord:
        discord.add_guild().add_member("Asha")
        reader = Reader()
        priya = Priya(reader, begin)
        priya._connection.guild_ready_timeout = 0.05  # all its servers are there at once

        def her_user() -> nextcord.ClientUser:
            assert priya.user is not None
            return priya.user

        active = ActiveTurns(10)
        reader.chat = Chat(turns, Preferences(turns.dispatcher.redis), OneRoom(), active, her_user, lambda _: False)
        async with running(priya, discord):
            yield discord
            await active.drain(5)


@pytest.fixture
def asha(discord: DiscordSimulator) -> Person:
    guild = next(iter(discord.world.guilds.values()))
    member = next(member for member in guild.members.values() if member.user.name == "Asha")
    return Person(discord, guild, member)


@pytest.fixture
def direct(discord: DiscordSimulator, asha: Person) -> Channel:
    return discord.world.direct_channel(asha.member.user)


async def until_reads(discord: DiscordSimulator, message_id: int, end: str) -> str:
    """The text of a message once it ends so."""
    text = discord.message(message_id).content
    return text if text.endswith(end) else await discord.bot_edited(message_id, lambda edit: edit.endswith(end))


async def test_a_long_answer_grows_and_is_remembered(discord: DiscordSimulator, asha: Person) -> None:
    await asha.write_directly("slow please")
    posted = await discord.bot_wrote()
    whole = await until_reads(discord, posted.id, "number4.")
    assert whole == " ".join(f"And this is a rather long sentence number{number}." for number in range(5))
    assert 1 <= len(discord.journal.all(MessageEdited)) <= 4
    mark = discord.journal.mark()
    await asha.write_directly("recall")
    again = await discord.bot_wrote(since=mark)
    assert await until_reads(discord, again.id, "recall.") == "You said: slow please / recall."


async def test_a_voice_message_is_heard_and_answered_in_text(
    discord: DiscordSimulator, asha: Person, direct: Channel
) -> None:
    await asha.send_voice_message(direct, ogg_of(tone(1.0)), 1.0)
    posted = await discord.bot_wrote()
    whole = await until_reads(discord, posted.id, "listening to you.")
    level = re.fullmatch(r"You said level (\d+) to me\. I am listening to you\.", whole)
    assert level is not None
    assert 200 < int(level[1]) < 300, "the tone's own level is 250; Opus keeps no peak to the letter"


async def test_a_voice_message_of_more_than_a_minute_is_heard_to_its_end(
    discord: DiscordSimulator, asha: Person, direct: Channel
) -> None:
    pause = np.zeros(24_000, dtype=np.float32)
    parts = [tone(23.0, 0.25), pause, tone(22.5, 0.5), pause, tone(23.5, 0.125)]
    await asha.send_voice_message(direct, ogg_of(np.concatenate(parts)), 70.0)
    posted = await discord.bot_wrote()
    whole = await until_reads(discord, posted.id, "listening to you.")
    levels = [int(level) for level in re.findall(r"level (\d+)", whole)]
    assert levels == [pytest.approx(level, rel=0.2) for level in (250, 500, 125)], whole


async def test_a_model_that_breaks_off_is_excused(discord: DiscordSimulator, asha: Person) -> None:
    said = "That much I can say."
    await asha.write_directly("break it")
    posted = await discord.bot_wrote()
    whole = discord.message(posted.id).content
    if whole.strip() == said:
        whole = await discord.bot_edited(posted.id)
    assert whole.startswith(said)
    assert len(whole) > len(said) + 10, "and what became of the rest"
