"""Which messages become commands, and which the chat's: the real client in the simulator."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.discord.channel import Channel
from tests.discord.people.person import Person
from tests.discord.simulator import DiscordSimulator
from tests.discord.stock import nextcord, running

from bot.client import Priya  # isort: skip  # after nextcord, whose import warns
from nextcord.ext import commands  # isort: skip

# nextcord's own, while it connects
pytestmark = pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float':DeprecationWarning")


@dataclass
class Listening:
    """A chat, a command and an error handler that write down what comes to them."""

    came: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def take(self, message: nextcord.Message) -> None:
        if message.content == "break":
            raise RuntimeError("a chat that is broken")
        self.came.put_nowait(f"chat {message.content}")

    async def ready(self, _priya: Priya) -> None:
        self.came.put_nowait("ready")


@dataclass
class Scene:
    discord: DiscordSimulator
    general: Channel
    asha: Person
    priya: Priya
    heard: Listening

    async def comes_of(self, text: str, *, directly: bool = False) -> str:
        if directly:
            await self.asha.write_directly(text)
        else:
            await self.asha.write(self.general, text)
        async with asyncio.timeout(5):
            return await self.heard.came.get()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with DiscordSimulator(seed=5) as discord:
        home = discord.add_guild()
        general, asha = home.add_text_channel(), home.add_member("Asha")
        heard = Listening()
        priya = Priya(heard, heard.ready)

        @priya.command(name="join")
        async def join(context: commands.Context[Priya]) -> None:
            heard.came.put_nowait(f"command {context.invoked_with}")

        @priya.event
        async def on_command_error(context: commands.Context[Priya], error: commands.CommandError) -> None:
            heard.came.put_nowait(f"{type(error).__name__} {context.invoked_with}")

        async with running(priya, discord):
            assert await heard.came.get() == "ready"
            yield Scene(discord, general, asha, priya, heard)


@pytest.mark.parametrize(
    ("written", "comes"),
    [
        ("!join", "command join"),
        ("!JOIN", "command JOIN"),
        ("<@{me}> !join", "command join"),
        ("<@!{me}> !join", "command join"),
        ("<@{me}>!join", "command join"),
        ("<@{me}> join me", "chat <@{me}> join me"),
        ("join", "chat join"),
        ("!!! wow", "chat !!! wow"),
        ("! join", "chat ! join"),
        ("!", "chat !"),
        ("!play despacito", "chat !play despacito"),  # another bot's
        ("<@{me}> !play", "CommandNotFound play"),
    ],
)
async def test_a_command_is_carried_out_and_the_rest_is_for_the_chat(written: str, comes: str, scene: Scene) -> None:
    me = scene.discord.world.bot.id
    assert await scene.comes_of(written.format(me=me)) == comes.format(me=me)


async def test_an_unknown_command_in_a_direct_message_is_hers_to_answer(scene: Scene) -> None:
    assert await scene.comes_of("!play despacito", directly=True) == "CommandNotFound play"


async def test_a_command_that_comes_again_is_carried_out_once(scene: Scene) -> None:
    written = await scene.asha.write(scene.general, "!join")
    await scene.discord.gateway.dispatch("MESSAGE_CREATE", written.payload(), scene.asha.guild.id)
    assert await scene.comes_of("hello") == "command join"
    assert await scene.heard.came.get() == "chat hello"
    assert scene.heard.came.empty()


async def test_told_to_take_no_more_she_takes_no_more(scene: Scene) -> None:
    scene.priya.take_no_more()
    await scene.asha.write(scene.general, "hello")
    await scene.asha.write(scene.general, "!join")
    await scene.priya.wait_for("message", check=lambda message: message.content == "!join", timeout=5)
    assert scene.heard.came.empty()


async def test_a_message_that_breaks_the_chat_is_logged_and_the_next_is_taken(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    await scene.asha.write(scene.general, "break")
    assert await scene.comes_of("hello") == "chat hello"
    assert "Ignoring exception" not in capsys.readouterr().err
