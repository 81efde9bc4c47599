"""How loud a voice is made that nobody could measure beforehand."""

import numpy as np

from tests.fakes.speech_providers import tone
from workers.engines import Pcm
from workers.text_to_speech.learned_gain import FARTHEST_DB, LearnedGain
from workers.text_to_speech.loudness import LARGEST_GAIN_DB, TARGET_LUFS, loudness_lufs

RATE = 48_000


def decibels(factor: float) -> float:
    return float(20 * np.log10(factor))


def loudness_after(gain: LearnedGain, pcm: Pcm) -> float:
    return loudness_lufs(pcm * np.float32(gain.learn(pcm, RATE)), RATE)


def test_the_first_sentence_comes_out_at_the_target() -> None:
    for peak in (0.03, 0.2, 0.9):
        assert abs(loudness_after(LearnedGain(), tone(2, peak=peak)) - TARGET_LUFS) < 0.1


def test_a_voice_that_is_always_alike_keeps_its_gain() -> None:
    gain = LearnedGain()
    factors = [gain.learn(tone(seconds, peak=0.1), RATE) for seconds in (2.0, 1.0, 3.0, 0.8)]

    assert max(factors) - min(factors) < 0.05 * factors[0]


def test_what_is_softer_stays_softer_and_what_is_louder_louder() -> None:
    gain = LearnedGain()
    for _ in range(10):
        gain.learn(tone(2, peak=0.2), RATE)

    assert -6 < loudness_after(gain, tone(1, peak=0.13)) - TARGET_LUFS < -3
    assert 2 < loudness_after(gain, tone(1, peak=0.3)) - TARGET_LUFS < 6


def test_no_sentence_is_far_from_the_target_whatever_was_learned() -> None:
    gain = LearnedGain()
    gain.learn(tone(2, peak=0.01), RATE)

    assert abs(loudness_after(gain, tone(2, peak=0.9)) - TARGET_LUFS) <= FARTHEST_DB + 0.1


def test_a_voice_that_changes_is_learned_anew() -> None:
    gain = LearnedGain()
    for _ in range(30):
        gain.learn(tone(3, peak=0.2), RATE)
    for _ in range(60):
        factor = gain.learn(tone(3, peak=0.1), RATE)

    assert abs(decibels(factor) - decibels(LearnedGain().learn(tone(3, peak=0.1), RATE))) < 1


def test_a_short_word_is_measured_too() -> None:
    word = tone(0.2, peak=0.05)

    assert LearnedGain().learn(word, RATE) > 2


def test_silence_teaches_nothing() -> None:
    gain = LearnedGain()

    assert gain.learn(np.zeros(RATE, np.float32), RATE) == 1
    assert gain.learn(np.empty(0, np.float32), RATE) == 1
    assert abs(loudness_after(gain, tone(2)) - TARGET_LUFS) < 0.1


def test_hiss_is_not_made_a_voice() -> None:
    assert decibels(LearnedGain().learn(tone(2, peak=0.003), RATE)) <= LARGEST_GAIN_DB
