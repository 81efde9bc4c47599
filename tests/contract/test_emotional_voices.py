"""What is promised of an emotion is heard in the real voices, and the words are still understood."""

import re
from functools import cache
from pathlib import Path

import jiwer
import numpy as np
import pytest

from bot.voice.opus import decode_packets
from config.emotions import NEUTRAL, emotions
from config.settings import Settings
from workers.engines import Synthesizer, Transcriber
from workers.registry import loader
from workers.text_to_speech.expression import knobs
from workers.text_to_speech.measure_emotions import EXTREMES, SENTENCES, Heard, compared, say
from workers.text_to_speech.packets import spoken_packets


@pytest.fixture(scope="module")
def settings(models_folder: Path) -> Settings:
    return Settings(_env_file=None, priya_home=models_folder.parent)


@pytest.fixture(scope="module", params=["hibari", "piper"])
def voice(request: pytest.FixtureRequest, settings: Settings) -> Synthesizer:
    loaded: Synthesizer = loader("synthesize", request.param)(settings)  # type: ignore[assignment]
    return loaded


@pytest.fixture(scope="module")
def heard(voice: Synthesizer):
    usual = say(voice, NEUTRAL)

    @cache
    def heard_of(name: str) -> Heard:
        return compared(say(voice, emotions().find(name)), usual)

    return heard_of


@pytest.mark.parametrize("name", ["excited", "angry", "sad", "bored", "whispering"])
def test_pitch_pace_and_loudness_are_as_the_emotion_asks(heard, name: str) -> None:
    asked, got = knobs(emotions().find(name)), heard(name)
    assert got.semitones == pytest.approx(asked.pitch_semitones, abs=0.8)
    assert got.pace == pytest.approx(asked.rate, rel=0.09)
    assert got.decibels == pytest.approx(asked.energy_db, abs=1.5)
    assert got.is_heard


def test_the_more_aroused_the_quicker_the_higher_and_the_louder(heard) -> None:
    rising = [heard(name) for name in ("whispering", "sad", "happy", "excited")]
    for knob in ("pace", "semitones", "decibels"):
        values = [getattr(one, knob) for one in rising]
        assert values == sorted(values)
        assert values[-1] > values[0]


def test_the_pleasant_is_higher_than_the_unpleasant_of_the_same_arousal(heard) -> None:
    assert heard("happy").semitones > heard("angry").semitones + 0.5


def test_a_sentence_without_a_feeling_is_the_same_as_ever(voice: Synthesizer) -> None:
    plain = voice.synthesize(SENTENCES[0], language="en")
    assert plain.rate_hz == voice.rate_hz  # type: ignore[attr-defined]


def test_what_is_said_with_feeling_is_understood_as_well(voice: Synthesizer, settings: Settings) -> None:
    whisper: Transcriber = loader("transcribe", "faster-whisper")(settings)  # type: ignore[assignment]

    def misheard(name: str) -> float:
        found = []
        for text in SENTENCES:
            packets, _ = spoken_packets(voice.synthesize(text, language="en", emotion=emotions().find(name)))
            pcm = decode_packets(packets, 16_000).astype(np.float32) / np.float32(32768)
            found.append(words(whisper.transcribe(pcm, language="en").text))
        return float(jiwer.wer([words(text) for text in SENTENCES], found))

    usual = misheard(NEUTRAL.name)
    assert max(misheard(name) for name in EXTREMES) <= usual + 0.1


def words(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower()).strip()
