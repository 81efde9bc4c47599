"""What an emotion does to a voice: in the direction that its point says, and never too much of it."""

import math
from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.emotions import NEUTRAL, Emotion, emotions
from workers.engines import Pcm
from workers.text_to_speech.expression import UNMOVED, Knobs, knobs
from workers.text_to_speech.frames import blended, nearest, with_melody
from workers.text_to_speech.loudness import CEILING, loudness_lufs
from workers.text_to_speech.pitch import pitch_hz
from workers.text_to_speech.voice import CalibratedVoice

RATE = 24_000
AXIS = st.floats(-1, 1)


def tone(hz: float, seconds: float, level: float = 0.1) -> Pcm:
    at = np.arange(round(seconds * RATE)) / RATE
    # A few harmonics, as a voice has them.
    harmonics = [np.sin(2 * np.pi * hz * n * at) / n for n in range(1, 6)]
    return (level * np.sum(harmonics, axis=0)).astype(np.float32)


def test_the_everyday_voice_is_not_touched_at_all():
    assert knobs(NEUTRAL) == UNMOVED == Knobs()
    assert (UNMOVED.pitch_factor, UNMOVED.unpitched_rate) == (1, 1)


@given(AXIS, AXIS, AXIS)
def test_every_knob_stays_where_speech_is_still_hers(valence, arousal, dominance):
    how = knobs(Emotion("any", valence, arousal, dominance))
    assert 0.8 <= how.rate <= 1.25
    assert 0.7 <= how.unpitched_rate <= 1.4
    assert -2 <= how.pitch_semitones <= 2.2
    assert -4.5 <= how.energy_db <= 3.5
    assert 0.65 <= how.intonation <= 1.4
    assert 0 <= how.stability <= 1
    assert 0 <= how.style <= 1
    assert 0.01 <= how.temperature <= 2
    assert all(math.isfinite(value) for field in fields(how) if isinstance(value := getattr(how, field.name), float))


@given(AXIS, AXIS, st.tuples(AXIS, AXIS).map(sorted))
def test_arousal_makes_it_quicker_higher_louder_and_livelier(valence, dominance, arousals):
    calm, roused = (knobs(Emotion("any", valence, arousal, dominance)) for arousal in arousals)
    for knob in ("rate", "pitch_semitones", "energy_db", "intonation", "noise", "rhythm", "temperature"):
        if roused not in (UNMOVED, calm) and calm != UNMOVED:
            assert getattr(calm, knob) <= getattr(roused, knob)


def test_the_least_and_the_most_aroused_are_what_they_are():
    by_pace = sorted(emotions(), key=lambda emotion: knobs(emotion).rate)
    assert {emotion.name for emotion in by_pace[:4]} <= {"whispering", "bored", "sleepy", "lonely"}
    assert {"excited", "laughing", "astonished"} <= {emotion.name for emotion in by_pace[-5:]}


def test_only_the_everyday_voice_has_no_direction_in_words():
    assert [emotion.name for emotion in emotions() if not knobs(emotion).tag] == ["neutral"]


class Asked:
    """A model that says a tone of 200 Hz, as long as it is asked to, and remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: list[Knobs] = []

    def __call__(self, text: str, how: Knobs) -> Iterator[Pcm]:
        self.asked.append(how)
        yield tone(200, 1.0 / how.unpitched_rate)


@pytest.mark.parametrize("name", ["excited", "bored", "sad", "furious", "whispering"])
def test_pitch_pace_and_loudness_of_any_model_are_as_asked(name):
    model = Asked()
    voice = CalibratedVoice("test", model, RATE, "en")
    usual = voice.synthesize("Hello there.", language="en")
    moved = voice.synthesize("Hello there.", language="en", emotion=emotions().find(name))
    how = knobs(emotions().find(name))
    assert model.asked[-1] == how
    semitones = 12 * np.log2(np.median(pitch_hz(moved.pcm, moved.rate_hz)) / 200)
    assert semitones == pytest.approx(how.pitch_semitones, abs=0.1)
    # The silence around it stays as it is, so the pace of the whole is a little nearer to the usual one.
    seconds = [len(speech.pcm) / speech.rate_hz - 0.1 for speech in (usual, moved)]
    assert seconds[0] / seconds[1] == pytest.approx(how.rate, rel=0.03)
    louder = loudness_lufs(moved.pcm, moved.rate_hz) - loudness_lufs(usual.pcm, usual.rate_hz)
    assert louder == pytest.approx(how.energy_db, abs=0.5)


def test_without_a_feeling_a_voice_says_the_same_samples():
    voice = CalibratedVoice("test", Asked(), RATE, "en")
    plain, neutral = (
        voice.synthesize("Hello there.", language="en"),
        voice.synthesize("Hello there.", language="en", emotion=NEUTRAL),
    )
    np.testing.assert_array_equal(plain.pcm, neutral.pcm)
    assert plain.rate_hz == neutral.rate_hz == RATE


def test_a_shout_is_limited_all_the_same():
    loud = [tone(200, 1.0)]
    voice = CalibratedVoice("test", lambda _text, _how: iter(loud), RATE, "en")
    loud[0] = tone(200, 1.0) * 8
    shouted = voice.synthesize("Hello there.", language="en", emotion=emotions().find("furious"))
    assert np.abs(shouted.pcm).max() <= CEILING * 1.0001


@pytest.mark.parametrize("hz", [90, 140, 205, 310, 440])
def test_pitch_is_measured_right(hz):
    assert np.median(pitch_hz(tone(hz, 0.5), RATE)) == pytest.approx(hz, rel=0.01)


@pytest.mark.parametrize("pcm", [np.empty(0, np.float32), np.zeros(100, np.float32), np.zeros(RATE, np.float32)])
def test_silence_has_no_pitch(pcm):
    assert pitch_hz(pcm, RATE).size == 0


@pytest.mark.parametrize("count", [1, 5, 9, 17, 40])
def test_frames_are_spread_from_the_first_to_the_last(count):
    frames = np.arange(18, dtype=np.float32).reshape(2, 9)
    for spread in (blended(frames, count), nearest(frames, count)):
        assert spread.shape == (2, count)
        assert spread.dtype == np.float32
        assert (spread[:, 0] == frames[:, 0]).all()
        assert count == 1 or (spread[:, -1] == frames[:, -1]).all()
    np.testing.assert_allclose(blended(frames, 9), frames)
    np.testing.assert_array_equal(nearest(frames, 9), frames)
    assert blended(frames[:, :1], count).shape == (2, count)


def test_a_melody_is_widened_around_its_middle_and_silence_stays():
    melody = np.array([0, 100, 200, 400, 0], np.float32)
    np.testing.assert_allclose(with_melody(melody, 0.5), [0, 141.42, 200, 282.84, 0], rtol=1e-4)
    np.testing.assert_array_equal(with_melody(np.zeros(3, np.float32), 2), np.zeros(3, np.float32))
