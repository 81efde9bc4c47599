"""``python -m bot`` as a process: how it starts, what it refuses, how it ends. The simulator is in the test's loop."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.discord.channel import Channel
from tests.discord.events import (
    CommandsRegistered,
    GatewayIdentified,
    GatewayResumed,
    RequestMade,
    VoiceStateChanged,
)
from tests.discord.gateway import (
    DIRECT_MESSAGES,
    GUILD_MESSAGES,
    GUILD_VOICE_STATES,
    GUILDS,
    MESSAGE_CONTENT,
)
from tests.discord.home import Home
from tests.discord.people.person import Person
from tests.discord.simulator import DiscordSimulator
from tests.running import RunningProcess, RunningValkey, unused_port

BOT = [sys.executable, "-m", "bot"]
START_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass
class Scene:
    discord: DiscordSimulator
    home: Home
    general: Channel
    baithak: Channel
    asha: Person


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with DiscordSimulator(seed=8) as discord:
        home = discord.add_guild()
        yield Scene(discord, home, home.add_text_channel(), home.add_voice_channel(), home.add_member("Asha"))


class BotProcess(RunningProcess):
    """The bot, whose end is waited for without holding up the simulator."""

    def __init__(self, folder: Path, redis_url: str, **environment: str) -> None:
        settings = {"PRIYA_HOME": str(folder), "REDIS_URL": redis_url, "LOG_FILE": "", "LOG_LEVEL": "INFO"}
        super().__init__(BOT, folder / "bot.log", settings | environment)

    async def ended(self, seconds: float = START_SECONDS) -> int:
        """Its exit code, once it ends by itself."""
        return await asyncio.to_thread(self.process.wait, seconds)

    async def asked_to_end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Its exit code, and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = await asyncio.to_thread(self.process.wait, STOP_SECONDS + 5)
        return code, time.monotonic() - began

    async def says(self, words: str, seconds: float = START_SECONDS) -> None:
        """Until ``words`` are in its log."""
        async with asyncio.timeout(seconds):
            while words not in self.output():  # noqa: ASYNC110 - a file tells nobody that it grows
                await asyncio.sleep(0.05)


async def ready(scene: Scene, since: int = 0) -> None:
    await scene.discord.journal.first(CommandsRegistered, since=since, seconds=START_SECONDS)


async def test_without_a_token_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    with BotProcess(tmp_path, "redis://127.0.0.1:1/0", DISCORD_TOKEN="") as bot:
        assert await bot.ended() == 78
        assert bot.output().startswith("DISCORD_TOKEN is not set:")
        assert bot.output().count("\n") == 1


@pytest.mark.parametrize("token", ["not-this-one", "प्रिया", "two words"])
async def test_with_a_wrong_token_one_sentence_says_what_to_do(
    token: str, scene: Scene, valkey: RunningValkey, tmp_path: Path
) -> None:
    environment = scene.discord.environment | {"DISCORD_TOKEN": token}
    with BotProcess(tmp_path, valkey.url, **environment) as bot:
        assert await bot.ended() == 78
        last = bot.output().splitlines()[-1]
    assert last.startswith("Discord does not know this DISCORD_TOKEN")
    assert "Traceback" not in bot.output()
    assert token not in bot.output()


async def test_a_missing_intent_is_named_with_its_switch(scene: Scene, valkey: RunningValkey, tmp_path: Path) -> None:
    scene.discord.gateway.granted_intents = ~MESSAGE_CONTENT
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as bot:
        assert await bot.ended() == 78
        last = bot.output().splitlines()[-1]
    assert "MESSAGE CONTENT INTENT" in last
    assert "Traceback" not in bot.output()


async def test_what_is_no_discord_is_named(scene: Scene, valkey: RunningValkey, tmp_path: Path) -> None:
    environment = scene.discord.environment | {"DISCORD_API_BASE": f"{scene.discord.files.base_url}/elsewhere"}
    with BotProcess(tmp_path, valkey.url, **environment) as bot:
        assert await bot.ended() == 78
        assert "DISCORD_API_BASE" in bot.output().splitlines()[-1]


async def test_it_asks_for_what_it_needs_and_no_more(scene: Scene, valkey: RunningValkey, tmp_path: Path) -> None:
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as bot:
        identified = await scene.discord.journal.first(GatewayIdentified, seconds=START_SECONDS)
        await ready(scene)
        code, _ = await bot.asked_to_end()
    needed = GUILDS | GUILD_VOICE_STATES | GUILD_MESSAGES | DIRECT_MESSAGES | MESSAGE_CONTENT
    assert identified.intents == needed
    assert code == 0


async def test_it_runs_the_shards_that_it_is_told(scene: Scene, valkey: RunningValkey, tmp_path: Path) -> None:
    environment = scene.discord.environment | {"SHARD_IDS": "0,2", "SHARD_COUNT": "3"}
    with BotProcess(tmp_path, valkey.url, **environment) as bot:
        await scene.discord.journal.first(GatewayIdentified, lambda event: event.shard == (2, 3), seconds=START_SECONDS)
        await ready(scene)
        await bot.asked_to_end()
    shards = {event.shard for event in scene.discord.journal.events if isinstance(event, GatewayIdentified)}
    assert shards == {(0, 3), (2, 3)}


async def test_discord_that_can_not_be_reached_is_told_and_tried_again(
    scene: Scene, valkey: RunningValkey, tmp_path: Path
) -> None:
    scene.discord.rest_faults.break_down("/users/@me$", status=503, times=2)
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as bot:
        await ready(scene)
        code, _ = await bot.asked_to_end()
    assert bot.output().count("Discord can't be reached") == 2
    assert code == 0


async def test_without_redis_it_says_so_and_starts_once_redis_is_there(scene: Scene, tmp_path: Path) -> None:
    valkey = RunningValkey(tmp_path / "valkey")
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as bot:
        await bot.says("Redis does not answer")
        assert not any(isinstance(event, RequestMade) for event in scene.discord.journal.events)
        await asyncio.to_thread(valkey.start)
        try:
            await ready(scene)
            code, _ = await bot.asked_to_end()
        finally:
            await asyncio.to_thread(valkey.stop)
    assert code == 0


async def test_it_ends_while_it_waits_for_redis(tmp_path: Path) -> None:
    environment = {"DISCORD_TOKEN": "any", "DISCORD_API_BASE": f"http://127.0.0.1:{unused_port()}"}
    with BotProcess(tmp_path, f"redis://127.0.0.1:{unused_port()}/0", **environment) as bot:
        await bot.says("Redis does not answer")
        code, seconds = await bot.asked_to_end()
    assert code == 0
    assert seconds < 3


async def test_a_mention_is_answered_and_an_answer_may_end_before_the_process_does(
    scene: Scene, valkey: RunningValkey, workers: None, tmp_path: Path
) -> None:
    me = scene.discord.world.bot.id
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as bot:
        await ready(scene)
        await scene.asha.write(scene.general, f"<@{me}> slow please")
        posted = await scene.discord.bot_wrote()
        ending = asyncio.create_task(bot.asked_to_end())
        whole = await scene.discord.bot_edited(posted.id, lambda text: "number4" in text)
        code, seconds = await ending
        assert "99 % of" in bot.output()  # how late the loop was
        assert whole.startswith("And this is a rather long sentence number0.")
        assert code == 0
        assert seconds < STOP_SECONDS


async def test_what_is_said_while_it_ends_is_not_begun(
    scene: Scene, valkey: RunningValkey, workers: None, tmp_path: Path
) -> None:
    me = scene.discord.world.bot.id
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as bot:
        await ready(scene)
        await scene.asha.write(scene.general, f"<@{me}> slow please")
        await scene.discord.bot_wrote()
        mark = scene.discord.journal.mark()
        ending = asyncio.create_task(bot.asked_to_end())
        await bot.says("Leaving")
        await scene.asha.write(scene.general, f"<@{me}> hello")
        code, _ = await ending
        wrote = [
            event for event in scene.discord.journal.events[mark:] if "hello to me" in getattr(event, "content", "")
        ]
    assert code == 0
    assert not wrote


async def test_a_second_signal_ends_it_at_once(
    scene: Scene, valkey: RunningValkey, workers: None, tmp_path: Path
) -> None:
    me = scene.discord.world.bot.id
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as bot:
        await ready(scene)
        await scene.asha.write(scene.general, f"<@{me}> slow please")
        await scene.discord.bot_wrote()
        bot.process.send_signal(signal.SIGINT)
        await bot.says("Leaving")
        code, seconds = await bot.asked_to_end(signal.SIGINT)
    assert code == 128 + signal.SIGINT
    assert seconds < 2


async def test_it_leaves_the_voice_channel_when_it_is_asked_to_end(
    scene: Scene, valkey: RunningValkey, workers: None, tmp_path: Path
) -> None:
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as bot:
        await ready(scene)
        await scene.asha.join(scene.baithak)
        await scene.asha.write(scene.general, "!join")
        await scene.discord.bot_connected_to_voice()
        mark = scene.discord.journal.mark()
        code, seconds = await bot.asked_to_end()
    assert code == 0
    assert seconds < STOP_SECONDS
    me = scene.discord.world.bot.id
    await scene.discord.journal.first(
        VoiceStateChanged, lambda event: event.user_id == me and event.channel_id is None, since=mark
    )


async def test_killed_and_started_again_it_is_back_in_its_voice_channel(
    scene: Scene, valkey: RunningValkey, workers: None, tmp_path: Path
) -> None:
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as first:
        await ready(scene)
        await scene.asha.join(scene.baithak)
        await scene.asha.write(scene.general, "!join")
        await scene.discord.bot_connected_to_voice()
        await scene.discord.bot_wrote(lambda posted: bool(posted.payload["components"]))
        first.kill()
    mark = scene.discord.journal.mark()
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as second:
        session = await scene.discord.bot_connected_to_voice(since=mark, seconds=START_SECONDS)
        assert session.user_id == scene.discord.world.bot.id
        # Asha has not agreed: whoever came while she was away has to learn that she listens.
        await scene.discord.bot_wrote(lambda posted: bool(posted.payload["components"]), since=mark)
        code, _ = await second.asked_to_end()
    assert code == 0


async def test_dragged_into_another_channel_it_tells_who_is_there_and_comes_back_there(
    scene: Scene, valkey: RunningValkey, workers: None, tmp_path: Path
) -> None:
    home = scene.home
    other = home.add_voice_channel("rasoi")
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as first:
        await ready(scene)
        await scene.asha.join(scene.baithak)
        await scene.asha.write(scene.general, "!join")
        await scene.discord.bot_wrote(lambda posted: f"<#{scene.baithak.id}>" in posted.content)
        await scene.discord.bot_connected_to_voice()
        await home.move_bot(other)
        await scene.discord.bot_wrote(
            lambda posted: f"<#{other.id}>" in posted.content and bool(posted.payload["components"])
        )
        first.kill()
    mark = scene.discord.journal.mark()
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as second:
        await scene.discord.bot_connected_to_voice(since=mark, seconds=START_SECONDS)
        assert home.bot.voice is not None
        assert home.bot.voice.channel_id == other.id
        code, _ = await second.asked_to_end()
    assert code == 0


async def test_a_lost_gateway_is_resumed(scene: Scene, valkey: RunningValkey, tmp_path: Path) -> None:
    with BotProcess(tmp_path, valkey.url, **scene.discord.environment) as bot:
        await ready(scene)
        await scene.discord.gateway.ask_to_reconnect()
        await scene.discord.journal.first(GatewayResumed)
        code, _ = await bot.asked_to_end()
    assert code == 0
