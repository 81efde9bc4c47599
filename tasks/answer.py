"""The answer of one turn while it is written: its owner and its sentences, so that a redelivery can go on.

A worker that was thought dead may wake up while another has taken its turn over. Every write names its owner,
and Redis refuses the write of one who no longer owns the turn.
"""

from dataclasses import dataclass
from typing import Any, Final

from redis import Redis

from tasks import keys

_WRITE_IF_OWNER: Final = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


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
        self._key = keys.answer(turn_id)
        self._owner = owner
        self._write = redis.register_script(_WRITE_IF_OWNER)

    def take_over(self) -> StoredAnswer:
        """Become the owner and read what is there. Any earlier owner's writes fail from now on."""
        with self._redis.pipeline(transaction=True) as transaction:
            transaction.hset(self._key, "owner", self._owner)
            transaction.hgetall(self._key)
            transaction.expire(self._key, keys.TURN_SECONDS)
            stored: dict[bytes, bytes] = transaction.execute()[1]
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
