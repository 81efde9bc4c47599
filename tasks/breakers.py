"""Counts of circuit breakers in Redis, where all workers share them."""

import logging
from typing import Final

import pybreaker
from redis import Redis

_SILENT: Final = logging.getLogger("priya.breakers")
_SILENT.disabled = True
"""pybreaker logs each answer that Redis doesn't give, with its trace; whoever asks says so once."""


class SharedStorage(pybreaker.CircuitRedisStorage):
    """pybreaker's own, with keys that end. Making one asks Redis. Raises RedisError then, and swallows it later. The
    connection must not decode answers."""

    logger = _SILENT

    def __init__(self, redis: Redis, namespace: str, lifetime_seconds: int) -> None:
        super().__init__(pybreaker.STATE_CLOSED, redis, namespace=namespace)
        self._lifetime_seconds = lifetime_seconds
        self._connection = redis

    def keep(self) -> None:
        """Count the lifetime of its keys anew. Raises RedisError."""
        with self._connection.pipeline(transaction=False) as pipeline:
            for part in ("state", "fail_counter", "success_counter", "opened_at"):
                pipeline.expire(self._namespace(part), self._lifetime_seconds)
            pipeline.execute()
