"""Stock nextcord against the simulator's REST and gateway: what works on Discord works, what fails fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.discord.channel import Channel
from tests.discord.events import (
    CommandsRegistered,
    GatewayClosed,
    GatewayHeartbeat,
    GatewayIdentified,
    GatewayResumed,
    InteractionFollowed,
    MessageDeleted,
    NickChanged,
    RequestMade,
    Typing,
)
from tests.discord.home import Home
from tests.discord.message import VOICE_MESSAGE
from tests.discord.people.person import Person
from tests.discord.permissions import Permission
from tests.discord.refusals import missing_permissions
from tests.discord.rest.rate_limits import Limit
from tests.discord.simulator import DiscordSimulator
from tests.discord.stock import all_intents, nextcord, redirected, running, stock_client

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp

Interaction = nextcord.Interaction[nextcord.Client]


@dataclass
class Chat:
    discord: DiscordSimulator
    home: Home
    general: Channel
    asha: Person
    client: nextcord.Client
    text: nextcord.TextChannel


@pytest.fixture
async def discord() -> AsyncIterator[DiscordSimulator]:
    async with DiscordSimulator(seed=5) as discord:
        yield discord


@pytest.fixture
async def chat(discord: DiscordSimulator) -> AsyncIterator[Chat]:
    home = discord.add_guild()
    general = home.add_text_channel()
    asha = home.add_member("Asha")
    client = stock_client()

    @client.slash_command(name="talk", description="Say something aloud")  # type: ignore[untyped-decorator]
    async def talk(interaction: Interaction, text: str) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.followup.send(f"bolti hoon: {text}")

    @client.slash_command(name="status", description="How are you")  # type: ignore[untyped-decorator]
    async def status(interaction: Interaction) -> None:
        await interaction.response.send_message("badhiya")

    async with running(client, discord):
        text = client.get_channel(general.id)
        assert isinstance(text, nextcord.TextChannel)
        yield Chat(discord, home, general, asha, client, text)


def hearing(client: nextcord.Client, do: Callable[[nextcord.Message], Awaitable[object]]) -> None:
    async def on_message(message: nextcord.Message) -> None:
        if message.author != client.user:
            await do(message)

    client.event(on_message)


async def test_a_message_is_read_and_replied_to(chat: Chat) -> None:
    hearing(chat.client, lambda message: message.reply(f"{message.content} too, {message.author.display_name}"))
    asked = await chat.asha.write(chat.general, "namaste")
    said = await chat.discord.bot_wrote()
    assert said.content == "namaste too, Asha"
    assert said.payload["message_reference"]["message_id"] == str(asked.id)


async def test_a_direct_message_is_answered_where_it_was_written(chat: Chat) -> None:
    hearing(chat.client, lambda message: message.channel.send("sirf hum dono"))
    asked = await chat.asha.write_directly("psst")
    assert (await chat.discord.bot_wrote()).channel_id == asked.channel.id


async def test_without_the_intent_only_what_is_written_to_the_bot_can_be_read(discord: DiscordSimulator) -> None:
    home = discord.add_guild()
    general, asha = home.add_text_channel(), home.add_member("Asha")
    intents = all_intents()
    intents.message_content = False
    client = nextcord.Client(intents=intents, guild_ready_timeout=0.05)
    read: asyncio.Queue[str] = asyncio.Queue()
    async with running(client, discord):
        hearing(client, lambda message: read.put(message.content))
        await asha.write(general, "secret")
        await asha.write(general, f"hello <@{discord.world.bot.id}>")
        assert await read.get() == ""
        assert (await read.get()).startswith("hello")


async def test_an_answer_is_edited_deleted_and_typed(chat: Chat) -> None:
    async with chat.text.typing():
        message = await chat.text.send("ek", nonce=123, allowed_mentions=nextcord.AllowedMentions.none())
    await message.edit(content="ek do")
    await message.delete()
    posted = await chat.discord.bot_wrote()
    assert posted.nonce == "123"
    assert posted.allowed_mentions == {"parse": [], "replied_user": False} or posted.allowed_mentions == {"parse": []}
    assert await chat.discord.bot_edited(message.id) == "ek do"
    await chat.discord.journal.first(MessageDeleted, lambda event: event.id == message.id)
    assert chat.discord.journal.all(Typing)


async def test_a_message_of_2001_characters_is_refused(chat: Chat) -> None:
    await chat.text.send("x" * 2_000)
    with pytest.raises(nextcord.HTTPException) as refusal:
        await chat.text.send("x" * 2_001)
    assert refusal.value.code == 50035


async def test_any_part_of_the_history_can_be_read(chat: Chat) -> None:
    posted = [await chat.asha.write(chat.general, str(number)) for number in range(10)]

    async def read(**part: Any) -> list[str]:
        return [message.content async for message in chat.text.history(**part)]

    assert await read(limit=3) == ["9", "8", "7"]
    assert await read(limit=3, before=posted[5]) == ["4", "3", "2"]
    assert await read(limit=3, after=posted[5]) == ["6", "7", "8"]
    assert sorted(await read(limit=3, around=posted[5])) == ["4", "5", "6"]
    assert len(await read(limit=None)) == 10


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "all"}, {"before": "yesterday"}])
async def test_a_part_of_the_history_that_cant_be_is_refused(chat: Chat, query: dict[str, str]) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {chat.discord.world.token}"}) as session:
        url = f"{chat.discord.api_base}/channels/{chat.general.id}/messages"
        async with session.get(url, params=query) as response:
            assert response.status == 400
            assert (await response.json())["code"] == 50035


async def test_files_arrive_whole_both_ways(chat: Chat) -> None:
    await chat.text.send(file=nextcord.File(__file__))
    posted = await chat.discord.bot_wrote()
    assert posted.payload["attachments"][0]["filename"] == "test_simulator_text.py"
    contents: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()

    async def fetch(message: nextcord.Message) -> None:
        await contents.put((message.flags.value, await message.attachments[0].read()))

    hearing(chat.client, fetch)
    await chat.asha.send_voice_message(chat.general, b"OggS...", 1.0)
    assert await contents.get() == (VOICE_MESSAGE, b"OggS...")


async def test_slash_commands_are_registered_used_and_answered(chat: Chat) -> None:
    await chat.discord.journal.first(CommandsRegistered, lambda event: {"talk", "status"} <= {*event.names})
    assert await chat.asha.answer_to(await chat.asha.use("status", chat.general)) == "badhiya"
    interaction = await chat.asha.use("talk", chat.general, text="kya haal hai")
    assert await chat.asha.answer_to(interaction) == "bolti hoon: kya haal hai"
    followed = await chat.discord.journal.first(InteractionFollowed)
    assert followed.interaction_id == interaction.id
    assert interaction.original is not None
    assert interaction.original.flags & 64, "deferred for one person's eyes, it stays so"


async def test_a_pressed_button_reaches_its_view(chat: Chat) -> None:
    view = nextcord.ui.View()
    button: nextcord.ui.Button[nextcord.ui.View] = nextcord.ui.Button(label="Haan", custom_id="agree")

    async def agree(interaction: Interaction) -> None:
        await interaction.response.edit_message(content="shukriya", view=None)

    button.callback = agree  # type: ignore[method-assign]
    view.add_item(button)
    sent = await chat.text.send("theek hai?", view=view)
    await chat.asha.press(chat.discord.message(sent.id), "agree")
    assert await chat.discord.bot_edited(sent.id) == "shukriya"


async def test_the_nickname_is_changed(chat: Chat) -> None:
    guild = chat.client.get_guild(chat.home.id)
    assert guild is not None
    await guild.me.edit(nick="Priya 🎧")
    assert (await chat.discord.journal.first(NickChanged)).nick == "Priya 🎧"


async def test_more_messages_than_allowed_wait_for_their_turn(chat: Chat) -> None:
    """nextcord reads the headers and waits by itself; nothing is refused, nothing lost."""
    chat.discord.rate_limits.limits["POST", "/channels/{channel_id}/messages"] = Limit(2, 0.5)
    await asyncio.gather(*(chat.text.send(str(number)) for number in range(5)))
    requests = chat.discord.journal.all(RequestMade, lambda event: event.path.endswith("/messages"))
    assert [event.status for event in requests] == [200] * 5


async def test_too_many_requests_are_refused_with_the_time_to_wait(chat: Chat) -> None:
    """Past one client's own care: a second client with the same token uses the bucket up."""
    chat.discord.rate_limits.limits["POST", "/channels/{channel_id}/messages"] = Limit(1, 0.5)
    other = stock_client()
    async with running(other, chat.discord):
        text = other.get_channel(chat.general.id)
        assert isinstance(text, nextcord.TextChannel)
        await asyncio.gather(chat.text.send("one"), text.send("two"))
    requests = chat.discord.journal.all(RequestMade, lambda event: event.path.endswith("/messages"))
    statuses = [event.status for event in requests]
    assert sorted(statuses) == [200, 200, 429]
    assert chat.discord.rate_limits.refused == 1


