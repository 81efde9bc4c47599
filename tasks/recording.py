"""What was heard so far of a recording that is too long for one task.

Its pieces are tasks of their own, each behind what others have said meanwhile: five minutes of one person must not keep
a conversation waiting. Which machine hears a piece doesn't matter, and one that is heard again is kept once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from redis import Redis

from tasks import keys
from workers.engines import Transcript
from workers.speech_to_text.long_speech import HeardPiece


def keep_piece(redis: Redis, turn: str, piece: int, heard: HeardPiece) -> None:
    """Raises RedisError."""
    key = keys.pieces(turn)
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.hset(key, str(piece), json.dumps(asdict(heard), ensure_ascii=False))
        pipeline.expire(key, keys.TURN_SECONDS)
        pipeline.execute()


def kept_pieces(fields: Mapping[bytes, bytes], before: int) -> Sequence[HeardPiece] | None:
    """Those before a piece, in their order; None when one is gone."""
    told = [fields.get(str(piece).encode()) for piece in range(before)]
    return None if None in told else [_from_json(each) for each in told if each is not None]


def _from_json(text: bytes) -> HeardPiece:
    said = json.loads(text)
    return HeardPiece(said["seconds"], Transcript(**said["transcript"]))
