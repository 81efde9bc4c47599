"""Many channels at once: Discord counts each for itself, and so must she."""

import asyncio
import time

import pytest

from bot.text.rate_limits import keep_channels_apart
from tests.discord.simulator import DiscordSimulator
from tests.discord.stock import nextcord, running, stock_client

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp

CHANNELS, MESSAGES = 3, 4
WINDOW_SECONDS = 5.0


@pytest.mark.parametrize(
    "is_mended",
    [True, pytest.param(False, marks=pytest.mark.xfail(strict=True, reason="nextcord 3.2 counts all channels as one"))],
)
async def test_channels_do_not_wait_for_each_other(is_mended: bool) -> None:
    async with DiscordSimulator(seed=3) as discord:
        home = discord.add_guild()
        places = [home.add_text_channel(f"room-{number}") for number in range(CHANNELS)]
        client = stock_client()
        if is_mended:
            keep_channels_apart(client.http)
        async with running(client, discord):
            began_at = time.monotonic()
            await asyncio.gather(*(write(client, place.id) for place in places))
            assert time.monotonic() - began_at < WINDOW_SECONDS / 2
            assert discord.rate_limits.refused == 0


async def test_one_channel_keeps_its_limit() -> None:
    async with DiscordSimulator(seed=3) as discord:
        place = discord.add_guild().add_text_channel()
        client = stock_client()
        keep_channels_apart(client.http)
        async with running(client, discord):
            began_at = time.monotonic()
            await write(client, place.id)
            await write(client, place.id)
            assert time.monotonic() - began_at > WINDOW_SECONDS / 2
            assert discord.rate_limits.refused == 0


async def write(client: nextcord.Client, channel_id: int) -> None:
    channel = client.get_channel(channel_id)
    assert isinstance(channel, nextcord.TextChannel)
    for number in range(MESSAGES):
        await channel.send(str(number))