async def test_what_breaks_down_is_tried_again(chat: Chat) -> None:
    chat.discord.rest_faults.break_down("POST /channels", 502)
    chat.discord.rest_faults.slow("POST /channels", 0.2)
    await chat.text.send("phir bhi")
    assert (await chat.discord.bot_wrote()).content == "phir bhi"


async def test_missing_permissions_are_refused_with_discords_code(chat: Chat) -> None:
    await chat.home.deny_bot(chat.general, Permission.SEND_MESSAGES)
    with pytest.raises(nextcord.Forbidden) as refusal:
        await chat.text.send("nahi")
    assert refusal.value.code == 50013
    chat.discord.rest_faults.refuse("PATCH /guilds", missing_permissions())
    guild = chat.client.get_guild(chat.home.id)
    assert guild is not None
    with pytest.raises(nextcord.Forbidden):
        await guild.me.edit(nick="nahi")


async def test_a_wrong_token_is_refused(discord: DiscordSimulator) -> None:
    client = stock_client()
    async with redirected(discord):
        with pytest.raises(nextcord.LoginFailure):
            await client.start("wrong")
        await client.close()


async def test_privileged_intents_must_be_granted(discord: DiscordSimulator) -> None:
    discord.gateway.granted_intents = 0
    client = stock_client()
    async with redirected(discord):
        with pytest.raises(nextcord.PrivilegedIntentsRequired):
            await client.start(discord.world.token)
        await client.close()


