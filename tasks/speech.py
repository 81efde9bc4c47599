"""What people say, on its way to Whisper: kept in Redis's memory for a while, never on its disk.

Redis keeps two things on disk. Its log of changes (the append-only file) gets nothing of this, because the script that
leaves the sound says so (``redis.set_repl``); replicas get nothing of it either. A snapshot of the memory, such as a
rewrite of that log, would have it: the embedded Valkey makes none by itself, and ``rewrite_log`` makes one only while
there is no speech. Why so: docs/decisions/006-nobodys-voice-on-disk.md.
"""

from typing import Final

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.client import Pipeline
from redis.exceptions import ResponseError, WatchError

from tasks import keys

_LEAVE: Final = """
redis.set_repl(redis.REPL_NONE)
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('SET', KEYS[2], '', 'EX', ARGV[2])
redis.set_repl(redis.REPL_ALL)
"""
WORTH_REWRITING_BYTES: Final = 64 * 2**20
"""Redis's own auto-aof-rewrite-min-size."""
GROWTH: Final = 2
"""Times the size after the last rewrite: Redis's own auto-aof-rewrite-percentage, 100."""


async def leave_speech(redis: AsyncRedis, turn_id: str, pcm: bytes) -> str:
    """Leave 16 kHz mono int16 PCM for whoever transcribes the turn. Returns its key. Raises RedisError."""
    key = keys.speech(turn_id)
    await redis.register_script(_LEAVE)([key, keys.SPEECH_IS_HERE], [pcm, keys.AUDIO_SECONDS])
    return key


def hold_speech(pipeline: Pipeline, key: str) -> None:
    """Have it kept for as long as if it had been left now: on slow machines a long recording takes minutes to hear."""
    pipeline.expire(key, keys.AUDIO_SECONDS)
    pipeline.expire(keys.SPEECH_IS_HERE, keys.AUDIO_SECONDS)


def rewrite_log(redis: Redis, least_bytes: int = WORTH_REWRITING_BYTES) -> bool:
    """Have a log of changes that has grown written anew, if that is ours to do and nobody's speech is in memory.
    Whether it was begun. Raises RedisError."""
    persistence = redis.info("persistence")
    size, base = persistence.get("aof_current_size", 0), persistence.get("aof_base_size", 0)
    if size < max(least_bytes, GROWTH * base) or not _is_ours(redis):
        return False
    with redis.pipeline(transaction=True) as transaction:
        transaction.watch(keys.SPEECH_IS_HERE)
        if transaction.exists(keys.SPEECH_IS_HERE):
            return False
        transaction.multi()
        transaction.execute_command("BGREWRITEAOF")
        try:
            transaction.execute()
        except (WatchError, ResponseError):  # somebody spoke just now; or it is being written already
            return False
    return True


def _is_ours(redis: Redis) -> bool:
    """A Redis that never rewrites by itself; others look after themselves, and may refuse to tell."""
    try:
        return redis.config_get("auto-aof-rewrite-percentage").get("auto-aof-rewrite-percentage") == "0"
    except ResponseError:
        return False
