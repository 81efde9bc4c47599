"""The proof that cutting the encoder to the utterance costs no words."""

import pytest

from tests.contract.speech_corpus import Clip
from tests.contract.whispers import Hearing, hear, word_error_rate
from workers.engines import Transcriber
from workers.speech_to_text.listener import Listener

# openai-whisper leaves the files of its tables to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

MOST_POINTS = 0.5


ORIGINAL = "openai-whisper"
"""Its whole window, in float32, is the model as it was trained: both engines have its weights."""


def heard_by(name: str, whispers: dict[str, Transcriber], clips: list[Clip], *, uncut: bool) -> list[Hearing]:
    listener = whispers[name]
    assert isinstance(listener, Listener)
    return hear(name, listener._model, clips, uncut=uncut)


@pytest.fixture(scope="module")
def whole(whispers: dict[str, Transcriber], clips: list[Clip]) -> list[Hearing]:
    return heard_by(ORIGINAL, whispers, clips, uncut=True)


@pytest.fixture(scope="module", params=["faster-whisper", "openai-whisper"])
def cut(request: pytest.FixtureRequest, whispers: dict[str, Transcriber], clips: list[Clip]) -> list[Hearing]:
    return heard_by(request.param, whispers, clips, uncut=False)


def test_the_corpus_has_what_it_should(clips: list[Clip]) -> None:
    seconds = sorted(clip.seconds for clip in clips)

    assert len(clips) >= 60
    assert seconds[0] < 0.35
    assert 15 < seconds[-1] <= 20
    assert len({clip.speed for clip in clips}) == 3
    assert len({clip.snr_db for clip in clips}) == 4
    assert {clip.voice for clip in clips} == {"hibari", "piper"}


def test_the_cut_costs_no_words(cut: list[Hearing], whole: list[Hearing]) -> None:
    assert word_error_rate(whole) < 5  # or there is nothing to compare with
    assert word_error_rate(cut) - word_error_rate(whole) <= MOST_POINTS


def test_the_cut_hears_the_same_language_and_no_utterance_less(cut: list[Hearing], whole: list[Hearing]) -> None:
    assert [hearing.transcript.language for hearing in cut] == [hearing.transcript.language for hearing in whole]
    assert [bool(hearing.transcript.text) for hearing in cut] == [bool(hearing.transcript.text) for hearing in whole]