async def test_a_client_asked_to_reconnect_resumes_and_misses_nothing(chat: Chat) -> None:
    hearing(chat.client, lambda message: message.reply("suna"))
    await chat.discord.gateway.ask_to_reconnect()
    await chat.discord.journal.first(GatewayClosed)
    await chat.asha.write(chat.general, "while you were away")
    await chat.discord.journal.first(GatewayResumed)
    assert (await chat.discord.bot_wrote()).content == "suna"


async def test_a_cut_line_is_resumed(chat: Chat) -> None:
    await chat.discord.gateway.drop_connections()
    await chat.discord.journal.first(GatewayResumed)


async def test_a_session_is_resumed_only_with_its_token(chat: Chat) -> None:
    identified = await chat.discord.journal.first(GatewayIdentified)
    async with aiohttp.ClientSession() as session, session.ws_connect(chat.discord.gateway.url) as socket:
        await socket.receive_json()
        stolen = {"token": "a guess", "session_id": identified.session_id, "seq": 1}
        await socket.send_json({"op": 6, "d": stolen})
        await socket.receive()
        assert socket.close_code == 4004
    assert not chat.discord.journal.all(GatewayResumed)


async def test_an_invalid_session_identifies_anew(chat: Chat) -> None:
    since = chat.discord.journal.mark()
    await chat.discord.gateway.invalidate_sessions()
    await chat.discord.journal.first(GatewayIdentified, since=since)
    assert not chat.discord.journal.all(GatewayResumed)


async def test_a_zombie_is_noticed_and_left(discord: DiscordSimulator) -> None:
    discord.gateway.heartbeat_seconds = 0.2
    discord.add_guild()
    client = nextcord.Client(intents=all_intents(), guild_ready_timeout=0.05, heartbeat_timeout=0.6)
    async with running(client, discord):
        discord.gateway.answers_heartbeats = False
        await discord.journal.first(GatewayHeartbeat, lambda event: not event.answered)
        await discord.journal.first(GatewayClosed)
        discord.gateway.answers_heartbeats = True
        await discord.journal.first(GatewayResumed)


async def test_shards_see_their_own_guilds_only(discord: DiscordSimulator) -> None:
    homes = [discord.add_guild(f"home {number}") for number in range(6)]
    discord.gateway.recommended_shards = 2
    client = nextcord.AutoShardedClient(intents=all_intents(), guild_ready_timeout=0.05, shard_ids=[1], shard_count=2)
    async with running(client, discord):
        mine = {home.id for home in homes if (home.id >> 22) % 2 == 1}
        assert {guild.id for guild in client.guilds} == mine
