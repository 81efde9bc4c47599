"""Whether a transcript is believed."""

import numpy as np
import pytest

from workers.speech_to_text.trust import Decoded, Verdict, is_loop, judge, may_hold_speech, repeats, token_limit


def decoded(text: str, *, logprob: float = -0.2, no_speech: float = 0.1, ended: bool = True) -> Decoded:
    return Decoded(text, len(text.split()), logprob, no_speech, ended)


def test_plain_words_are_believed() -> None:
    assert judge(decoded(" Haan, kal milte hain."), last=False) is Verdict.BELIEVED


def test_phantom_phrases_are_believed_when_there_is_speech() -> None:
    assert judge(decoded(" Thank you for watching."), last=False) is Verdict.BELIEVED


@pytest.mark.parametrize(
    ("logprob", "no_speech"),
    [(-0.64, 0.93), (-1.76, 0.81), (-1.67, 0.65), (-3.2, 0.7)],
    ids=["you", "noise", "air", "the"],
)
def test_what_noise_made_the_decoder_write_is_nothing(logprob: float, no_speech: float) -> None:
    assert judge(decoded(" you", logprob=logprob, no_speech=no_speech), last=False) is Verdict.NOTHING


@pytest.mark.parametrize(("logprob", "no_speech"), [(-0.84, 0.65), (-1.91, 0.44), (-0.96, 0.62), (-0.2, 0.9)])
def test_a_short_word_under_noise_is_believed(logprob: float, no_speech: float) -> None:
    assert judge(decoded(" Go.", logprob=logprob, no_speech=no_speech), last=False) is Verdict.BELIEVED


@pytest.mark.parametrize("text", ["", " ", " ...", " ?!", " ♪"])
def test_marks_without_words_are_nothing(text: str) -> None:
    assert judge(decoded(text), last=False) is Verdict.NOTHING


def test_what_did_not_end_is_heard_again_and_then_given_up() -> None:
    endless = decoded(" Stop. Stop. Stop.", ended=False)

    assert judge(endless, last=False) is Verdict.DOUBTED
    assert judge(endless, last=True) is Verdict.NOTHING


def test_what_is_said_twice_is_heard_again_and_then_believed() -> None:
    twice = decoded(" Are you there? Are you there?")

    assert judge(twice, last=False) is Verdict.DOUBTED
    assert judge(twice, last=True) is Verdict.BELIEVED


@pytest.mark.parametrize(
    "text", ["o'r " * 9, "I am. " * 6, "thank you so much " * 4, "x" * 60, "हाँ " * 8], ids=lambda text: text[:12]
)
def test_a_loop_is_nobodys_words(text: str) -> None:
    assert is_loop(text)
    assert judge(decoded(text), last=True) is Verdict.NOTHING


@pytest.mark.parametrize(
    "text", ["No, no, no, no, no, no, no!", "bye bye", "ha ha ha ha ha", "very very very good yaar", "हाँ हाँ"]
)
def test_people_do_say_things_again(text: str) -> None:
    assert not is_loop(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no no no", True),
        ("Thank you. Thank you", True),
        ("I can't sleep. I can't sleep. I can't", True),
        ("हाँ हाँ हाँ", True),
        ("bye bye", False),
        ("no no, not that", False),
        ("", False),
    ],
)
def test_a_text_that_is_one_thing_again_and_again_is_known(text: str, expected: bool) -> None:
    assert repeats(text) is expected


def test_silence_and_dither_need_no_model() -> None:
    assert not may_hold_speech(np.zeros(0, dtype=np.float32))
    assert not may_hold_speech(np.zeros(16_000, dtype=np.float32))
    assert not may_hold_speech(np.full(16_000, 1 / 32768, dtype=np.float32))
    assert may_hold_speech(np.full(16_000, 0.01, dtype=np.float32))


def test_there_is_room_for_fast_hindi_and_never_for_more_than_half_the_context() -> None:
    assert token_limit(0.3) >= 24
    assert token_limit(3) >= 90
    assert token_limit(30) == 224
