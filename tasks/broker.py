"""Mends kombu 5.7 in two places.

A worker with work in hand does not survive the loss of Redis. When the connection is lost, kombu closes its transport,
and then acknowledges and restores messages over a channel that has none: an AttributeError, which Celery takes for
unrecoverable, so that the worker ends. Said as what it is, a lost connection, Celery knows what to do. Redis still has
the messages and delivers them again after the visibility timeout; the process that asked sends them again long before.

A channel makes a new client for each command, and with it redis-py's table of 170 commands: half a millisecond each on
slow cores, two to three times a hop. The connections are the pool's, so one client serves as well.
"""

from typing import Any, Final

from kombu.transport.redis import Channel
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

KEPT_CLIENT: Final = "_priya_client"

_connection_parameters = Channel._connparams  # noqa: SLF001 (the one place where every use of a closed channel passes)
_create_client = Channel._create_client  # noqa: SLF001


def _parameters_of_an_open_channel(channel: Channel, asynchronous: bool = False) -> dict[str, Any]:
    if channel.connection is None or channel.connection.client is None:
        raise RedisConnectionError("the connection to Redis was lost")
    parameters: dict[str, Any] = _connection_parameters(channel, asynchronous)
    return parameters


def _one_client(channel: Channel, asynchronous: bool = False) -> Redis:
    """The channel's client for commands, safe in any thread. What blocks and listens has its own, which kombu keeps."""
    if asynchronous:
        blocking: Redis = _create_client(channel, asynchronous=True)
        return blocking
    kept: Redis | None = channel.__dict__.get(KEPT_CLIENT)
    # A channel that was closed has no pool any more, and asking for one says so.
    if kept is None or kept.connection_pool is not channel.pool:
        kept = channel.__dict__[KEPT_CLIENT] = _create_client(channel)
    return kept


def mend_kombu() -> None:
    """Use it for every Redis channel of this process."""
    Channel._connparams = _parameters_of_an_open_channel  # type: ignore[method-assign]  # noqa: SLF001
    Channel._create_client = _one_client  # type: ignore[method-assign]  # noqa: SLF001
