"""discord.py with davey: another library, another implementation of DAVE (OpenMLS), the same Discord.

What it hears is opened here with nothing of the simulator's own, so that the two can't be wrong together."""

import asyncio
import struct
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp.connector
import yarl
from nacl.secret import Aead

from tests.discord.journal import PATIENCE_SECONDS
from tests.discord.simulator import DiscordSimulator

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports audioop too
    import davey
    import discord as discord_py

__all__ = ["Ears", "davey", "discord_py", "running"]


@dataclass
class Ears:
    """What one discord.py voice client hears, as Opus packets by SSRC."""

    voice: Any
    user_of_ssrc: dict[int, int]
    heard: dict[int, list[bytes]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self.voice._connection.add_socket_listener(lambda data: loop.call_soon_threadsafe(self._receive, data))

    async def packets(self, user_id: int, count: int) -> list[bytes]:
        """The first so many packets of someone that could be decrypted."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.heard.get(user_id, [])) < count:
                self._news.clear()
                await self._news.wait()
        return self.heard[user_id]

    def _receive(self, datagram: bytes) -> None:
        if datagram[0] >> 6 != 2 or 192 <= datagram[1] <= 223:
            return
        header = 12 + 4 * (datagram[0] & 15) + (4 if datagram[0] & 16 else 0)
        nonce = datagram[-4:] + bytes(20)
        secret = bytes(self.voice._connection.secret_key)
        frame = Aead(secret).decrypt(datagram[header:-4], datagram[:header], nonce)
        if datagram[0] & 16:
            frame = frame[4 * struct.unpack_from(">H", datagram, header - 2)[0] :]
        ssrc = struct.unpack_from(">I", datagram, 8)[0]
        user_id = self.user_of_ssrc[ssrc]
        session = self.voice._connection.dave_session
        try:
            if session is not None and session.ready:
                frame = session.decrypt(user_id, davey.MediaType.audio, frame)
        except ValueError as error:
            self.refused.append(str(error))
            return
        self.heard.setdefault(user_id, []).append(frame)
        self._news.set()


@asynccontextmanager
async def running(simulator: DiscordSimulator) -> AsyncIterator[Any]:
    """A discord.py client that is logged in and ready; closed afterwards."""
    before = discord_py.http.Route.BASE, discord_py.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    discord_py.http.Route.BASE = simulator.api_base
    discord_py.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(simulator.gateway.url)
    simulator.trust(aiohttp.connector._SSL_CONTEXT_VERIFIED)
    client = discord_py.Client(intents=discord_py.Intents.default(), guild_ready_timeout=0.05)
    ready = asyncio.Event()

    async def on_ready() -> None:
        ready.set()

    client.event(on_ready)
    task = asyncio.create_task(client.start(simulator.world.token))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ready.wait()
        yield client
    finally:
        await client.close()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        discord_py.http.Route.BASE, discord_py.gateway.DiscordWebSocket.DEFAULT_GATEWAY = before
