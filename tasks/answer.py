"""The answer of one turn while it is written: its owner and its sentences, so that a redelivery can go on.

A worker that was thought dead may wake up while another has taken its turn over. Every write names its owner,
and Redis refuses the write of one who no longer owns the turn.
"""

from dataclasses import dataclass
from typing import Any, Final

from redis import Redis
from redis.client import Pipeline

from tasks import keys

_WRITE_IF_OWNER: Final = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


_TAKE_OVER: Final = """
if redis.call('EXISTS', KEYS[2]) == 1 then return false end
if tonumber(redis.call('GET', KEYS[3]) or '0') > tonumber(ARGV[2]) then return false end
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return redis.call('HGETALL', KEYS[1])
"""
"""A delivery that will not be worked on, because the turn is cancelled or was delivered too often, takes nothing
from one that is."""


class NoLongerOwner(Exception):
    """Another worker took this turn over: stop, without a word."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What earlier deliveries of this turn left behind."""

    sentences: tuple[str, ...]
    has_ended: bool


class Answer:
    """One delivery's hold on a turn's answer. One thread."""

    def __init__(self, redis: Redis, turn_id: str, owner: str) -> None:
        self._redis = redis
        self._turn_id = turn_id
        self._key = keys.answer(turn_id)
        self._owner = owner
        self._write = redis.register_script(_WRITE_IF_OWNER)

    def ask_to_take_over(self, pipeline: Pipeline, *, most_deliveries: int) -> None:
        """Queue becoming the owner and reading what is there; ``taken_over`` reads the answer. Any earlier owner's
        writes fail from then on. The delivery must have been counted before."""
        named = (self._key, keys.cancelled(self._turn_id), keys.deliveries("generate", self._turn_id, None))
        # Not by its hash: redis-py would ask whether Redis knows it, which is the trip to be saved.
        pipeline.eval(_TAKE_OVER, len(named), *named, self._owner, str(most_deliveries), str(keys.TURN_SECONDS))

    @staticmethod
    def taken_over(answer: list[bytes] | None) -> StoredAnswer:
        """What earlier deliveries left. Raises NoLongerOwner when this one was refused."""
        if answer is None:
            raise NoLongerOwner
        stored = dict(zip(answer[::2], answer[1::2], strict=True))
        count = sum(field.startswith(b"sentence:") for field in stored)
        sentences = tuple(stored[f"sentence:{index}".encode()].decode() for index in range(count))
        return StoredAnswer(sentences, has_ended=b"ended" in stored)

    def add(self, index: int, sentence: str) -> None:
        """Store before sending on: a sentence that was sent but not stored would be written differently again."""
        self._checked(f"sentence:{index}", sentence)

    def end(self) -> None:
        self._checked("ended", "1")

    def _checked(self, field: str, value: str) -> None:
        arguments: list[Any] = [self._owner, field, value, keys.TURN_SECONDS]
        if not self._write(keys=[self._key], args=arguments):
            raise NoLongerOwner(self._key)
