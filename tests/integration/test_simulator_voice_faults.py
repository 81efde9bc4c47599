"""What can go wrong in voice does go wrong in the simulator when it is told to, as stock nextcord meets it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.discord.channel import Channel
from tests.discord.events import (
    DaveExecuted,
    DaveRefused,
    DiscoveryLost,
    PacketReceived,
    VoiceClosed,
    VoiceConnected,
    VoiceJoinIgnored,
    VoiceMessage,
    VoiceStateChanged,
)
from tests.discord.home import Home
from tests.discord.journal import PATIENCE_SECONDS
from tests.discord.permissions import Permission
from tests.discord.simulator import DiscordSimulator
from tests.discord.sounds import tone
from tests.discord.stock import Packets, nextcord, running, stock_client
from tests.discord.voice.ops import Op
from tests.integration.voice_seat import NextcordClient
from workers.opus import OpusEncoder

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # nextcord's own use of aiohttp
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # sockets that it never closes
]


@pytest.fixture
async def discord() -> AsyncIterator[DiscordSimulator]:
    async with DiscordSimulator(seed=11) as discord:
        yield discord


@pytest.fixture
def home(discord: DiscordSimulator) -> Home:
    return discord.add_guild()


@pytest.fixture
async def client(discord: DiscordSimulator, home: Home) -> AsyncIterator[nextcord.Client]:
    """Every guild has a voice channel before it connects; tests make others first."""
    client = stock_client()
    yield client
    for voice in [*client.voice_clients]:
        await voice.disconnect(force=True)
    NextcordClient.close_sockets()


class Noticed(NextcordClient):
    """Stock, but one can wait for its end."""

    def __init__(self, client: nextcord.Client, channel: nextcord.abc.Connectable) -> None:
        super().__init__(client, channel)
        self.has_left = asyncio.Event()

    def cleanup(self) -> None:
        super().cleanup()
        self.has_left.set()


async def connect(
    client: nextcord.Client, channel: Channel, seconds: float = 5.0, *, reconnect: bool = True
) -> Noticed:
    found = client.get_channel(channel.id)
    assert isinstance(found, nextcord.VoiceChannel | nextcord.StageChannel)
    voice: Noticed = await found.connect(timeout=seconds, reconnect=reconnect, cls=Noticed)
    return voice


async def test_a_full_channel_answers_nothing(discord: DiscordSimulator, home: Home, client: nextcord.Client) -> None:
    full, asha = home.add_voice_channel(user_limit=1), home.add_member("Asha")
    await asha.join(full)
    async with running(client, discord):
        with pytest.raises(asyncio.TimeoutError):
            await connect(client, full, 0.3)
    assert discord.journal.all(VoiceJoinIgnored)[0].reason == "the channel is full"


async def test_no_permission_to_connect_answers_nothing(
    discord: DiscordSimulator, home: Home, client: nextcord.Client
) -> None:
    channel = home.add_voice_channel()
    async with running(client, discord):
        await home.deny_bot(channel, Permission.CONNECT)
        with pytest.raises(asyncio.TimeoutError):
            await connect(client, channel, 0.3)
    assert discord.journal.all(VoiceJoinIgnored)[0].reason == "no permission to connect"


async def test_without_permission_to_speak_nobody_hears(
    discord: DiscordSimulator, home: Home, client: nextcord.Client
) -> None:
    channel, asha = home.add_voice_channel(), home.add_member("Asha")
    await asha.join(channel)
    async with running(client, discord):
        await home.deny_bot(channel, Permission.SPEAK)
        voice = await connect(client, channel)
        voice.play(Packets(OpusEncoder().encode(tone(0.3))))
        await discord.journal.first(PacketReceived)
        assert not asha.heard().packets


async def test_on_a_stage_one_is_heard_once_one_is_a_speaker(
    discord: DiscordSimulator, home: Home, client: nextcord.Client
) -> None:
    stage, asha = home.add_stage_channel(), home.add_member("Asha")
    home.guild.everyone |= Permission.MUTE_MEMBERS
    await asha.join(stage)
    async with running(client, discord):
        voice = await connect(client, stage)
        voice.play(Packets(OpusEncoder().encode(tone(1.0))))
        await discord.journal.first(PacketReceived)
        assert not asha.heard().packets
        assert voice.guild is not None
        await voice.guild.me.edit(suppress=False)
        await asha.hears(10)


async def test_a_lost_ip_discovery_is_never_answered(
    discord: DiscordSimulator, home: Home, client: nextcord.Client
) -> None:
    """Defect 9 of nextcord 3.2: it asks once, and waits for ever."""
    channel = home.add_voice_channel()
    discord.voice.faults.lost_discoveries = 1
    discord.voice.servers[0].heartbeat_seconds = 0.5
    async with running(client, discord):
        connecting = asyncio.create_task(connect(client, channel))
        await discord.journal.first(DiscoveryLost)
        await discord.journal.first(VoiceMessage, lambda event: event.op == Op.HEARTBEAT)
        assert not connecting.done()
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)


async def test_another_voice_server_takes_over(discord: DiscordSimulator, home: Home, client: nextcord.Client) -> None:
    channel, asha = home.add_voice_channel(), home.add_member("Asha")
    await asha.join(channel)
    async with running(client, discord):
        voice = await connect(client, channel)
        await discord.journal.first(DaveExecuted, lambda event: len(event.members) == 2)
        before, since = voice.endpoint, discord.journal.mark()
        await home.move_region()
        await discord.bot_connected_to_voice(since=since)
        assert voice.endpoint != before
        await discord.journal.first(DaveExecuted, lambda event: len(event.members) == 2, since=since)
        voice.play(Packets(OpusEncoder().encode(tone(0.5))))
        assert (await asha.hears(10)).undecryptable() == 0


async def test_a_kicked_bot_leaves(discord: DiscordSimulator, home: Home, client: nextcord.Client) -> None:
    channel = home.add_voice_channel()
    async with running(client, discord):
        voice = await connect(client, channel, 1)
        since = discord.journal.mark()
        await home.kick_bot_from_voice()
        await discord.journal.first(VoiceClosed, since=since)
        await discord.journal.first(VoiceStateChanged, lambda event: event.channel_id is None, since=since)
        assert home.bot.voice is None
        await asyncio.wait_for(voice.has_left.wait(), PATIENCE_SECONDS)


async def test_who_loses_the_main_session_leaves_voice(
    discord: DiscordSimulator, home: Home, client: nextcord.Client
) -> None:
    channel = home.add_voice_channel()
    async with running(client, discord):
        await connect(client, channel, 1)
        since = discord.journal.mark()
        await discord.gateway.invalidate_sessions()
        closed = await discord.journal.first(VoiceClosed, since=since)
        assert closed.code == 4014
        assert home.bot.voice is None


async def test_a_moved_bot_connects_in_the_other_channel(
    discord: DiscordSimulator, home: Home, client: nextcord.Client
) -> None:
    first, second, asha = home.add_voice_channel("one"), home.add_voice_channel("two"), home.add_member("Asha")
    await asha.join(second)
    async with running(client, discord):
        await connect(client, first)
        since = discord.journal.mark()
        await home.move_bot(second)
        await discord.journal.first(VoiceConnected, lambda event: event.channel_id == second.id, since=since)
        assert home.bot.voice is not None
        assert home.bot.voice.channel_id == second.id


async def test_a_deleted_channel_throws_everyone_out(
    discord: DiscordSimulator, home: Home, client: nextcord.Client
) -> None:
    channel = home.add_voice_channel()
    async with running(client, discord):
        voice = await connect(client, channel, 1)
        await home.delete_channel(channel)
        assert home.bot.voice is None
        await asyncio.wait_for(voice.has_left.wait(), PATIENCE_SECONDS)


@pytest.mark.parametrize("code", [4006, 4009, 4021, 4022])
async def test_stock_nextcord_joins_again_after_any_close_code(
    discord: DiscordSimulator, home: Home, client: nextcord.Client, code: int
) -> None:
    """Defect 6 of nextcord 3.2: also after 4021 and 4022, of which Discord says not to."""
    channel = home.add_voice_channel()
    async with running(client, discord):
        await connect(client, channel)
        session, since = await discord.bot_connected_to_voice(), discord.journal.mark()
        await discord.voice.close(session, code)
        await discord.journal.first(VoiceConnected, since=since)


async def test_a_client_without_dave_is_turned_away(
    discord: DiscordSimulator, home: Home, client: nextcord.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = home.add_voice_channel()
    discord.voice.faults.requires_dave = True
    monkeypatch.setattr(nextcord.VoiceClient, "get_max_dave_protocol_version", lambda self: 0)
    async with running(client, discord):
        with pytest.raises(nextcord.errors.ConnectionClosed):
            await connect(client, channel, reconnect=False)
        assert (await discord.journal.first(VoiceClosed)).code == 4017


async def test_a_commit_that_cant_be_used_ends_with_everyone_in_one_group_again(
    discord: DiscordSimulator, home: Home, client: nextcord.Client
) -> None:
    channel, asha, ravi = home.add_voice_channel(), home.add_member("Asha"), home.add_member("Ravi")
    await asha.join(channel)
    async with running(client, discord):
        voice = await connect(client, channel)
        await discord.journal.first(DaveExecuted, lambda event: len(event.members) == 2)
        discord.voice.faults.broken_commits = 1
        since = discord.journal.mark()
        await ravi.join(channel)
        await discord.journal.first(DaveRefused)
        await discord.journal.first(
            DaveExecuted, lambda event: len(event.members) == 3 and event.epoch > 2, since=since
        )
        voice.play(Packets(OpusEncoder().encode(tone(1.0))))
        assert (await asha.hears(20)).packets[-1].opus
        assert (await ravi.hears(20)).packets[-1].opus
