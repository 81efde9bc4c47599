"""Speech to text: hear the utterance, tell the asker, and send the words on to be answered."""

import time
from operator import itemgetter

import numpy as np
from redis.client import Pipeline

from tasks.commitment import offer_transcript
from tasks.engines import transcriber
from tasks.forward import forward
from tasks.messages import Heard, SaidText, TurnDropped, TurnFailed, Utterance, Wire
from tasks.stage import Delivery, Read, stage_task
from workers.engines import Pcm
from workers.speech_to_text.long_speech import hear_all

FULL_SCALE = 32768.0


def decode_speech(blob: bytes) -> Pcm:
    """int16 little-endian PCM to samples from -1 to 1. An odd last byte (a cut blob) is dropped."""
    return np.frombuffer(blob[: len(blob) // 2 * 2], dtype="<i2").astype(np.float32) / FULL_SCALE


def _ask(utterance: Utterance, _: Delivery, pipeline: Pipeline) -> Read[bytes | None]:
    """For the speech; None when its time is over."""
    pipeline.get(utterance.audio_key)
    return itemgetter(0)


@stage_task("transcribe", Utterance, _ask)
def transcribe(utterance: Utterance, delivery: Delivery, blob: bytes | None) -> Wire:
    """Transcribe an utterance; when it is committed to, send its words to generate."""
    place = delivery.place
    if blob is None:
        place.replies.send(TurnFailed(utterance.turn, "transcribe", "audio-expired", f"{utterance.audio_key} is gone"))
        return {"failed": "audio-expired"}

    model_started_at = time.time()
    speech = decode_speech(blob)
    # A voice message may last minutes, and somebody may take it back meanwhile.
    transcript = hear_all(transcriber(), speech, between=delivery.stop_if_unwanted)
    work = delivery.work(transcript.engine, model_started_at, time.time())
    delivery.stop_if_unwanted()
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
