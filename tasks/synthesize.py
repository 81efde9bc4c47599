"""Text to speech: speak one sentence and leave its packets where the asker finds them."""

import time
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Final

from loguru import logger
from redis.client import Pipeline

from config.audio import FRAME_MS
from config.emergency import emergency
from config.emotions import emotions
from tasks import keys
from tasks.blobs import pack_packets, unpack_packets
from tasks.by_heart import ENGINE as BY_HEART
from tasks.by_heart import cached_speech
from tasks.engines import synthesizer, voices
from tasks.messages import Segment, SegmentBegun, Sentence, Wire, Work
from tasks.replies import append
from tasks.stage import Delivery, Read, stage_task
from workers.engines import Speech
from workers.errors import EngineError
from workers.language.speakable import speakable
from workers.text_to_speech.packets import packets_as_made

BEGINNING_PACKETS: Final = 20
"""0.4 s: longer than the rest of the longest sentence takes to be encoded on a slow core (9 ms a second)."""


def _ask(sentence: Sentence, _: Delivery, pipeline: Pipeline) -> Read[bytes | None]:
    """For the sound that an earlier delivery may have left."""
    pipeline.get(keys.segment(sentence.turn.id, sentence.index))
    return itemgetter(0)


@stage_task("synthesize", Sentence, _ask)
def synthesize(sentence: Sentence, delivery: Delivery, spoken_before: bytes | None) -> Wire:
    """Speak a sentence. A redelivered one that was spoken already is only told of again.

    No lease keeps two deliveries apart that come at the same time: it would outlive a killed worker, and what
    it saves is rare and small. The asker takes the first sound of a sentence and ignores the second; the beginning may
    be of one and the rest of the other.
    """
    place, index = delivery.place, sentence.index
    key = keys.segment(sentence.turn.id, index)
    if spoken_before is not None:
        milliseconds = len(unpack_packets(spoken_before)) * FRAME_MS
        now = time.time()
        place.replies.send(Segment(sentence.turn, index, key, milliseconds, delivery.work("stored", now, now)))
        return {"milliseconds": milliseconds, "stored": True}
    model_started_at = time.time()
    sound = _spoken_or_known(sentence)
    engine = BY_HEART if isinstance(sound, tuple) else sound.engine
    work = delivery.work(engine, model_started_at, time.time())
    packets = sound if isinstance(sound, tuple) else _encoded(sentence, delivery, sound, work)
    milliseconds = len(packets) * FRAME_MS
    delivery.stop_if_unwanted()
    _leave(delivery, packets, Segment(sentence.turn, index, key, milliseconds, work))
    delivery.log(engine, "Spoke sentence {}: {} ms of sound", index, milliseconds)
    return {"milliseconds": milliseconds}


def _encoded(sentence: Sentence, delivery: Delivery, speech: Speech, work: Work) -> list[bytes]:
    """Of a long first sentence the beginning is left before the rest is encoded: that is when somebody waits."""
    is_long = len(speech.pcm) >= 2 * BEGINNING_PACKETS * FRAME_MS * speech.rate_hz // 1000
    packets: list[bytes] = []
    for packet in packets_as_made(speech):
        packets.append(packet)
        if sentence.index == 0 and is_long and len(packets) == BEGINNING_PACKETS:
            delivery.stop_if_unwanted()
            key = keys.segment_beginning(sentence.turn.id, sentence.index)
            milliseconds = round(1000 * len(speech.pcm) / speech.rate_hz)
            _leave(delivery, packets, SegmentBegun(sentence.turn, sentence.index, key, milliseconds, work))
    return packets


def _leave(delivery: Delivery, packets: Sequence[bytes], event: Segment | SegmentBegun) -> None:
    """All or nothing, so that nobody hears of a sound that is not there."""
    with delivery.place.redis.pipeline(transaction=True) as transaction:
        transaction.set(event.audio_key, pack_packets(packets), ex=keys.AUDIO_SECONDS)
        append(transaction, event)
        transaction.execute()


def _spoken_or_known(sentence: Sentence) -> Speech | tuple[bytes, ...]:
    """What no engine can speak may be known by heart, as packets. Raises EngineError."""
    try:
        return _spoken(sentence)
    except EngineError as error:
        known = cached_speech().find(sentence.text, sentence.turn.voice)
        if known is None:
            raise
        logger.bind(success=False).warning("Said by heart, for nobody can speak: {}", error)
        return known


def _spoken(sentence: Sentence) -> Speech:
    """By the voice that the turn names, else by the first that can. Raises NoEngine."""
    text, name = speakable(emergency().as_said_aloud(sentence.text)), sentence.turn.voice
    emotion = emotions().find(sentence.emotion)
    named = (voices().find(name) or synthesizer().preferring(name)) if name else None
    if named is not None:
        try:
            speech = named.synthesize(text, language=sentence.language, emotion=emotion)
            return replace(speech, engine=speech.engine or named.name)
        except EngineError as error:
            logger.bind(model=named.name, success=False).warning("Trying the default voice: {}", error)
    return synthesizer().synthesize(text, language=sentence.language, emotion=emotion)
