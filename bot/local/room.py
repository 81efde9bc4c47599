"""The local room: one person and Priya, without Discord, over the very path that Discord's voices take."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.local.report import TurnReport
from bot.turns import Happening, LiveTurn, Turns, Waiting, Who
from bot.voice.smart_turn import SmartTurn, TurnJudge, load_judge
from config.settings import Settings
from tasks.dispatch import NotSent

LONGEST_TEXT: Final = 4_000
"""Characters of the longest message that Discord lets anyone write."""
REDIS_SECONDS: Final = 3.0
"""A Redis that is slower than this to say hello would keep nobody's conversation going."""

type OnHappening = Callable[[Happening], Awaitable[None]]


class TextError(Exception):
    """The text can't be answered. The message says why."""


class NoStack(Exception):
    """Nothing runs that could answer. The message says what is missing and how to start it."""


@dataclass(frozen=True, slots=True)
class Missing(Exception):
    """A stage that the turn needs has no worker."""

    waiting: Waiting

    def __str__(self) -> str:
        if self.waiting.reason == "redis":
            return "Redis does not answer any more; is the stack still running? Start it with: make stack"
        stage = self.waiting.stage
        return f"no {stage} worker is running; start one with: python -m tasks.worker {stage}"


def check_text(text: str) -> str:
    """The text without the space around it. Raises TextError."""
    said = text.strip()
    if not said:
        raise TextError("there is nothing in the text to answer")
    if len(said) > LONGEST_TEXT:
        raise TextError(f"the text has {len(said):,} characters, at most {LONGEST_TEXT:,} can be answered at once")
    return said


class LocalRoom:
    """Use as an async context manager. Raises NoStack when it is entered and nothing runs."""

    def __init__(self, settings: Settings, who: Who) -> None:
        self.who: Final = who
        self.turns: Final = Turns(settings.broker_url, request_seconds=settings.request_timeout)
        self._knows_a_broker = settings.knows_a_broker
        self._address = urlsplit(settings.broker_url).netloc.rpartition("@")[2]
        self._models_folder = settings.models_folder
        self._judge: SmartTurn | None = None

    async def __aenter__(self) -> Self:
        if not self._knows_a_broker:
            raise NoStack("no stack is running; start it with: make stack")
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                await self.turns.dispatcher.redis.ping()
                await self.turns.dispatcher.warm_up()
        except (RedisError, NotSent, TimeoutError) as error:
            await self.turns.dispatcher.__aexit__()
            slow = isinstance(error, TimeoutError | RedisTimeoutError)
            what = (
                "does not answer, though something listens there"
                if slow
                else "is not running; start it with: make stack"
            )
            raise NoStack(f"the stack's Redis at {self._address} {what}") from error
        await self.turns.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.turns.__aexit__()

    async def judge(self) -> TurnJudge | None:
        """Tells pauses from ends; loaded when somebody speaks for the first time."""
        if self._judge is None:
            self._judge = await asyncio.to_thread(load_judge, self._models_folder)
        return self._judge

    async def say(self, text: str, on_happening: OnHappening, *, spoken: bool) -> TurnReport:
        """One typed turn, to its end. Raises TextError, NotSent, Missing."""
        said = check_text(text)
        began_at = time.time()
        live = await self.turns.read(self.who, said, spoken=spoken)
        report = TurnReport(live.turn.id, began_at, heard=said)
        await follow(live, report, on_happening)
        return report


async def follow(live: LiveTurn, report: TurnReport, on_happening: OnHappening) -> None:
    """Live through a turn. Raises Missing when a stage has no worker: better a word now than silence."""
    try:
        async for happening in live.follow():
            report.take(happening)
            await on_happening(happening)
            if isinstance(happening, Waiting) and happening.reason != "slow":
                raise Missing(happening)
    except (asyncio.CancelledError, Missing):
        await live.cancel()
        raise
