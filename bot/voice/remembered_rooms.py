"""Which voice channels she sits in, kept in Redis for the next start: without Redis nothing is kept."""

import json
from dataclasses import dataclass
from typing import Final

from loguru import logger
from redis.asyncio import Redis
from redis.exceptions import RedisError

_KEY: Final = "voice-rooms"
"""Hash: guild to channel and text channel, as JSON. Written by the bot process that has the guild."""


@dataclass(frozen=True, slots=True)
class RememberedRoom:
    guild_id: int
    channel_id: int
    written_in_id: int | None
    """The text channel in which she writes what she can't say."""


class RememberedRooms:
    """One event loop."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._left: set[int] = set()
        """Guilds where she was sent away and Redis doesn't know it yet."""

    async def remember(self, room: RememberedRoom) -> None:
        """Never raises."""
        self._left.discard(room.guild_id)
        value = json.dumps({"channel": room.channel_id, "written_in": room.written_in_id})
        try:
            await self._redis.hset(_KEY, str(room.guild_id), value)
        except RedisError as error:
            logger.bind(success=False).warning("A voice room is not remembered: {}", error)

    async def forget(self, guild_id: int) -> bool:
        """Never raises. False: Redis still remembers it, and nobody here does."""
        self._left.add(guild_id)
        try:
            await self._redis.hdel(_KEY, str(guild_id))
        except RedisError as error:
            logger.bind(success=False).warning("A voice room is not forgotten: {}", error)
            return False
        self._left.discard(guild_id)
        return True

    def owes(self, guild_id: int) -> bool:
        """Whether Redis is still to be told that she was sent away."""
        return guild_id in self._left

    async def of(self, guild_id: int) -> RememberedRoom | None:
        """Raises RedisError."""
        value = await self._redis.hget(_KEY, str(guild_id))
        return None if value is None or guild_id in self._left else _read(guild_id, value)

    async def all(self) -> frozenset[int]:
        """The guilds. Raises RedisError."""
        kept = await self._redis.hkeys(_KEY)
        return frozenset(int(guild_id) for guild_id in kept if guild_id.isdigit()) - self._left


def _read(guild_id: int, value: str | bytes) -> RememberedRoom | None:
    try:
        kept = json.loads(value)
        return RememberedRoom(guild_id, int(kept["channel"]), kept["written_in"] and int(kept["written_in"]))
    except (ValueError, KeyError, TypeError):
        logger.bind(success=False).error("A remembered voice room can't be read")
        return None
