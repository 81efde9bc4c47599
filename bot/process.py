"""The bot's process: what it is made of, how it starts, and how it ends within ``STOP_TIMEOUT``. One event loop."""

import asyncio
import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import nextcord
from loguru import logger
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.active import ActiveTurns
from bot.announcing import announce
from bot.by_heart import ByHeart
from bot.client import Priya
from bot.commands.adding import add_commands
from bot.consent import Consent
from bot.foggy_head import FoggyHead, emergency_words
from bot.loop_lag import Lag, LoopLag
from bot.memory import return_freed_memory, watch_memory
from bot.owed_revocations import OwedRevocations
from bot.parts import Parts
from bot.preferences import Preferences
from bot.reaching import Lost, redirect, stay_connected
from bot.text.chat import Chat
from bot.turns import Turns
from bot.voice.room import VoiceRoom
from bot.voice.rooms import VoiceRooms
from bot.voice.smart_turn import load_judge
from bot.voice.vad import SileroVad
from config.libopus import libopus
from config.phrases import phrases
from config.settings import Settings
from tasks.dispatch import NotSent

REDIS_SECONDS: Final = 3.0
"""How long Redis may take to say hello before it counts as not there."""
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 15.0
ANSWERING_SHARE: Final = 0.65
VOICE_SHARE: Final = 0.75
LEAVING_SHARE: Final = 0.9
"""Parts of the time for stopping: until then answers may end, voice channels and Discord are left. The rest is for
closing connections."""


class Exit(IntEnum):
    """sysexits.h where it has a word for it; deploy.keep doesn't start again what ended with CONFIG."""

    STOPPED = 0
    LOST = 75
    CONFIG = 78


@dataclass(frozen=True, slots=True)
class Bot:
    """The whole of it, made but not connected."""

    priya: Priya
    parts: Parts
    rooms: VoiceRooms


async def run(settings: Settings, token: str) -> Exit:
    """Until SIGTERM or Ctrl-C, or until Discord refuses. Raises Refused and Lost."""
    stop = asyncio.Event()
    with ended_by_signals(stop, settings.stop_timeout):
        async with AsyncExitStack() as house:
            lag = await house.enter_async_context(LoopLag())
            turns = await house.enter_async_context(
                Turns(settings.broker_url, request_seconds=settings.request_timeout)
            )
            if not await unless(stop, redis_is_there(turns.dispatcher.redis)):
                return Exit.STOPPED
            bot = await compose(settings, turns, lag, house)
            house.push_async_callback(bot.priya.close)
            settle()
            lag.forget()
            is_over = await unless(stop, stay_connected(bot.priya, token))
            if is_over:
                raise Lost("the connection to Discord ended without a reason")
            await leave(bot, settings.stop_timeout)
            tell_lag(lag.lag())
    return Exit.STOPPED


async def compose(settings: Settings, turns: Turns, lag: LoopLag, house: AsyncExitStack) -> Bot:
    """Everything that belongs to this process; what has to be closed goes to ``house``."""
    redis = turns.dispatcher.redis
    with contextlib.suppress(NotSent):
        await turns.dispatcher.warm_up()
    kept = OwedRevocations(settings.priya_home / "revocations")
    consent = await house.enter_async_context(Consent(redis, kept=kept))
    preferences = Preferences(redis)
    active = ActiveTurns(settings.max_concurrent_requests)
    judge = await asyncio.to_thread(load_judge, settings.models_folder)
    for loaded_once in (phrases, emergency_words, SileroVad, libopus):
        await asyncio.to_thread(loaded_once)  # from files: not while somebody waits
    head = FoggyHead()
    by_heart = await house.enter_async_context(ByHeart(settings))
    rooms = VoiceRooms(
        *(turns, consent, preferences, active, redis, judge),
        lock_seconds=settings.voice_lock_timeout,
        head=head,
        by_heart=by_heart,
    )

    async def tell_of(room: VoiceRoom) -> None:
        await announce(room.written_in or room.channel, room.channel, preferences)

    rooms.announce = tell_of

    def bot_user() -> nextcord.ClientUser:
        assert priya.user is not None, "messages come after the login"
        return priya.user

    async def rejoin(client: Priya) -> None:
        await rooms.rejoin(client, [guild.id for guild in client.guilds])

    chat = Chat(turns, preferences, rooms, active, bot_user, consent.has_agreed, head=head)
    redirect(settings.discord_api_base)
    priya = Priya(chat, rejoin, settings.shard_ids, settings.shard_count)
    parts = Parts(settings, turns, consent, preferences, rooms, active, chat, lag, time.time())
    add_commands(priya, parts)
    await house.enter_async_context(watch_memory(settings.max_memory_mb))
    return Bot(priya, parts, rooms)


def settle() -> None:
    """What was made up to now stays: the garbage collector needs not look through it again, which would hold up the
    loop for as long as a word takes to say. What only starting needed goes back to the system."""
    began_at = time.perf_counter()
    gc.collect()
    gc.freeze()
    return_freed_memory()
    logger.bind(duration_ms=round(1000 * (time.perf_counter() - began_at))).debug("Settled")


async def leave(bot: Bot, seconds: float) -> None:
    """Answers that are being given may end, then voice channels and Discord are left. Takes ``seconds`` at most."""
    ends_at = time.monotonic() + seconds * LEAVING_SHARE
    bot.priya.take_no_more()
    logger.info("Leaving; {} answers are being given", bot.parts.active.running)
    # Together: what is written and what is spoken may end, and each channel is left when it is quiet there.
    all_ended, _ = await asyncio.gather(
        bot.parts.active.drain(seconds * ANSWERING_SHARE),
        _within(seconds * VOICE_SHARE, "Voice channels", bot.rooms.close),
    )
    if not all_ended:
        logger.warning("Some answers were broken off")
    await _within(max(0.0, ends_at - time.monotonic()), "Discord", bot.priya.close)


def tell_lag(lag: Lag) -> None:
    logger.info(
        "The event loop was at most {}; 99 % of {} ticks within {:.0f} ms, {} more than 50 ms",
        lag.worst,
        lag.ticks,
        lag.p99_ms,
        lag.stalls,
    )


async def _within(seconds: float, name: str, close: Callable[[], Awaitable[object]]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await close()
    except Exception as error:  # noqa: BLE001 - nothing may keep the rest from being closed
        logger.bind(success=False).error("{} not left: {}", name, str(error) or type(error).__name__)


async def redis_is_there(redis: Redis, pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
    """Returns once Redis answers; says so while it doesn't."""
    seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                await redis.ping()
                return
        except (RedisError, OSError, TimeoutError) as error:
            logger.bind(success=False).error(
                "Redis does not answer ({}): start the stack by `make stack`, or mend REDIS_URL. Trying again in {} s",
                str(error) or type(error).__name__,
                seconds,
            )
        await pause(seconds)
        seconds = min(LONGEST_PAUSE_SECONDS, seconds * 2)


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do ``work`` unless told to stop; whether it was done. Raises what it raises."""
    doing = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            await doing
        return doing.done()
    finally:
        stopping.cancel()
        doing.cancel()


@contextlib.contextmanager
def ended_by_signals(stop: asyncio.Event, seconds: float) -> Iterator[None]:
    """The first SIGTERM, Ctrl-C or hang-up sets ``stop``, the second ends the process at once; so does a native call
    that still hangs when ``seconds`` have passed."""
    loop = asyncio.get_running_loop()
    last_resort = threading.Timer(seconds, os._exit, (Exit.LOST,))
    last_resort.daemon = True

    def ask(number: signal.Signals) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()
        last_resort.start()

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, ask, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
