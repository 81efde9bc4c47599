"""The real nextcord client in this process, logged in to the simulated Discord, and a seat in a voice channel."""

import asyncio
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ClassVar

import aiohttp.connector
import pytest

from tests.discord.channel import Channel
from tests.discord.home import Home
from tests.discord.simulator import DiscordSimulator
from tests.fakes.recording_ears import RecordingEars

with warnings.catch_warnings():
    # nextcord imports audioop, which Python 3.13 leaves out; there it depends on a package that has it.
    warnings.simplefilter("ignore", DeprecationWarning)
    import nextcord
    import nextcord.http
    from nextcord import VoiceClient

    from bot.turns import Playable
    from bot.voice.client import VoiceConnection

JOIN_SECONDS = 10.0
OTHER_CHANNEL = "chhat"


class Seat(VoiceClient):
    """What both clients can be asked to do."""

    def say(self, packets: list[bytes]) -> None:
        raise NotImplementedError


class OurClient(VoiceConnection, Seat):
    def say(self, packets: list[bytes]) -> None:
        speech = self.player.start("said")
        speech.add(Playable(0, tuple(packets), None))
        speech.finish()


class NextcordClient(Seat):
    """nextcord's own forgets the socket of a connection that it makes anew: whoever is done with it closes them."""

    sockets: ClassVar[list[socket.socket]] = []

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, socket.socket):
            self.sockets.append(value)
        super().__setattr__(name, value)

    @classmethod
    def close_sockets(cls) -> None:
        while cls.sockets:
            cls.sockets.pop().close()

    def say(self, packets: list[bytes]) -> None:
        self.play(OpusPackets(packets))


class OpusPackets(nextcord.AudioSource):
    def __init__(self, packets: list[bytes]) -> None:
        self._packets = iter(packets)

    def read(self) -> bytes:
        return next(self._packets, b"")

    def is_opus(self) -> bool:
        return True


class Stage:
    """A simulated Discord with one guild and voice channel, and a client that is logged in to it."""

    def __init__(self, discord: DiscordSimulator, home: Home, channel: Channel, client: nextcord.Client) -> None:
        self.discord = discord
        self.home = home
        self.channel = channel
        self.client = client
        self.ears = RecordingEars()
        self.seat: VoiceConnection
        """The one that was joined last."""

    @property
    def added_channel(self) -> Channel:
        """Another voice channel; it was there when the client logged in."""
        return next(channel for channel in self.home.guild.channels.values() if channel.name == OTHER_CHANNEL)

    async def join(self, *, seconds: float = JOIN_SECONDS, **options: Any) -> VoiceConnection:
        """With our own client."""
        self.seat = await self.connect(partial(VoiceConnection, ears=self.ears, **options), seconds=seconds)
        return self.seat

    async def connect(self, cls: Callable[..., Any], *, seconds: float = JOIN_SECONDS) -> Any:
        guild = self.client.get_guild(self.home.id)
        assert guild is not None
        place = guild.get_channel(self.channel.id)
        assert isinstance(place, nextcord.VoiceChannel)
        return await place.connect(cls=cls, timeout=seconds)


@asynccontextmanager
async def stage(monkeypatch: pytest.MonkeyPatch, seed: int = 1) -> AsyncIterator[Stage]:
    async with DiscordSimulator(seed=seed) as discord:
        home = discord.add_guild()
        channel = home.add_voice_channel()
        home.add_voice_channel(OTHER_CHANNEL)
        monkeypatch.setattr(nextcord.http.Route, "BASE", discord.api_base)
        context = ssl.create_default_context()
        discord.trust(context)
        monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", context)
        intents = nextcord.Intents(guilds=True, voice_states=True)
        client = nextcord.Client(intents=intents, guild_ready_timeout=0.1)
        running = asyncio.create_task(client.start(discord.world.token))
        try:
            ready = asyncio.create_task(client.wait_until_ready())
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=JOIN_SECONDS)
            assert ready.done(), running
            yield Stage(discord, home, channel, client)
        finally:
            for seat in list(client.voice_clients):
                await seat.disconnect(force=True)
            await client.close()
            await asyncio.wait({running}, timeout=JOIN_SECONDS)
            NextcordClient.close_sockets()
