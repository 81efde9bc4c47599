"""What every Transcriber keeps, whether it knows by heart or is one of the Whispers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from config.audio import HEARD_RATE_HZ
from config.settings import Settings
from tests.contract.nothing_said import sounds
from tests.contract.speech_corpus import Voice, Voices
from tests.fakes.transcribers import TranscriberByHeart
from workers.engines import Pcm, Transcriber
from workers.errors import BadInput
from workers.registry import loader
from workers.speech_to_text.listener import Listener
from workers.speech_to_text.loading import spoken_sample

# openai-whisper leaves the files of its tables to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

REAL = ("faster-whisper", "openai-whisper")
SAMPLE_SAYS = "Hello, how are you doing today?"
SHORT_WORDS = ("Yes.", "No.", "Stop.", "Okay.", "Why?", "Thank you.", "Bye bye.", "Thank you for watching.")


@pytest.fixture(scope="module")
def spoken(voices: Voices) -> dict[tuple[str, Voice], Pcm]:
    """The short words in both voices, as an endpointer cuts them."""
    before, after = np.zeros(1600, dtype=np.float32), np.zeros(3200, dtype=np.float32)
    both: tuple[Voice, ...] = ("hibari", "piper")
    return {
        (word, voice): np.concatenate([before, voices.say(word, voice), after])
        for word in SHORT_WORDS
        for voice in both
    }


@pytest.fixture(scope="module", params=["by-heart", *REAL])
def transcriber(
    request: pytest.FixtureRequest, whispers: dict[str, Transcriber], spoken: dict[tuple[str, Voice], Pcm]
) -> Transcriber:
    if request.param in whispers:
        return whispers[request.param]
    taught = {speech.tobytes(): word for (word, _), speech in spoken.items()}
    return TranscriberByHeart({**taught, spoken_sample().tobytes(): SAMPLE_SAYS})


def bare(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha() or letter == " ").strip()


def test_it_hears_the_words_of_a_spoken_sentence(transcriber: Transcriber) -> None:
    heard = transcriber.transcribe(spoken_sample())

    assert heard.text == SAMPLE_SAYS
    assert heard.language == "en"
    assert 0.5 < heard.confidence <= 1.0


@pytest.mark.parametrize("voice", ["hibari", "piper"])
@pytest.mark.parametrize("word", SHORT_WORDS)
def test_a_short_word_is_heard_once(
    transcriber: Transcriber, spoken: dict[tuple[str, Voice], Pcm], word: str, voice: Voice
) -> None:
    heard = transcriber.transcribe(spoken[word, voice])

    assert bare(heard.text).replace("byebye", "bye bye") == bare(word)
    assert heard.language == "en"


@pytest.mark.parametrize("unspoken", list(sounds()), ids=lambda unspoken: unspoken.name)
def test_nothing_is_heard_where_nobody_speaks(transcriber: Transcriber, unspoken) -> None:
    assert transcriber.transcribe(unspoken.speech).text == ""


@pytest.mark.parametrize("samples", [0, 1, 159, 400])
def test_next_to_nothing_is_nothing_heard(transcriber: Transcriber, samples: int) -> None:
    assert transcriber.transcribe(np.full(samples, 0.1, dtype=np.float32)).text == ""


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(transcriber: Transcriber, bad: float) -> None:
    speech = spoken_sample()
    speech[100] = bad

    with pytest.raises(BadInput, match="no numbers"):
        transcriber.transcribe(speech)


@pytest.mark.parametrize(
    "speech",
    [
        np.zeros(16_000, dtype=np.int16),
        np.zeros(16_000, dtype=np.float64),
        np.zeros((16_000, 2), dtype=np.float32),
        np.float32(0.0),
        b"speech",
    ],
    ids=["int16", "float64", "stereo", "a number", "bytes"],
)
def test_what_is_no_utterance_is_refused(transcriber: Transcriber, speech) -> None:
    with pytest.raises(BadInput, match="one-dimensional array of float32"):
        transcriber.transcribe(speech)


def test_more_than_half_a_minute_is_refused(transcriber: Transcriber) -> None:
    with pytest.raises(BadInput, match="30 s is the most"):
        transcriber.transcribe(np.zeros(30 * HEARD_RATE_HZ + 1, dtype=np.float32))


def test_half_a_minute_is_heard(transcriber: Transcriber) -> None:
    speech = np.zeros(30 * HEARD_RATE_HZ, dtype=np.float32)

    assert transcriber.transcribe(speech).text == ""


def test_an_unknown_language_is_refused(transcriber: Transcriber) -> None:
    with pytest.raises(BadInput, match="'hinglish'"):
        transcriber.transcribe(spoken_sample(), language="hinglish")


def test_a_given_language_is_not_doubted(transcriber: Transcriber) -> None:
    assert transcriber.transcribe(spoken_sample(), language="hi").language == "hi"


def test_the_same_speech_gives_the_same_transcript(transcriber: Transcriber) -> None:
    first = transcriber.transcribe(spoken_sample())
    transcriber.transcribe(np.ones(8000, dtype=np.float32))

    assert transcriber.transcribe(spoken_sample()) == first


def test_it_may_be_called_from_another_thread_than_the_one_that_loaded_it(transcriber: Transcriber) -> None:
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(transcriber.transcribe, spoken_sample()).result().text == SAMPLE_SAYS


def test_the_speech_is_left_as_it_was(transcriber: Transcriber) -> None:
    speech = spoken_sample()
    speech.flags.writeable = False

    assert transcriber.transcribe(speech).text == SAMPLE_SAYS


def test_nothing_is_printed(transcriber: Transcriber, capfd: pytest.CaptureFixture[str]) -> None:
    transcriber.transcribe(spoken_sample())

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", REAL)
def test_an_engine_is_called_by_its_name(whispers: dict[str, Transcriber], name: str) -> None:
    assert whispers[name].name == name
    assert isinstance(whispers[name], Listener)


@pytest.mark.parametrize("name", REAL)
def test_a_model_for_english_alone_hears_english(settings: Settings, name: str) -> None:
    tiny = loader("transcribe", name)(settings.model_copy(update={"whisper_model": "whisper-tiny.en"}))

    heard = tiny.transcribe(spoken_sample())  # type: ignore[attr-defined]

    assert bare(heard.text) == bare(SAMPLE_SAYS)
    assert heard.language == "en"
