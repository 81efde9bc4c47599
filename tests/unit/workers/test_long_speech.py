"""Speech beyond the window: where it is cut, and how what was heard of the pieces becomes one transcript."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.audio import HEARD_RATE_HZ
from workers.engines import Pcm, Transcript
from workers.speech_to_text.cut import WINDOW_SECONDS
from workers.speech_to_text.long_speech import LONGEST_SECONDS, SHORTEST_SECONDS, HeardPiece, joined, pieces


def noise(seconds: float, level: float = 0.2, seed: int = 1) -> Pcm:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * HEARD_RATE_HZ))
    return (level * samples).astype(np.float32)


def lengths(speech: Pcm) -> list[float]:
    return [len(piece) / HEARD_RATE_HZ for piece in pieces(speech)]


HELLO = Transcript("Hello.", "en", 0.8, "ear")


@pytest.mark.parametrize("seconds", [0.0, 0.3, 29.0, 30.0])
def test_what_fits_into_the_window_stays_whole(seconds: float) -> None:
    speech = noise(seconds)
    assert [piece.tobytes() for piece in pieces(speech)] == [speech.tobytes()]
    assert joined([HeardPiece(seconds, HELLO)]) is HELLO


def test_it_is_cut_in_its_pauses() -> None:
    speech = noise(70)
    for begin in (24.0, 46.3):
        speech[round(begin * HEARD_RATE_HZ) : round((begin + 0.3) * HEARD_RATE_HZ)] *= 0.05
    assert lengths(speech) == pytest.approx([24.15, 22.3, 23.55], abs=0.02)


def test_the_longest_quiet_is_preferred_to_a_quieter_click() -> None:
    """The closure of a stop consonant is silent, and lies within a word."""
    speech = noise(31)
    speech[21 * HEARD_RATE_HZ : 21 * HEARD_RATE_HZ + 800] = 0.0
    speech[25 * HEARD_RATE_HZ : round(25.4 * HEARD_RATE_HZ)] *= 0.02
    first, _ = lengths(speech)
    assert 25.1 < first < 25.3


@settings(max_examples=30, deadline=None)
@given(seconds=st.floats(0, 320), level=st.sampled_from([0.0, 0.2]), seed=st.integers(0, 9))
def test_no_sample_is_lost_or_heard_twice_and_every_piece_fits(seconds: float, level: float, seed: int) -> None:
    speech = noise(seconds, level, seed)
    cut = pieces(speech)
    assert np.array_equal(np.concatenate(cut), speech)
    assert all(SHORTEST_SECONDS <= len(piece) / HEARD_RATE_HZ <= LONGEST_SECONDS for piece in cut[:-1])
    assert len(cut[-1]) <= WINDOW_SECONDS * HEARD_RATE_HZ


def test_the_words_of_all_pieces_are_joined_in_the_language_of_most_of_it() -> None:
    whole = joined(
        [
            HeardPiece(28.0, Transcript("नमस्ते।", "hi", 0.9, "ear")),
            HeardPiece(25.0, Transcript("", "cy", 0.0, "ear")),
            HeardPiece(20.0, Transcript("So I said", "en", 0.6, "cloud")),
            HeardPiece(12.0, Transcript("no.", "en", 0.3, "ear")),
        ]
    )
    assert whole == Transcript("नमस्ते। So I said no.", "en", whole.confidence, "ear+cloud")
    assert whole.confidence == pytest.approx((0.9 * 28 + 0.6 * 20 + 0.3 * 12) / 60)


def test_minutes_of_nothing_are_nothing() -> None:
    nothing = Transcript("", "en", 0.0, "ear")
    assert joined([HeardPiece(seconds, nothing) for seconds in (28.0, 25.0, 17.0)]) == nothing
