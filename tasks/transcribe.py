"""Speech to text: hear the utterance, tell the asker, and send the words on to be answered."""

import time
from dataclasses import dataclass, replace

import numpy as np
from redis.client import Pipeline

from config.audio import HEARD_RATE_HZ
from tasks import keys
from tasks.commitment import offer_transcript
from tasks.engines import transcriber
from tasks.forward import forward
from tasks.messages import Heard, SaidText, TurnDropped, TurnFailed, Utterance, Wire, Work
from tasks.recording import SoFar, is_long, keep_piece, note_told
from tasks.stage import Delivery, Read, stage_task
from workers.engines import Pcm, Transcript
from workers.speech_to_text.long_speech import HeardPiece, joined, pieces

FULL_SCALE = 32768.0


SLACK = 2.0
"""Times what the rest of a recording takes: with less until its deadline, nobody else is let in between any more."""


@dataclass(frozen=True, slots=True)
class _Found:
    """In Redis."""

    blob: bytes | None
    """The speech; None when its time is over."""
    so_far: SoFar


def decode_speech(blob: bytes) -> Pcm:
    """int16 little-endian PCM to samples from -1 to 1. An odd last byte (a cut blob) is dropped."""
    return np.frombuffer(blob[: len(blob) // 2 * 2], dtype="<i2").astype(np.float32) / FULL_SCALE


def _ask(utterance: Utterance, _: Delivery, pipeline: Pipeline) -> Read[_Found]:
    pipeline.get(utterance.audio_key)
    if not is_long(utterance):
        return lambda answers: _Found(answers[0], SoFar())
    pipeline.hgetall(keys.pieces(utterance.turn.id))
    return lambda answers: _Found(answers[0], SoFar.of(answers[1]))


@stage_task("transcribe", Utterance, _ask)
def transcribe(utterance: Utterance, delivery: Delivery, found: _Found) -> Wire:
    """Transcribe an utterance; when it is committed to, send its words to generate. One that is too long for a Whisper
    lets others in between its pieces."""
    if found.so_far.is_told:
        return {"dropped": "heard-before"}
    if found.blob is None:
        gone = TurnFailed(utterance.turn, "transcribe", "audio-expired", f"{utterance.audio_key} is gone")
        delivery.place.replies.send(gone)
        return {"failed": "audio-expired"}

    model_started_at = time.time()
    heard = [*found.so_far.heard]
    parts = pieces(decode_speech(found.blob))
    for part in parts[len(heard) :]:
        heard.append(HeardPiece(len(part) / HEARD_RATE_HZ, transcriber().transcribe(part)))
        # A voice message may last minutes, and somebody may take it back meanwhile.
        delivery.stop_if_unwanted()
        left = len(parts) - len(heard)
        if not left:
            break
        keep_piece(delivery.place.redis, utterance, len(heard) - 1, heard[-1])
        seconds_a_piece = (time.time() - model_started_at) / (len(heard) - len(found.so_far.heard))
        has_time = utterance.turn.deadline - time.time() > SLACK * left * seconds_a_piece
        if has_time and delivery.others_wait():
            forward(replace(utterance, piece=len(heard), queued_at=time.time()))
            delivery.log(heard[-1].transcript.engine, "Heard {} of {} pieces", len(heard), len(parts))
            return {"heard": len(heard), "pieces": len(parts)}
    transcript = joined(heard)
    return _tell(utterance, delivery, transcript, delivery.work(transcript.engine, model_started_at, time.time()))


def _tell(utterance: Utterance, delivery: Delivery, transcript: Transcript, work: Work) -> Wire:
    """Send on what was heard of it all, and tell the asker."""
    place = delivery.place
    heard = Heard(utterance.turn, transcript.text, transcript.language, transcript.confidence, work)
    said = SaidText(utterance.turn, transcript.text, transcript.language, queued_at=time.time())
    # The answer can't wait for the telling of what was heard.
    if transcript.text and (not utterance.speculative or offer_transcript(place.redis, said)):
        forward(said)
    place.replies.send(heard)
    if is_long(utterance):
        note_told(place.redis, utterance)
    delivery.log(
        transcript.engine, "Heard {:.1f} s of speech, {} words", utterance.seconds, len(transcript.text.split())
    )
    if not transcript.text:
        place.replies.send(TurnDropped(utterance.turn, "transcribe", "nothing-heard"))
        return {"dropped": "nothing-heard"}
    return {"text": transcript.text, "language": transcript.language, "confidence": transcript.confidence}
