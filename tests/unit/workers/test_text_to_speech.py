"""What is done to text before a voice and to sound after it."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.hostile_text import SENTENCE_OF_A_LETTER
from workers.engines import Pcm, Speech
from workers.errors import EngineUnavailable
from workers.text_to_speech.edges import HEAD_SECONDS, TAIL_SECONDS, joined, trimmed
from workers.text_to_speech.expression import Knobs
from workers.text_to_speech.loudness import CEILING, TARGET_LUFS, gain_to_target, limited, loudness_lufs
from workers.text_to_speech.packets import spoken_packets
from workers.text_to_speech.voice import CalibratedVoice
from workers.text_to_speech.wording import LONGEST_PIECE, pieces, sayable

RATE = 24_000


def sound(seconds: float, level: float = 0.1) -> Pcm:
    times = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * 300 * times)).astype(np.float32)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.mark.parametrize(
    ("devanagari", "typed"),
    [
        ("क्या कर रही हो?", "kya kar rahee ho?"),
        ("मैं ठीक हूँ यार", "main theek hoon yaar"),
        ("समझना", "samajhna"),
        ("मतलब", "matlab"),
        ("पढ़ना", "parhna"),
        ("बहुत मज़ा आया", "bahut maza aaya"),
        ("हम न", "ham na"),
        ("नमस्ते, दोस्त। ₹५००!", "namaste, dost. ₹500!"),
    ],
)
def test_hindi_for_a_voice_of_latin_letters_is_written_as_people_type_it(devanagari: str, typed: str) -> None:
    assert sayable(devanagari, "fr") == typed


def test_a_hindi_voice_keeps_its_own_letters_and_latin_ones() -> None:
    assert sayable("क्या scene है, привет", "hi") == "क्या scene है, privet"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("தமிழ் வணக்கம்", "tamizh vanakkam"),
        ("ગુજરાતી", "gujraatee"),
        ("你好 world", "Ni Hao world"),
        ("привет", "privet"),
        ("café naïve", "café naïve"),
        ("**bold** [[h@]] `code`", "bold h@ code"),
        ("no\x00 con\x1btrols\u200b", "no con trols"),
        ("I ❤️ you 😀!", "I you !"),
        ("soooooo", "sooo"),
        ("12345678901234567", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7"),
        ("abcde" * 20, "abcde" * 8 + " " + "abcde" * 8 + " " + "abcde" * 4),
        ("…", ""),
        ("👩‍👩‍👧 !", ""),
    ],
)
def test_text_becomes_what_an_english_voice_can_say(text: str, said: str) -> None:
    assert sayable(text, "en") == said


@pytest.mark.parametrize("text", ["word " * 400, "a" * 2000, "Well, so; " * 200, "short", ""])
def test_pieces_are_short_enough_and_lose_no_letter(text: str) -> None:
    cut = list(pieces(text.strip()))
    assert all(0 < len(piece) <= LONGEST_PIECE for piece in cut)
    assert "".join(cut).replace(" ", "") == text.replace(" ", "")


def test_silence_around_speech_is_taken_away_but_for_a_little() -> None:
    pcm = trimmed(np.concatenate([silence(0.3), sound(1.0), silence(0.5)]), RATE)
    assert len(pcm) / RATE == pytest.approx(HEAD_SECONDS + 1.0 + TAIL_SECONDS, abs=0.011)
    assert (pcm[0], pcm[-1]) == (0, 0)


def test_a_pause_inside_speech_stays() -> None:
    said = np.concatenate([sound(0.5), silence(0.6), sound(0.5)])
    assert len(trimmed(said, RATE)) == pytest.approx(len(said), abs=RATE * 0.01)


def test_silence_alone_leaves_nothing() -> None:
    assert trimmed(silence(1.0), RATE).size == 0
    assert trimmed(silence(0.0), RATE).size == 0
    assert joined([], RATE).size == 0


def test_gain_brings_a_voice_to_the_target() -> None:
    voice = sound(2.0, level=0.03)
    assert loudness_lufs(voice * gain_to_target(voice, RATE), RATE) == pytest.approx(TARGET_LUFS, abs=0.1)


def test_silence_has_no_gain() -> None:
    with pytest.raises(ValueError, match="makes no sound"):
        gain_to_target(silence(2.0), RATE)


def test_peaks_are_limited_smoothly_and_the_rest_is_left_alone() -> None:
    pcm = np.concatenate([sound(0.5, 0.3), sound(0.1, 1.6), sound(0.5, 0.3)])
    quiet = limited(pcm, RATE)
    assert np.abs(quiet).max() <= CEILING * 1.0001
    np.testing.assert_array_equal(quiet[: RATE // 3], pcm[: RATE // 3])
    gain = quiet[np.abs(pcm) > 0.05] / pcm[np.abs(pcm) > 0.05]
    assert np.abs(np.diff(gain)).max() < 0.1


def test_speech_below_the_ceiling_is_not_touched() -> None:
    pcm = sound(0.5, 0.5)
    assert limited(pcm, RATE) is pcm


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 24_000, 48_000])
def test_any_rate_becomes_packets_of_the_same_length(rate_hz: int) -> None:
    packets, milliseconds = spoken_packets(Speech(np.full(rate_hz, 0.1, np.float32), rate_hz))
    assert milliseconds == 20 * len(packets) == 1020


def make_voice(reply: Pcm | Exception) -> CalibratedVoice:
    """A voice that was measured in good health, and then gives ``reply``."""
    healthy = True

    def speak(text: str, how: Knobs) -> Iterator[Pcm]:
        if healthy:
            yield sound(1.0)
        elif isinstance(reply, Exception):
            raise reply
        else:
            yield reply

    voice = CalibratedVoice("test", speak, RATE, "en")
    healthy = False
    return voice


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (np.full(RATE, np.nan, np.float32), "not numbers"),
        (np.empty(0, np.float32), "made no sound"),
        (silence(1.0), "made no sound"),
        (RuntimeError("out of memory"), "out of memory"),
    ],
    ids=["nan", "empty", "silent", "broken"],
)
def test_a_voice_that_breaks_is_unavailable_and_says_why(reply: Pcm | Exception, reason: str) -> None:
    with pytest.raises(EngineUnavailable, match=reason):
        make_voice(reply).synthesize("Hello there.", language="en")


def test_a_broken_voice_still_has_nothing_to_say_to_an_emoji() -> None:
    assert make_voice(RuntimeError()).synthesize("😀", language="en").pcm.size == 0


def test_a_voice_that_is_silent_from_the_start_is_unavailable() -> None:
    with pytest.raises(EngineUnavailable, match="makes no sound"):
        CalibratedVoice("test", lambda _text, _how: iter([silence(1.0)]), RATE, "en")


def test_letters_that_are_whole_sentences_are_no_minutes_of_sound() -> None:
    assert sayable(f"yes {SENTENCE_OF_A_LETTER * 200} dear", "en") == "yes dear"
    assert sayable("ﬁne ½ cup ㎏", "en") == "fine 1⁄2 cup kg", "those of two or three letters are read"
