"""What people say is in Redis's memory for a while, and never on its disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tasks import keys
from tasks.connections import connect, connect_async
from tasks.speech import leave_speech, rewrite_log
from tests.running import RunningValkey, wait_until

PCM = b"\x17\x2a" * 16_000
"""One second of somebody."""
ANYTHING = 1
"""Bytes: any log is worth rewriting."""


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[RunningValkey]:
    """Of this test alone: what is in its log matters."""
    with RunningValkey(tmp_path / "own") as running:
        yield running


@pytest.fixture
def redis(valkey: RunningValkey) -> Iterator[Redis]:
    with connect(valkey.url) as connection:
        yield connection


async def say_something(valkey: RunningValkey) -> str:
    async with connect_async(valkey.url) as connection:
        return await leave_speech(connection, "t1", PCM)


def on_disk(valkey: RunningValkey, tmp_path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in (tmp_path / "own").rglob("*") if file.is_file())


def is_written(redis: Redis) -> bool:
    state = redis.info("persistence")
    return not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]


async def test_speech_is_there_for_a_worker_and_for_no_file(
    valkey: RunningValkey, redis: Redis, tmp_path: Path
) -> None:
    key = await say_something(valkey)
    redis.set("kept", "a conversation")
    assert redis.get(key) == PCM
    assert 0 < redis.ttl(key) <= keys.AUDIO_SECONDS
    valkey.stop()
    assert b"a conversation" in on_disk(valkey, tmp_path)
    assert PCM[:64] not in on_disk(valkey, tmp_path)


async def test_a_killed_redis_comes_back_with_conversations_and_without_speech(
    valkey: RunningValkey, redis: Redis
) -> None:
    key = await say_something(valkey)
    redis.set("kept", "a conversation")
    wait_until(lambda: redis.info("persistence")["aof_pending_bio_fsync"] == 0, "the log to be on disk")
    valkey.kill()
    valkey.start()
    assert redis.get("kept") == b"a conversation"
    assert redis.get(key) is None


async def test_the_log_is_written_anew_only_while_nobody_s_speech_is_there(
    valkey: RunningValkey, redis: Redis, tmp_path: Path
) -> None:
    redis.set("kept", "a conversation")
    await say_something(valkey)
    assert not rewrite_log(redis, ANYTHING)
    redis.delete(keys.speech("t1"), keys.SPEECH_IS_HERE)  # as when their time is over
    assert rewrite_log(redis, ANYTHING)
    wait_until(lambda: is_written(redis), "the log to be written")
    assert b"a conversation" in on_disk(valkey, tmp_path)
    assert PCM[:64] not in on_disk(valkey, tmp_path)


def test_a_small_log_stays_as_it_is(redis: Redis) -> None:
    redis.set("kept", "a conversation")
    assert not rewrite_log(redis)


def test_a_redis_that_looks_after_itself_is_left_alone(redis: Redis) -> None:
    redis.config_set("auto-aof-rewrite-percentage", 100)
    assert not rewrite_log(redis, ANYTHING)
