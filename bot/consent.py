"""Who agreed to be heard: one hash in Redis, known by heart by every bot process.

Until it was read, and of anybody not in it, nothing may be heard. ``has_agreed`` may be asked from any thread and does
no I/O; everything else belongs to one event loop.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final, Self

from loguru import logger
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from bot.owed_revocations import OwedRevocations

AGREED_KEY: Final = "consent"
"""Hash: Discord user id to the time of agreeing, seconds since 1970. Lives until taken back."""
CHANGES_CHANNEL: Final = "consent.changed"
"""Publish/subscribe: ``+id`` or ``-id``, for the other bot processes."""

LISTEN_SECONDS: Final = 1.0
RECONNECT_SECONDS: Final = 0.5
READ_AGAIN_SECONDS: Final = 20.0
"""A subscription may be dead without a word (a router forgot it): what it did not bring is read."""
LAST_STORE_SECONDS: Final = 0.5
"""What the end of a process may wait for Redis to take what is owed."""


class Consent:
    """Use as an async context manager. Entering waits for the list if Redis answers, and not if it doesn't."""

    def __init__(
        self, redis: Redis, clock: Callable[[], float] = time.time, *, kept: OwedRevocations | None = None
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._agreed: set[int] = set()
        self._kept = kept
        self._owed: set[int] = kept.all() if kept is not None else set()
        """Taken back here, but Redis doesn't know yet."""
        self._wishes: dict[int, int] = dict.fromkeys(self._owed, 0)
        self._storing = asyncio.Lock()
        """Decisions are stored one after the other, so that the last one is the one that stays."""
        self._changes = 0
        self._told: list[Callable[[int], None]] = []
        self._is_read = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._keep_in_step(), name="consent")
        await self._is_read.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening
        with contextlib.suppress(RedisError, TimeoutError):
            async with asyncio.timeout(LAST_STORE_SECONDS):
                await self._store_owed()

    def has_agreed(self, user_id: int) -> bool:
        """Any thread; no I/O."""
        return user_id in self._agreed

    def on_revoked(self, callback: Callable[[int], None]) -> None:
        """Have ``callback`` called with the id of whoever takes it back, here or in another process. On the loop."""
        self._told.append(callback)

    async def agree(self, user_id: int) -> None:
        """Raises RedisError: then nothing has changed, and this person is not heard. Whoever takes it back meanwhile
        has the last word."""
        wish = self._wish(user_id)
        async with self._storing:
            if self._wishes[user_id] != wish:
                return
            async with self._redis.pipeline() as pipeline:
                pipeline.hset(AGREED_KEY, str(user_id), int(self._clock()))
                pipeline.publish(CHANGES_CHANNEL, f"+{user_id}")
                await pipeline.execute()
            if self._wishes[user_id] == wish:
                self._settle(user_id)
                self._add(user_id)

    async def revoke(self, user_id: int) -> None:
        """Not heard here from now on, whatever Redis says. Raises RedisError when it could not be stored yet: it is
        tried again every second, and by the next process."""
        wish = self._wish(user_id)
        self._owed.add(user_id)
        self._remove(user_id)
        if self._kept is not None:
            self._kept.add(user_id)
        await self._store_revoked(user_id, wish)

    def _wish(self, user_id: int) -> int:
        """A number for what somebody wants now: only their last wish counts."""
        self._wishes[user_id] = self._wishes.get(user_id, 0) + 1
        return self._wishes[user_id]

    async def _store_revoked(self, user_id: int, wish: int) -> None:
        async with self._storing:
            if self._wishes.get(user_id) != wish:
                return
            async with self._redis.pipeline() as pipeline:
                pipeline.hdel(AGREED_KEY, str(user_id))
                pipeline.publish(CHANGES_CHANNEL, f"-{user_id}")
                await pipeline.execute()
            if self._wishes.get(user_id) == wish:
                self._settle(user_id)

    def _settle(self, user_id: int) -> None:
        """Redis knows what they want."""
        self._owed.discard(user_id)
        if self._kept is not None:
            self._kept.discard(user_id)

    async def _store_owed(self) -> None:
        """Raises RedisError."""
        for user_id in tuple(self._owed):
            await self._store_revoked(user_id, self._wishes[user_id])

    def _add(self, user_id: int) -> None:
        self._changes += 1
        if user_id not in self._owed:
            self._agreed.add(user_id)

    def _remove(self, user_id: int) -> None:
        self._changes += 1
        if user_id in self._agreed:
            self._agreed.discard(user_id)
            loop = asyncio.get_running_loop()
            for tell in self._told:
                loop.call_soon(tell, user_id)  # what one of them breaks is not for us to stop at

    async def _keep_in_step(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(CHANGES_CHANNEL)
                    await self._follow(channel)
            except (RedisError, OSError) as error:
                logger.warning("Not hearing who agrees or takes it back: {}", error)
                self._is_read.set()
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self, channel: PubSub) -> None:
        read_at = 0.0
        while True:
            message = await channel.get_message(timeout=LISTEN_SECONDS)
            now = asyncio.get_running_loop().time()
            if message is None and now - read_at < READ_AGAIN_SECONDS:
                await self._store_owed()
                continue
            if message is None:
                await self._read_all()
                read_at = now
                continue
            if message["type"] != "message":
                # Subscribed, for the first time or because redis-py has reconnected without a word: what was
                # published meanwhile is lost, what was stored is not.
                await self._read_all()
                read_at = now
                self._is_read.set()
                continue
            self._take(_text(message["data"]))

    def _take(self, change: str) -> None:
        if change[1:].isdecimal():
            (self._add if change.startswith("+") else self._remove)(int(change[1:]))

    async def _read_all(self) -> None:
        await self._store_owed()
        seen = -1
        while seen != self._changes:  # somebody agreed or took it back while it was read: what was read is old
            seen = self._changes
            stored = {int(key) for key in map(_text, await self._redis.hkeys(AGREED_KEY)) if key.isdecimal()}
        for user_id in self._agreed - stored:
            self._remove(user_id)
        self._agreed |= stored - self._owed


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
