"""A minute and more of speech through a real Whisper: every sentence of it, once, in order."""

import numpy as np
import pytest

from config.audio import HEARD_RATE_HZ
from tests.contract.speech_corpus import Clip, Voices
from tests.contract.whispers import Hearing, word_error_rate
from workers.engines import Transcriber
from workers.speech_to_text.cut import WINDOW_SECONDS
from workers.speech_to_text.long_speech import HeardPiece, joined, pieces

# openai-whisper leaves the files of its tables to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

STORY = (
    "My sister called me yesterday morning.",
    "She wants to open a small bakery near the railway station.",
    "The rent is lower there, and people are hungry when they come from work.",
    "Our mother thinks that it is a terrible idea.",
    "She says that nobody buys bread in the evening.",
    "I told them that both of them may be right.",
    "In the end we went to look at the place together.",
    "It has two large windows and a kitchen at the back.",
    "The owner is an old man who used to sell books.",
    "He gave us tea and told us about the winter of the great flood.",
)
ROUNDS = 2
PAUSE_SECONDS = 0.7
WORST_PER_CENT = 3.0


def test_every_sentence_of_a_long_voice_message_is_heard(voices: Voices, whispers: dict[str, Transcriber]) -> None:
    pause = np.zeros(round(PAUSE_SECONDS * HEARD_RATE_HZ), dtype=np.float32)
    told = [voices.say(sentence, "hibari" if number % 4 else "piper") for number, sentence in enumerate(STORY)]
    speech = np.concatenate([part for sentence in told * ROUNDS for part in (sentence, pause)])
    seconds = len(speech) / HEARD_RATE_HZ
    assert seconds > 2 * WINDOW_SECONDS
    parts = pieces(speech)
    assert len(parts) >= 3
    ears = whispers["faster-whisper"]
    whole = joined([HeardPiece(len(part) / HEARD_RATE_HZ, ears.transcribe(part)) for part in parts])
    clip = Clip(" ".join(STORY * ROUNDS), "hibari", 1.0, 99.0, speech)
    assert word_error_rate([Hearing(clip, whole, 0.0)]) <= WORST_PER_CENT, whole.text
    assert whole.language == "en"
    assert whole.confidence > 0.5
