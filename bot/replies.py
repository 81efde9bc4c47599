"""One reader for all turns of this process: takes events off the reply stream and hands each to its turn."""

import asyncio
import contextlib
from typing import Any, Final, Self

from loguru import logger
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tasks.connections import BLOCK_SECONDS
from tasks.messages import Event, Message, WireError

RECONNECT_SECONDS: Final = 0.2
MOST_AT_ONCE: Final = 256

type Inbox = asyncio.Queue[Event]


class ReplyReader:
    """Reads while it is entered as an async context manager. One event loop."""

    def __init__(self, redis: Redis, stream: str) -> None:
        self.stream: Final = stream
        self._redis = redis
        self._inboxes: dict[str, Inbox] = {}
        self._task: asyncio.Task[None] | None = None
        self.is_connected = True
        """False while Redis does not answer; what was written meanwhile is read afterwards."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read_for_ever(), name="reply-reader")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(RedisError):
            await self._redis.delete(self.stream)

    def open(self, turn_id: str) -> Inbox:
        """From now on keep this turn's events. ``close`` it when the turn is over."""
        return self._inboxes.setdefault(turn_id, asyncio.Queue())

    def close(self, turn_id: str) -> None:
        """Events that still come are dropped: they are of a cancelled or repeated turn."""
        self._inboxes.pop(turn_id, None)

    async def _read_for_ever(self) -> None:
        last_id: bytes | str = "0"
        while True:
            try:
                # XREAD, not a consumer group: there is one reader, and it knows where it is.
                answer = await self._redis.xread(
                    {self.stream: last_id}, count=MOST_AT_ONCE, block=int(BLOCK_SECONDS * 1000)
                )
            except RedisError as error:
                if self.is_connected:
                    logger.bind(success=False).warning("Redis does not answer: {}", error)
                self.is_connected = False
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            self.is_connected = True
            for entry_id, fields in _entries(answer):
                last_id = entry_id
                self._hand_over(fields)

    def _hand_over(self, fields: dict[bytes, bytes]) -> None:
        try:
            event = Message.from_json(fields[b"event"])
        except (WireError, KeyError) as error:
            logger.bind(success=False).error("Not an event: {}", error)
            return
        inbox = self._inboxes.get(event.turn.id)
        if inbox is not None:
            inbox.put_nowait(event)  # type: ignore[arg-type]  # a reply stream carries nothing but events


def _entries(answer: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:  # noqa: ANN401  # a union of all protocols' shapes
    """The entries of an XREAD answer about one stream."""
    streams = answer.items() if isinstance(answer, dict) else answer or ()
    return [entry for _, entries in streams for entry in entries]
