"""Speculation: an utterance is transcribed before it is certain that the speaker has finished.

Two things must happen before such a turn is answered, in either order: the transcript is there, and somebody
commits to the turn. Each side writes its half and reads the other's in one transaction, so whoever comes second
sees both and sends the text on. A redelivered transcription may send it on again; generate answers once.
"""

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from tasks import keys
from tasks.messages import SaidText


def offer_transcript(redis: Redis, said: SaidText) -> bool:
    """Leave the transcript. True when the turn was committed to already: the caller sends it on."""
    key = keys.commitment(said.turn.id)
    with redis.pipeline(transaction=True) as transaction:
        transaction.hset(key, "transcript", said.to_json())
        transaction.hexists(key, "commit")
        transaction.expire(key, keys.TURN_SECONDS)
        return bool(transaction.execute()[1])


async def commit(redis: AsyncRedis, turn_id: str) -> SaidText | None:
    """Commit to the turn. Returns the transcript when it is there already: the caller sends it on."""
    key = keys.commitment(turn_id)
    async with redis.pipeline(transaction=True) as transaction:
        transaction.hset(key, "commit", 1)
        transaction.hget(key, "transcript")
        transaction.expire(key, keys.TURN_SECONDS)
        transcript = (await transaction.execute())[1]
    return None if transcript is None else SaidText.from_json(transcript)
