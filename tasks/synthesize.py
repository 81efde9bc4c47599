"""Text to speech: speak one sentence and leave its packets where the asker finds them."""

import time
from operator import itemgetter

from loguru import logger
from redis.client import Pipeline

from config.audio import FRAME_MS
from tasks import keys
from tasks.blobs import pack_packets, unpack_packets
from tasks.messages import Segment, Sentence, Wire
from tasks.replies import append
from tasks.stage import Delivery, Read, stage_task
from tasks.workplace import synthesizers, voices
from workers.engines import Speech, Synthesizer
from workers.errors import EngineError
from workers.language.speakable import speakable
from workers.text_to_speech.packets import spoken_packets


def _ask(sentence: Sentence, _: Delivery, pipeline: Pipeline) -> Read[bytes | None]:
    """For the sound that an earlier delivery may have left."""
    pipeline.get(keys.segment(sentence.turn.id, sentence.index))
    return itemgetter(0)


@stage_task("synthesize", Sentence, _ask)
def synthesize(sentence: Sentence, delivery: Delivery, spoken_before: bytes | None) -> Wire:
    """Speak a sentence. A redelivered one that was spoken already is only told of again.

    No lease keeps two deliveries apart that come at the same time: it would outlive a killed worker, and what
    it saves is rare and small. The asker takes the first sound of a sentence and ignores the second.
    """
    place, index = delivery.place, sentence.index
    key = keys.segment(sentence.turn.id, index)
    if spoken_before is not None:
        milliseconds = len(unpack_packets(spoken_before)) * FRAME_MS
        now = time.time()
        place.replies.send(Segment(sentence.turn, index, key, milliseconds, delivery.work("stored", now, now)))
        return {"milliseconds": milliseconds, "stored": True}
    model_started_at = time.time()
    engine, speech = _spoken(sentence)
    work = delivery.work(engine.name, model_started_at, time.time())
    packets, milliseconds = spoken_packets(speech)
    delivery.stop_if_unwanted()
    # All or nothing, so that nobody hears of a sound that is not there.
    with place.redis.pipeline(transaction=True) as transaction:
        transaction.set(key, pack_packets(packets), ex=keys.AUDIO_SECONDS)
        append(transaction, Segment(sentence.turn, index, key, milliseconds, work))
        transaction.execute()
    delivery.log(engine.name, "Spoke sentence {}: {} ms of sound", index, milliseconds)
    return {"milliseconds": milliseconds}


def _spoken(sentence: Sentence) -> tuple[Synthesizer, Speech]:
    """By the voice that the turn names, else by the first that can. Raises NoEngine."""

    def speak(synthesizer: Synthesizer) -> Speech:
        return synthesizer.synthesize(speakable(sentence.text), language=sentence.language)

    named = voices().find(sentence.turn.voice) if sentence.turn.voice else None
    if named is not None:
        try:
            return named, speak(named)
        except EngineError as error:
            logger.bind(model=named.name, success=False).warning("Trying the default voice: {}", error)
    return synthesizers().attempt(speak)
