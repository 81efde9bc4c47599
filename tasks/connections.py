"""Connections to Redis that fail fast and loudly rather than hang."""

from typing import Final

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

SOCKET_TIMEOUT_SECONDS: Final = 5.0
BLOCK_SECONDS: Final = 2.0
"""Longest blocking read; below the socket timeout, or every quiet spell would look like a dead server."""

BRIEF_CONNECT_SECONDS: Final = 0.05
BRIEF_SECONDS: Final = 0.15


def connect(url: str) -> "redis.Redis":
    """For worker threads. redis-py retries ten times by default, which turns an outage into a hang."""
    return redis.Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=1,
        socket_keepalive=True,
        health_check_interval=5,
        retry=Retry(NoBackoff(), 1),
    )


def connect_briefly(url: str) -> "redis.Redis":
    """For what a voice would rather do without than wait for: 0.2 s at most. A connection that was lost is made anew
    once; a server that is silent is not asked again."""
    return redis.Redis.from_url(
        url,
        socket_timeout=BRIEF_SECONDS,
        socket_connect_timeout=BRIEF_CONNECT_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


def connect_async(url: str) -> "redis.asyncio.Redis":
    """For an event loop. The same rules."""
    return redis.asyncio.Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=1,
        socket_keepalive=True,
        health_check_interval=5,
        retry=AsyncRetry(NoBackoff(), 1),
    )
