"""Speech to text: hear the utterance, tell the asker, and send the words on to be answered."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from redis.client import Pipeline

from config.audio import HEARD_RATE_HZ
from tasks import keys
from tasks.commitment import offer_transcript
from tasks.engines import transcriber
from tasks.forward import forward
from tasks.messages import Heard, SaidText, TurnDropped, TurnFailed, Utterance, Wire, Work
from tasks.recording import keep_piece, kept_pieces
from tasks.stage import Delivery, Read, stage_task
from workers.engines import Pcm, Transcript
from workers.speech_to_text.long_speech import HeardPiece, joined, pieces

FULL_SCALE = 32768.0


@dataclass(frozen=True, slots=True)
class _Found:
    """In Redis."""

    blob: bytes | None
    """The speech; None when its time is over."""
    heard: Mapping[bytes, bytes]
    """Pieces of a long one, see ``kept_pieces``."""


def decode_speech(blob: bytes) -> Pcm:
    """int16 little-endian PCM to samples from -1 to 1. An odd last byte (a cut blob) is dropped."""
    return np.frombuffer(blob[: len(blob) // 2 * 2], dtype="<i2").astype(np.float32) / FULL_SCALE


def _ask(utterance: Utterance, _: Delivery, pipeline: Pipeline) -> Read[_Found]:
    pipeline.get(utterance.audio_key)
    if utterance.piece:
        pipeline.hgetall(keys.pieces(utterance.turn.id))
    return lambda answers: _Found(answers[0], answers[1] if utterance.piece else {})


@stage_task("transcribe", Utterance, _ask)
def transcribe(utterance: Utterance, delivery: Delivery, found: _Found) -> Wire:
    """Transcribe an utterance; when it is committed to, send its words to generate. Of one that is too long for that, a
    piece: the next one is a task behind all that waits now."""
    place = delivery.place
    before = kept_pieces(found.heard, utterance.piece)
    if found.blob is None or before is None:
        place.replies.send(TurnFailed(utterance.turn, "transcribe", "audio-expired", f"{utterance.audio_key} is gone"))
        return {"failed": "audio-expired"}

    model_started_at = time.time()
    parts = pieces(decode_speech(found.blob))
    part = parts[utterance.piece]
    piece = HeardPiece(len(part) / HEARD_RATE_HZ, transcriber().transcribe(part))
    model_ended_at = time.time()
    delivery.stop_if_unwanted()
    if utterance.piece + 1 < len(parts):
        keep_piece(place.redis, utterance.turn.id, utterance.piece, piece)
        forward(replace(utterance, piece=utterance.piece + 1, queued_at=time.time()))
        delivery.log(piece.transcript.engine, "Heard piece {} of {}", utterance.piece + 1, len(parts))
        return {"pieces": len(parts)}
    transcript = joined([*before, piece])
    return _tell(utterance, delivery, transcript, delivery.work(transcript.engine, model_started_at, model_ended_at))


def _tell(utterance: Utterance, delivery: Delivery, transcript: Transcript, work: Work) -> Wire:
    """Send on what was heard of it all, and tell the asker."""
    place = delivery.place
    heard = Heard(utterance.turn, transcript.text, transcript.language, transcript.confidence, work)
    said = SaidText(utterance.turn, transcript.text, transcript.language, queued_at=time.time())
    # The answer can't wait for the telling of what was heard.
    if transcript.text and (not utterance.speculative or offer_transcript(place.redis, said)):
        forward(said)
    place.replies.send(heard)
    delivery.log(
        transcript.engine, "Heard {:.1f} s of speech, {} words", utterance.seconds, len(transcript.text.split())
    )
    if not transcript.text:
        place.replies.send(TurnDropped(utterance.turn, "transcribe", "nothing-heard"))
        return {"dropped": "nothing-heard"}
    return {"text": transcript.text, "language": transcript.language, "confidence": transcript.confidence}
