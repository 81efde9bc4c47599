"""Barge-in's way to the workers: a key for those who look later, a publication for those at work now."""

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from loguru import logger
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.client import Pipeline
from redis.exceptions import RedisError

from tasks import keys

RECONNECT_SECONDS: Final = 0.5
LISTEN_SECONDS: Final = 0.5
"""How soon the listening thread notices that it shall end."""


async def cancel(redis: AsyncRedis, turn_id: str) -> None:
    """Nobody waits for this turn any more. Does not wait for the workers to notice."""
    async with redis.pipeline(transaction=False) as pipeline:
        pipeline.set(keys.cancelled(turn_id), 1, ex=keys.TURN_SECONDS)
        pipeline.publish(keys.CANCELLED_CHANNEL, turn_id)
        await pipeline.execute()


@dataclass(slots=True)
class _Watch:
    watchers: int = 0
    """Tasks of this process that work on the turn: sentences of one are spoken at the same time."""
    is_cancelled: bool = False


class CancelledTurns:
    """What a worker process knows of cancelled turns: one listening thread, asked between tokens for nothing.

    Only turns that are ``watch``ed are remembered. Use it as a context manager around the worker's life.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lock = threading.Lock()
        self._watched: dict[str, _Watch] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="cancelled-turns", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def watch(self, turn_id: str) -> "WatchedTurn":
        """Keep an eye on a turn while a task works on it (a context manager)."""
        return WatchedTurn(self, turn_id)

    def _begin(self, turn_id: str) -> None:
        with self._lock:
            self._watched.setdefault(turn_id, _Watch()).watchers += 1

    def _end(self, turn_id: str) -> None:
        with self._lock:
            self._watched[turn_id].watchers -= 1
            if not self._watched[turn_id].watchers:
                del self._watched[turn_id]

    def mark(self, turn_id: str) -> None:
        """The turn is known to be cancelled."""
        with self._lock:
            if turn_id in self._watched:
                self._watched[turn_id].is_cancelled = True

    def is_cancelled(self, turn_id: str) -> bool:
        watch = self._watched.get(turn_id)
        return watch is not None and watch.is_cancelled

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except RedisError as error:
                logger.warning("Not hearing cancellations: {}", error)
                self._stopping.wait(RECONNECT_SECONDS)

    def _follow(self) -> None:
        with self._redis.pubsub() as channel:
            channel.subscribe(keys.CANCELLED_CHANNEL)
            while not self._stopping.is_set():
                message = channel.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    continue
                if message["type"] == "message":
                    self.mark(message["data"].decode())
                else:
                    # Subscribed, for the first time or because redis-py has reconnected without a word.
                    self._look_up_missed()

    def _look_up_missed(self) -> None:
        """What was published while nobody listened is still a key."""
        with self._lock:
            watched = list(self._watched)
        for turn_id in watched:
            if self._redis.exists(keys.cancelled(turn_id)):
                self.mark(turn_id)


class WatchedTurn:
    """One turn under watch. What was cancelled before is known only once it was asked for: ``ask`` within the watch,
    so that nothing is missed in between."""

    def __init__(self, turns: CancelledTurns, turn_id: str) -> None:
        self._turns = turns
        self._turn_id = turn_id

    def __enter__(self) -> Self:
        self._turns._begin(self._turn_id)  # noqa: SLF001 (the two classes are one thing with two lives)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._turns._end(self._turn_id)  # noqa: SLF001

    def ask(self, pipeline: Pipeline) -> None:
        """Queue the question whether the turn was cancelled before; ``hear`` its answer."""
        pipeline.exists(keys.cancelled(self._turn_id))

    def hear(self, answer: int) -> None:
        if answer:
            self._turns.mark(self._turn_id)

    @property
    def is_cancelled(self) -> bool:
        return self._turns.is_cancelled(self._turn_id)
