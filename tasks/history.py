"""What was said before, shared by all workers: one hash a conversation, a field a turn.

A field per turn makes writing idempotent and lets the process that asked cut an answer down to what was heard. Of an
interrupted answer the worker writes what it wrote while the asker says what was heard, in either order. Each side
writes its half and reads the other's in one transaction, so whoever comes second leaves what was heard.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from tasks import keys

KEPT_TURNS: Final = 40
PRUNE_ABOVE_TURNS: Final = 60
HISTORY_TOKENS: Final = 1_200
"""What the last turns may cost of a prompt, by ``estimated_tokens``; the model cuts exactly."""
BYTES_PER_TOKEN: Final = 3
"""Below what BPE vocabularies reach on English (4) and above what they reach on Devanagari (1-2)."""


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One finished turn. ``answered`` is what was heard of the answer, not what was written."""

    turn: str
    at: float
    """Epoch seconds, for the order."""
    said: str
    answered: str
    speaker: str = ""
    """Display name of who said it."""


def estimated_tokens(text: str) -> int:
    return len(text.encode()) // BYTES_PER_TOKEN + 1


def last_turns(turns: Iterable[PastTurn], budget_tokens: int = HISTORY_TOKENS) -> tuple[PastTurn, ...]:
    """The newest turns that fit the budget together, oldest first.

    Turns are dropped in steps of half the budget, so that the beginning of the prompt stays the same for many
    turns and a model's prompt cache stays good.
    """
    ordered = sorted(turns, key=lambda past: past.at)[-KEPT_TURNS:]
    costs = [estimated_tokens(past.said) + estimated_tokens(past.answered) for past in ordered]
    step = max(1, budget_tokens // 2)
    total = sum(costs)
    to_drop = 0 if total <= budget_tokens else -(-(total - budget_tokens) // step) * step
    first = 0
    while to_drop > 0 and first < len(ordered):
        to_drop -= costs[first]
        first += 1
    return tuple(ordered[first:])


def decode_turns(fields: Iterable[bytes | str]) -> tuple[PastTurn, ...]:
    """The values of a history hash."""
    return tuple(PastTurn(**json.loads(value)) for value in fields)


def _encoded(past: PastTurn) -> str:
    return json.dumps(asdict(past), ensure_ascii=False)


def remember(redis: Redis, conversation: str, past: PastTurn) -> None:
    """Write or overwrite one turn, unless less of it was heard; the oldest go when there are too many."""
    key = keys.history(conversation)
    with redis.pipeline(transaction=True) as transaction:
        transaction.hset(key, past.turn, _encoded(past))
        transaction.hlen(key)
        transaction.expire(key, keys.HISTORY_SECONDS)
        transaction.get(keys.heard(past.turn))
        _, length, _, heard = transaction.execute()
    if heard is not None:
        redis.hset(key, past.turn, _encoded(replace(past, answered=heard.decode())))
    if length > PRUNE_ABOVE_TURNS:
        _prune(redis, key)


def _prune(redis: Redis, key: str) -> None:
    oldest_first: Sequence[PastTurn] = sorted(decode_turns(redis.hvals(key)), key=lambda past: past.at)
    redis.hdel(key, *(past.turn for past in oldest_first[:-KEPT_TURNS]))


async def keep_heard(redis: AsyncRedis, conversation: str, turn_id: str, heard: str) -> None:
    """Cut a turn's answer down to what was heard of it, whether or not it is written already."""
    key = keys.history(conversation)
    async with redis.pipeline(transaction=True) as transaction:
        transaction.set(keys.heard(turn_id), heard, ex=keys.TURN_SECONDS)
        transaction.hget(key, turn_id)
        value = (await transaction.execute())[1]
    if value is not None:
        [past] = decode_turns([value])
        await redis.hset(key, turn_id, _encoded(replace(past, answered=heard)))


async def forget(redis: AsyncRedis, conversation: str) -> None:
    """Remove a conversation's history."""
    await redis.delete(keys.history(conversation))
