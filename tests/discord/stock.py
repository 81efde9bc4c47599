"""Stock nextcord, unmodified, as a bot in the test's own loop."""

import asyncio
import gc
import threading
import warnings
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import aiohttp.connector

from tests.discord.journal import PATIENCE_SECONDS
from tests.discord.simulator import DiscordSimulator

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # nextcord 3.2 imports audioop, which Python 3.13 lacks
    import nextcord

__all__ = ["Packets", "all_intents", "nextcord", "redirected", "running", "stock_client", "sweep"]


class Packets(nextcord.AudioSource):
    """Opus packets to play as they are."""

    def __init__(self, packets: Iterable[bytes]) -> None:
        self._packets = iter(packets)

    def read(self) -> bytes:
        return next(self._packets, b"")

    def is_opus(self) -> bool:
        return True


def all_intents() -> nextcord.Intents:
    intents = nextcord.Intents.default()
    intents.message_content = True
    return intents


@asynccontextmanager
async def redirected(discord: DiscordSimulator) -> AsyncIterator[None]:
    """nextcord in this process talks to the simulator instead of to Discord."""
    before = nextcord.http.Route.BASE
    nextcord.http.Route.BASE = discord.api_base
    discord.trust(aiohttp.connector._SSL_CONTEXT_VERIFIED)
    try:
        yield
    finally:
        nextcord.http.Route.BASE = before


@asynccontextmanager
async def running[Client: nextcord.Client](client: Client, discord: DiscordSimulator) -> AsyncIterator[Client]:
    """A client that is logged in and ready; closed afterwards."""
    async with redirected(discord):
        task = asyncio.create_task(client.start(discord.world.token))
        ready = asyncio.create_task(client.wait_until_ready())
        try:
            await asyncio.wait({task, ready}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            assert ready.done(), "the client never got ready"
            yield client
        finally:
            ready.cancel()
            await client.close()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            sweep()


def sweep() -> None:
    """Stop and drop what nextcord 3.2 leaves behind: sockets and heartbeat threads of voice connections it lost."""
    for thread in threading.enumerate():
        if isinstance(thread, nextcord.gateway.KeepAliveHandler):
            thread.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def stock_client() -> nextcord.Client:
    """A client that doesn't wait long for guilds that never come."""
    return nextcord.Client(intents=all_intents(), guild_ready_timeout=0.05)
