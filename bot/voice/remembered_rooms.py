"""Which voice channels she sits in, kept in Redis for the next start. Never raises: without Redis nothing is kept."""

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

    async def remember(self, room: RememberedRoom) -> None:
        value = json.dumps({"channel": room.channel_id, "written_in": room.written_in_id})
        try:
            await self._redis.hset(_KEY, str(room.guild_id), value)
        except RedisError as error:
            logger.bind(success=False).warning("A voice room is not remembered: {}", error)

    async def forget(self, guild_id: int) -> None:
        try:
            await self._redis.hdel(_KEY, str(guild_id))
        except RedisError as error:
            logger.bind(success=False).warning("A voice room is not forgotten: {}", error)

    async def of(self, guild_id: int) -> RememberedRoom | None:
        try:
            value = await self._redis.hget(_KEY, str(guild_id))
        except RedisError as error:
            logger.bind(success=False).warning("No voice room is known: {}", error)
            return None
        if value is None:
            return None
        try:
            kept = json.loads(value)
            return RememberedRoom(guild_id, int(kept["channel"]), kept["written_in"] and int(kept["written_in"]))
        except (ValueError, KeyError, TypeError):
            logger.bind(success=False).error("A remembered voice room can't be read")
            return None
