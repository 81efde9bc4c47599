"""Mends kombu 5.7: a worker with work in hand does not survive the loss of Redis.

When the connection is lost, kombu closes its transport, and then acknowledges and restores messages over a channel that
has none: an AttributeError, which Celery takes for unrecoverable, so that the worker ends. Said as what it is, a lost
connection, Celery knows what to do. Redis still has the messages and delivers them again after the visibility timeout;
the process that asked sends them again long before that.
"""

from typing import Any

from kombu.transport.redis import Channel
from redis.exceptions import ConnectionError as RedisConnectionError

_connection_parameters = Channel._connparams  # noqa: SLF001 (the one place where every use of a closed channel passes)


def _parameters_of_an_open_channel(channel: Channel, asynchronous: bool = False) -> dict[str, Any]:
    if channel.connection is None or channel.connection.client is None:
        raise RedisConnectionError("the connection to Redis was lost")
    parameters: dict[str, Any] = _connection_parameters(channel, asynchronous)
    return parameters


def mend_kombu() -> None:
    """Use it for every Redis channel of this process."""
    Channel._connparams = _parameters_of_an_open_channel  # type: ignore[method-assign]  # noqa: SLF001
