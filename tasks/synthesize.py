"""Text to speech: speak one sentence and leave its packets where the asker finds them."""

import time

from loguru import logger

from config.audio import FRAME_MS
from tasks import keys
from tasks.blobs import pack_packets, read_blob, unpack_packets
from tasks.messages import Segment, Sentence, Wire, Work
from tasks.stage import Delivery, stage_task
from tasks.workplace import synthesizers, voices
from workers.engines import Speech, Synthesizer
from workers.errors import EngineError
from workers.language.speakable import speakable
from workers.text_to_speech.packets import spoken_packets


@stage_task("synthesize", Sentence)
def synthesize(sentence: Sentence, delivery: Delivery) -> Wire:
    """Speak a sentence. A redelivered one that was spoken already is only told of again.

    No lease keeps two deliveries apart that come at the same time: it would outlive a killed worker, and what
    it saves is rare and small. The asker takes the first sound of a sentence and ignores the second.
    """
    place = delivery.place
    turn, index = sentence.turn, sentence.index
    key = keys.segment(turn.id, index)
    spoken_before = read_blob(place.redis, key)
    if spoken_before is not None:
        milliseconds = len(unpack_packets(spoken_before)) * FRAME_MS
        now = time.time()
        _tell(sentence, delivery, milliseconds, delivery.work("stored", now, now))
        return {"milliseconds": milliseconds, "stored": True}
    model_started_at = time.time()
    engine, speech = _spoken(sentence)
    work = delivery.work(engine.name, model_started_at, time.time())
    packets, milliseconds = spoken_packets(speech)
    delivery.stop_if_unwanted()
    place.redis.set(key, pack_packets(packets), ex=keys.AUDIO_SECONDS)
    _tell(sentence, delivery, milliseconds, work)
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


def _tell(sentence: Sentence, delivery: Delivery, milliseconds: int, work: Work) -> None:
    turn, index = sentence.turn, sentence.index
    delivery.place.replies.send(Segment(turn, index, keys.segment(turn.id, index), milliseconds, work))
