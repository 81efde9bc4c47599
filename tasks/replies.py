"""The way back: workers write events of a turn to the reply stream of the process that asked."""

import time
from collections.abc import Callable
from typing import Final

from redis import Redis
from redis.client import Pipeline

from tasks import keys
from tasks.messages import Event

STREAM_LENGTH: Final = 10_000
"""Entries kept in a reply stream whose reader is slow or gone."""


def reply_stream(process_id: str) -> str:
    """The stream of one asking process."""
    return f"replies:{process_id}"


class Replies:
    """Writes events. Safe to share between threads."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def send(self, event: Event) -> None:
        """Append to the turn's reply stream, in order with what this thread sent before."""
        with self._redis.pipeline(transaction=False) as pipeline:
            append(pipeline, event)
            pipeline.execute()


def append(pipeline: Pipeline, event: Event) -> None:
    """Queue an event behind what else travels on the same trip."""
    stream = event.turn.reply_stream
    pipeline.xadd(stream, {"event": event.to_json()}, maxlen=STREAM_LENGTH, approximate=True)
    pipeline.expire(stream, keys.REPLY_STREAM_SECONDS)


class WordsPacer:
    """Groups a model's deltas so that the words appear as they are made, yet not one message a token.

    ``clock`` returns seconds. One thread.
    """

    def __init__(
        self,
        send: Callable[[str, int], None],
        *,
        every_seconds: float,
        already_sent: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._every_seconds = every_seconds
        self._clock = clock
        self._waiting = ""
        self._sent_characters = already_sent
        self._next_at = 0.0

    def feed(self, delta: str) -> None:
        self._waiting += delta
        if self._waiting.strip() and self._clock() >= self._next_at:
            self.flush()

    def flush(self) -> None:
        """Send what waits, whatever the time."""
        if not self._waiting:
            return
        self._send(self._waiting, self._sent_characters)
        self._sent_characters += len(self._waiting)
        self._waiting = ""
        self._next_at = self._clock() + self._every_seconds
