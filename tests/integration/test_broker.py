"""What is mended of kombu, on a real Valkey."""

from collections.abc import Iterator
from typing import Any

import pytest
from kombu.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError

import tasks.app  # noqa: F401 - mends kombu
from tests.running import RunningValkey


@pytest.fixture
def connection(valkey: RunningValkey) -> Iterator[Any]:
    untyped: Any = Connection
    with untyped(valkey.url) as connection:
        yield connection


def test_a_channel_has_one_client_for_commands_and_others_to_listen_with(connection: Any) -> None:
    channel = connection.channel()

    with channel.conn_or_acquire() as one, channel.conn_or_acquire() as same:
        assert one is same
        assert one.ping()
    assert channel._create_client(asynchronous=True) is not channel._create_client(asynchronous=True)


def test_channels_share_no_client(connection: Any) -> None:
    assert connection.channel()._create_client() is not connection.channel()._create_client()


def test_a_closed_channel_says_that_its_connection_is_lost(connection: Any) -> None:
    channel = connection.channel()
    assert channel._create_client().ping()

    connection.close()

    with pytest.raises(RedisConnectionError, match="lost"):
        channel._create_client()


def test_a_channel_whose_pool_was_replaced_gets_a_new_client(connection: Any) -> None:
    channel = connection.channel()
    before = channel._create_client()

    channel._disconnect_pools()

    assert channel._create_client() is not before
    assert channel._create_client().ping()
