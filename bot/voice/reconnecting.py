"""Keep a voice connection: wait for its messages, and when it breaks, do what its close code asks for. Event loop."""

import asyncio
import random
from typing import Final, Protocol

import aiohttp
from loguru import logger

from bot.voice.closing import NO_CODE, After, Ended, what_follows
from bot.voice.discovery import NoDiscovery
from bot.voice.gateway import Closed, VoiceGateway

GRACE_SECONDS: Final = 3.0
"""How long a new server may take to be named after Discord ended a connection."""
MOST_ATTEMPTS: Final = 8
LONGEST_PAUSE_SECONDS: Final = 30.0
"""Eight attempts, 1, 2, 4 ... 30 s apart: an outage of two minutes is outlived."""
ATTEMPTS_TO_BEGIN: Final = 3
MOVED_CODE: Final = 4000
"""Any code that keeps the server from believing that we want out."""

_BROKEN: Final = (Closed, TimeoutError, OSError, aiohttp.ClientError, NoDiscovery)
"""What ``Connection.identify`` raises when it is nobody's mistake."""


class Connection(Protocol):
    """What is cared for."""

    timeout: float
    """Seconds that Discord may take to do what it is asked for."""
    ws: VoiceGateway
    is_between_servers: bool
    """Discord said that the server is gone, and will name another as soon as it can."""

    @property
    def server_known(self) -> asyncio.Event:
        """Discord named a voice server that we did not connect to yet."""
        ...

    @property
    def has_ended(self) -> bool:
        """Out of the channel for good: nothing is tried any more."""
        ...

    async def join(self) -> None:
        """Ask Discord for a seat in the channel, until it names a server. Raises TimeoutError."""

    async def rejoin(self) -> None:
        """Give the seat up and ask for a new one: only so does Discord name a server again. Raises TimeoutError."""

    async def identify(self) -> None:
        """A new session with the server that was named. Raises Closed, TimeoutError, OSError, aiohttp.ClientError,
        NoDiscovery."""

    async def resume_session(self) -> None:
        """The same session over a new websocket; sound goes on as it was. Raises what ``identify`` raises."""

    def part(self, code: int) -> None:
        """The websocket is of no use any more. Sound that is under way is still heard."""

    async def give_up(self, why: Ended) -> None:
        """Leave the channel."""


class Recovery:
    """The care of one connection."""

    def __init__(self, connection: Connection, chance: random.Random, grace_seconds: float) -> None:
        self._connection = connection
        self._grace_seconds = grace_seconds
        self._chance = chance
        self._is_moving = False
        self._is_recovering = False

    async def begin(self) -> None:
        """The first connection. Raises TimeoutError when Discord gives no seat or the server can't be reached."""
        self._is_recovering = True
        try:
            await self._begin()
        finally:
            self._is_recovering = False

    async def _begin(self) -> None:
        connection = self._connection
        await connection.join()
        for attempt in range(ATTEMPTS_TO_BEGIN):
            if attempt:
                await self._pause(attempt - 1)
                await connection.rejoin()
            try:
                await connection.identify()
            except _BROKEN as error:
                connection.part(MOVED_CODE)
                logger.warning("Could not connect to voice: {}", _reason(error))
                if connection.has_ended or (isinstance(error, Closed) and what_follows(error.code) is After.LEAVE):
                    break
            else:
                return
        raise TimeoutError("the voice server can't be reached")

    def move(self) -> None:
        """Another server was named: go there, without leaving the channel."""
        if not self._is_recovering:
            self._is_moving = True
            self._connection.part(MOVED_CODE)

    async def run(self, *, reconnect: bool) -> None:
        """Until she is out of the channel."""
        while not self._connection.has_ended:
            if self._connection.server_known.is_set():
                self.move()  # it was named while we were still on our way to another
            try:
                await self._connection.ws.poll_event()
            except Closed as closed:
                code = closed.code
            except Exception:  # noqa: BLE001 - whatever one message does, she must not sit there deaf
                logger.opt(exception=True).error("A message of the voice server could not be followed")
                code = NO_CODE
            else:
                continue
            if not await self._mend(code, reconnect=reconnect):
                return

    async def _mend(self, code: int, *, reconnect: bool) -> bool:
        """Whether there is a connection again."""
        self._is_recovering = True
        self._connection.part(MOVED_CODE)
        try:
            after = After.AWAIT_SERVER if self._is_moving else what_follows(code)
            self._is_moving = False
            logger.info("The voice connection closed with {}: {}", code, after.name.lower())
            why = await self._follow(after) if reconnect else Ended.LOST
        finally:
            self._is_recovering = False
        if why is not None:
            await self._connection.give_up(why)
        return why is None

    async def _follow(self, after: After) -> Ended | None:
        """None: connected. Each attempt may teach what the next one must be."""
        for attempt in range(MOST_ATTEMPTS):
            if self._connection.has_ended:
                return None
            if after is After.LEAVE:
                return Ended.REFUSED
            try:
                if not await self._attempt(after, attempt):
                    return Ended.REMOVED
            except Closed as closed:
                logger.info("The voice connection closed again with {}", closed.code)
                suggested = what_follows(closed.code)
                after = _after_failing(after, After.REJOIN if attempt and suggested is After.RESUME else suggested)
            except Exception as error:  # noqa: BLE001 - an attempt that fails in any way is one attempt
                logger.warning("Could not reconnect to voice: {}", _reason(error))
                after = _after_failing(after, After.REJOIN if attempt else after)
            else:
                return None
            self._connection.part(MOVED_CODE)
        return Ended.LOST

    async def _attempt(self, after: After, attempt: int) -> bool:
        """False: nobody wants us any more. Raises what ``Connection.identify`` raises."""
        connection = self._connection
        if after is After.RESUME and not connection.server_known.is_set():
            if attempt:
                await self._pause(attempt - 1)
            await connection.resume_session()
            return True
        if after is After.REJOIN and not connection.server_known.is_set():
            await self._pause(attempt)
            if not connection.server_known.is_set():
                await connection.rejoin()
        elif not await self._server_is_named():
            return False
        await connection.identify()
        return True

    async def _server_is_named(self) -> bool:
        connection = self._connection
        patience = connection.timeout if connection.is_between_servers else self._grace_seconds
        try:
            async with asyncio.timeout(patience):
                await connection.server_known.wait()
        except TimeoutError:
            return False
        return True

    async def _pause(self, attempt: int) -> None:
        """Longer each time, and never the same for two bots that lost the same server."""
        await asyncio.sleep(min(2.0**attempt, LONGEST_PAUSE_SECONDS) * self._chance.uniform(0.5, 1.0))


def _after_failing(tried: After, suggested: After) -> After:
    """A session that could not be resumed twice, or a named server that refused, is not tried the same way again."""
    if suggested is After.LEAVE:
        return After.LEAVE
    return suggested if tried is After.RESUME and suggested is After.RESUME else After.REJOIN


def _reason(error: BaseException) -> str:
    """In a log: never what the server sent."""
    return f"{type(error).__name__} {getattr(error, 'code', '')}".strip()
