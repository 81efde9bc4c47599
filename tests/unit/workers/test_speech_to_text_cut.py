"""How much of the window is encoded, and the flow around it, with a scripted model."""

from collections.abc import Mapping

import numpy as np
import pytest

from config.audio import HEARD_RATE_HZ
from workers.engines import Pcm
from workers.errors import EngineUnavailable
from workers.speech_to_text.cut import SILENCE_STRIDE, heard_seconds, padding_samples, remembered
from workers.speech_to_text.listener import Listener
from workers.speech_to_text.trust import Decoded

SPEECH = np.full(2 * HEARD_RATE_HZ, 0.1, dtype=np.float32)


class ScriptedModel:
    """Writes the given texts, one a call, and keeps what it was asked to encode."""

    def __init__(self, *texts: str, broken: bool = False) -> None:
        self._texts = list(texts)
        self._broken = broken
        self.encoded: list[float] = []

    def encode(self, speech: Pcm, seconds: float) -> str:
        if self._broken:
            raise RuntimeError("out of memory")
        self.encoded.append(seconds)
        return self._texts.pop(0)

    def language_odds(self, encoded: str) -> Mapping[str, float]:
        return {"en": 1.0}

    def decode(self, encoded: str, language: str, limit: int) -> Decoded:
        return Decoded(encoded, len(encoded.split()), -0.2, 0.1, True)


@pytest.mark.parametrize(
    ("speech", "heard"), [(0.3, 6.5), (1.39, 6.5), (1.4, 3.4), (4.5, 6.5), (10.0, 12.0), (10.001, 12.02), (28.5, 30.0)]
)
def test_the_utterance_and_a_margin_are_encoded(speech: float, heard: float) -> None:
    assert heard_seconds(speech) == pytest.approx(heard)


def test_padding_fills_whole_positions() -> None:
    speech = np.zeros(16_001, dtype=np.float32)

    assert len(speech) + padding_samples(speech, 6.5) == 6.5 * HEARD_RATE_HZ
    assert padding_samples(np.zeros(480_000, dtype=np.float32), 30.0) == 0


def test_silence_is_remembered_from_where_the_speech_ends_to_the_end_of_the_window() -> None:
    positions = np.arange(1500)

    assert positions[remembered(325)][0] == 325
    assert positions[remembered(100)][0] == 200
    assert positions[remembered(325)][-1] >= 1500 - SILENCE_STRIDE


def test_a_good_transcript_is_heard_once_and_cut() -> None:
    model = ScriptedModel(" Hello there.")

    heard = Listener("scripted", model).transcribe(SPEECH)

    assert (heard.text, heard.language) == ("Hello there.", "en")
    assert heard.confidence == pytest.approx(np.exp(-0.2))
    assert model.encoded == [4.0]


def test_a_loop_is_heard_again_uncut() -> None:
    model = ScriptedModel(" Yes." * 20, " Yes.")

    assert Listener("scripted", model).transcribe(SPEECH).text == "Yes."
    assert model.encoded == [4.0, 30.0]


def test_a_loop_that_stays_one_is_nothing_heard_after_two_tries() -> None:
    model = ScriptedModel(" Yes." * 20, " Yes." * 20)

    assert Listener("scripted", model).transcribe(SPEECH).text == ""
    assert len(model.encoded) == 2


def test_what_is_really_said_three_times_is_kept() -> None:
    model = ScriptedModel(" No, no, no.", " No, no, no.")

    assert Listener("scripted", model).transcribe(SPEECH).text == "No, no, no."


def test_silence_never_reaches_the_model() -> None:
    model = ScriptedModel()

    assert Listener("scripted", model).transcribe(np.zeros(16_000, dtype=np.float32)).text == ""
    assert model.encoded == []


def test_a_model_that_breaks_is_unavailable() -> None:
    with pytest.raises(EngineUnavailable, match="out of memory"):
        Listener("scripted", ScriptedModel(broken=True)).transcribe(SPEECH)
