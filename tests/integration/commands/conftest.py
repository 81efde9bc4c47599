"""What every test of a command needs."""

import time
from collections.abc import AsyncIterator, Iterator

import pytest

from bot.active import ActiveTurns
from bot.consent import Consent
from bot.loop_lag import LoopLag
from bot.parts import Parts
from bot.preferences import Preferences
from bot.turns import Turns
from config.settings import Settings
from tests.discord.events import CommandsRegistered
from tests.discord.rest.rate_limits import Limit
from tests.discord.simulator import DiscordSimulator
from tests.discord.stock import running
from tests.fakes.voice_rooms import FakeRooms
from tests.integration.commands.evening import Evening, made_bot
from tests.running import RunningValkey


class NobodyChats:
    async def take(self, message: object) -> None:
        raise AssertionError("a command is no chat")


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    """Without workers."""
    with RunningValkey(tmp_path_factory.mktemp("commands")) as running_valkey:
        yield running_valkey


@pytest.fixture
async def discord() -> AsyncIterator[DiscordSimulator]:
    async with DiscordSimulator(seed=3) as discord:
        discord.rate_limits.limits["POST", "/channels/{channel_id}/messages"] = Limit(1_000, 1.0)
        yield discord


@pytest.fixture
async def parts(own_valkey: RunningValkey, settings: Settings) -> AsyncIterator[Parts]:
    own_valkey.start() if own_valkey.process.poll() is not None else None
    async with Turns(own_valkey.url, request_seconds=20) as turns:
        await turns.dispatcher.redis.flushdb()
        async with Consent(turns.dispatcher.redis) as consent, LoopLag() as lag:
            preferences = Preferences(turns.dispatcher.redis)
            rooms = FakeRooms(preferences)
            active = ActiveTurns(10)
            yield Parts(settings, turns, consent, preferences, rooms, active, NobodyChats(), lag, time.time() - 3_725)


@pytest.fixture
async def evening(discord: DiscordSimulator, parts: Parts) -> AsyncIterator[Evening]:
    home = discord.add_guild()
    general, baithak, asha = home.add_text_channel(), home.add_voice_channel(), home.add_member("Asha")
    assert isinstance(parts.rooms, FakeRooms)
    async with running(made_bot(parts), discord) as bot:
        # The client is ready before Discord has taken all of its commands, one by one.
        all_names = {command.name for command in bot.commands}
        await discord.journal.first(CommandsRegistered, lambda event: {*event.names} == all_names)
        yield Evening(discord, home, general, baithak, asha, bot, parts, parts.rooms)
