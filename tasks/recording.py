"""What was heard so far of a recording that is too long for a Whisper at once.

Its pieces are heard one after the other. Where others wait to be heard, the rest is a task of its own behind them: five
minutes of one person must not keep a conversation waiting. Whoever takes it up, on whatever machine, a second time or
behind one that died, goes on at the first piece that is missing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count, takewhile

from redis import Redis

from tasks import keys
from tasks.messages import Utterance
from tasks.speech import hold_speech
from workers.engines import Transcript
from workers.speech_to_text.cut import WINDOW_SECONDS
from workers.speech_to_text.long_speech import HeardPiece

_TOLD = b"told"


@dataclass(frozen=True, slots=True)
class SoFar:
    """What earlier tasks have done for it."""

    heard: Sequence[HeardPiece] = ()
    """Its first pieces."""
    is_told: bool = False
    """All of it was heard and told."""

    @classmethod
    def of(cls, fields: Mapping[bytes, bytes]) -> "SoFar":
        """Of the hash ``keys.pieces``."""
        kept = takewhile(fields.__contains__, (str(piece).encode() for piece in count()))
        return cls([_from_json(fields[piece]) for piece in kept], _TOLD in fields)


def _from_json(text: bytes) -> HeardPiece:
    said = json.loads(text)
    return HeardPiece(said["seconds"], Transcript(**said["transcript"]))


def is_long(utterance: Utterance) -> bool:
    """Whether it is heard in pieces."""
    return utterance.seconds > WINDOW_SECONDS


def keep_piece(redis: Redis, utterance: Utterance, piece: int, heard: HeardPiece) -> None:
    """And keep the rest of the sound for as long again. Raises RedisError."""
    key = keys.pieces(utterance.turn.id)
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.hset(key, str(piece), json.dumps(asdict(heard), ensure_ascii=False))
        pipeline.expire(key, keys.TURN_SECONDS)
        hold_speech(pipeline, utterance.audio_key)
        pipeline.execute()


def note_told(redis: Redis, utterance: Utterance) -> None:
    """Raises RedisError."""
    key = keys.pieces(utterance.turn.id)
    with redis.pipeline(transaction=False) as pipeline:
        pipeline.hset(key, _TOLD.decode(), 1)
        pipeline.expire(key, keys.TURN_SECONDS)
        pipeline.execute()
