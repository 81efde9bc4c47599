"""The proof that cutting the encoder to the utterance costs no words."""

import pytest

from tests.contract.speech_corpus import Clip
from tests.contract.whispers import Hearing, hear, word_error_rate
from workers.engines import Transcriber
from workers.speech_to_text.listener import Listener

# openai-whisper leaves the files of its tables to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

MOST_POINTS = 0.5


@pytest.fixture(scope="module", params=["faster-whisper", "openai-whisper"])
def both_ways(
    request: pytest.FixtureRequest, whispers: dict[str, Transcriber], clips: list[Clip]
) -> tuple[list[Hearing], list[Hearing]]:
    """Cut, and whole."""
    cut = whispers[request.param]
    assert isinstance(cut, Listener)
    model = cut._model
    return hear(request.param, model, clips, uncut=False), hear(request.param, model, clips, uncut=True)


def test_the_corpus_has_what_it_should(clips: list[Clip]) -> None:
    seconds = sorted(clip.seconds for clip in clips)

    assert len(clips) >= 60
    assert seconds[0] < 0.35
    assert 15 < seconds[-1] <= 20
    assert len({clip.speed for clip in clips}) == 3
    assert len({clip.snr_db for clip in clips}) == 4
    assert {clip.voice for clip in clips} == {"hibari", "piper"}


def test_the_cut_costs_no_words(both_ways: tuple[list[Hearing], list[Hearing]]) -> None:
    cut, whole = both_ways

    assert word_error_rate(whole) < 5  # or there is nothing to compare with
    assert word_error_rate(cut) - word_error_rate(whole) <= MOST_POINTS


def test_the_cut_hears_the_same_language_and_no_utterance_less(both_ways: tuple[list[Hearing], list[Hearing]]) -> None:
    cut, whole = both_ways

    assert [hearing.transcript.language for hearing in cut] == [hearing.transcript.language for hearing in whole]
    assert [bool(hearing.transcript.text) for hearing in cut] == [bool(hearing.transcript.text) for hearing in whole]
