"""Speech sent to providers to be heard, over real HTTP on loopback."""

import asyncio
from collections.abc import AsyncIterator

import httpx2 as httpx
import numpy as np
import pytest

from tests.fakes.providers import Answer, Close, ProviderServer, Raw, Silence, fails, hangs_up, web_page
from tests.fakes.speech_providers import KEY, access_to, ears, tells, tone, transcript
from workers.cloud.speech import hearing, usd_heard, usd_spoken
from workers.engines import Pcm, Transcript
from workers.errors import BadInput, EngineBusy, EngineError, EngineMisconfigured, EngineTimeout, EngineUnavailable

SPEECH: Pcm = tone(2.0, rate_hz=16_000)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


async def heard(
    client: httpx.AsyncClient, *answers: Answer, speech: Pcm = SPEECH, language: str | None = None
) -> tuple[Transcript, list[str]]:
    """The transcript, and the bodies of the requests that it took."""
    async with ProviderServer(answers) as server:
        access = access_to(server, ears())
        transcript = await hearing(access)(client, access, speech, language=language)
        return transcript, [exchange.asked.body[""] for exchange in server.requests]


async def test_an_utterance_is_sent_as_a_file_and_comes_back_as_words(client: httpx.AsyncClient) -> None:
    async with ProviderServer(transcript(" Kal milte hain.", "Hindi", logprob=-0.2)) as server:
        access = access_to(server, ears())
        said = await hearing(access)(client, access, SPEECH)
        asked = server.requests[0].asked

    assert asked.path == "/v1/audio/transcriptions"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    for field in ('name="model"\r\n\r\nwhisper-large-v3-turbo', 'name="response_format"\r\n\r\nverbose_json',
                  'filename="speech.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF'):  # fmt: skip
        assert field in asked.body[""]
    assert 'name="language"' not in asked.body[""]
    assert (said.text, said.language, said.engine) == ("Kal milte hain.", "hi", "groq")
    assert said.confidence == pytest.approx(0.8187, abs=0.001)


async def test_a_language_that_is_known_is_told(client: httpx.AsyncClient) -> None:
    said, bodies = await heard(client, transcript("नमस्ते", "Hindi"), language="hi")

    assert 'name="language"\r\n\r\nhi' in bodies[0]
    assert said.language == "hi"


@pytest.mark.parametrize(
    ("named", "code"), [("English", "en"), ("english", "en"), ("en", "en"), ("hi", "hi"), ("Spanish", "es"), ("", "en")]
)
async def test_a_language_has_many_names(client: httpx.AsyncClient, named: str, code: str) -> None:
    said, bodies = await heard(client, transcript("Hello.", named))

    assert (said.language, len(bodies)) == (code, 1)


@pytest.mark.parametrize(
    ("named", "seconds", "likely"),
    [
        ("Urdu", 2.0, "hi"),
        ("Punjabi", 1.0, "hi"),
        ("Maori", 3.0, "en"),
        ("Chinese", 0.8, "en"),
        ("Sanskrit", 3.0, "hi"),
    ],
)
async def test_a_language_that_nobody_speaks_here_is_heard_again(
    client: httpx.AsyncClient, named: str, seconds: float, likely: str
) -> None:
    speech = tone(seconds, rate_hz=16_000)[: round(seconds * 16_000)]
    said, bodies = await heard(client, transcript("ہیلو", named), transcript("हेलो", "Hindi"), speech=speech)

    assert len(bodies) == 2
    assert f'name="language"\r\n\r\n{likely}' in bodies[1]
    assert (said.text, said.language) == ("हेलो", likely)


async def test_silence_is_not_sent_to_anybody(client: httpx.AsyncClient) -> None:
    said, bodies = await heard(client, fails(500), speech=np.zeros(16_000, np.float32))

    assert said == Transcript("", "en", 0.0, "groq")
    assert not bodies


@pytest.mark.parametrize(
    "answer",
    [
        transcript(" Thank you.", logprob=-0.7),
        transcript(" Thank you for watching!", logprob=-0.3, no_speech=0.6),
        transcript(" Subtitles by the Amara.org community", logprob=-0.1),
        transcript(" Don't forget to like and subscribe.", logprob=-0.1),
        transcript(" धन्यवाद।", "Hindi", logprob=-0.6),
        transcript(" you", logprob=-0.64, no_speech=0.93),
        transcript(" What is it?", logprob=-1.9, no_speech=0.8),
        transcript(" no" * 12),
        transcript(" ..."),
        transcript(""),
        tells({"text": ""}),
        tells({"text": "la la la la la la la la la la la la", "segments": []}),
    ],
    ids=["thanks", "watching", "credits", "subscribe", "dhanyavaad", "you", "doubtful", "loop", "dots", "empty", "bare",
         "bare loop"],
)  # fmt: skip
async def test_what_whisper_invents_is_nothing_heard(client: httpx.AsyncClient, answer: Answer) -> None:
    said, _ = await heard(client, answer)

    assert (said.text, said.confidence) == ("", 0.0)


@pytest.mark.parametrize("text", ["Thank you.", "Bye!", "You.", "धन्यवाद।"])
async def test_what_people_say_clearly_is_believed(client: httpx.AsyncClient, text: str) -> None:
    said, _ = await heard(client, transcript(f" {text}", logprob=-0.2))

    assert said.text == text


async def test_a_stretch_without_speech_is_left_out(client: httpx.AsyncClient) -> None:
    words = {"text": " See you tomorrow.", "avg_logprob": -0.1, "no_speech_prob": 0.01}
    noise = {"text": " Thank you.", "avg_logprob": -0.9, "no_speech_prob": 0.6}
    said, _ = await heard(client, tells({"text": "See you tomorrow. Thank you.", "segments": [words, noise]}))

    assert said.text == "See you tomorrow."
    assert said.confidence == pytest.approx(0.905, abs=0.001)


async def test_a_model_that_tells_no_odds_is_believed_half(client: httpx.AsyncClient) -> None:
    said, _ = await heard(client, tells({"text": "Hello there."}))

    assert said == Transcript("Hello there.", "en", 0.5, "groq")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fails(401), EngineMisconfigured),
        (fails(429, retry_after="7"), EngineBusy),
        (fails(500), EngineUnavailable),
        (web_page(), EngineUnavailable),
        (web_page(502), EngineUnavailable),
        (tells({"words": []}), EngineUnavailable),
        (tells([]), EngineUnavailable),
        (tells({"text": 7}), EngineUnavailable),
        (tells({"text": "hi", "segments": [{"text": "hi", "avg_logprob": None}]}), EngineUnavailable),
        (tells({"text": "hi"}, framing="chunked", steps=(Raw(b'{"text": "h'), Close())), EngineUnavailable),
        (hangs_up(), EngineUnavailable),
        (tells({"text": "x" * (2 << 20)}), EngineUnavailable),
    ],
    ids=["401", "429", "500", "page", "502", "no text", "list", "number", "null", "cut", "hangs up", "huge"],
)
async def test_a_failure_means(client: httpx.AsyncClient, answer: Answer, kind: type[EngineError]) -> None:
    with pytest.raises(EngineError) as failed:
        await heard(client, answer)
    assert type(failed.value) is kind
    assert KEY not in str(failed.value)


async def test_silence_on_the_line_is_a_timeout() -> None:
    async with httpx.AsyncClient(timeout=0.05, trust_env=False) as impatient:
        with pytest.raises(EngineTimeout):
            await heard(impatient, Answer(before_head=(Silence(),)))


async def test_cancelling_closes_the_socket(client: httpx.AsyncClient) -> None:
    async with ProviderServer(Answer(before_head=(Silence(),))) as server:
        access = access_to(server, ears())
        listening = asyncio.ensure_future(hearing(access)(client, access, SPEECH))
        await asyncio.wrap_future(server.asked())
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        assert (await server.closed).how == "client"


@pytest.mark.parametrize(
    ("speech", "language"),
    [(SPEECH.astype(np.float64), None), (np.zeros(31 * 16_000, np.float32), None), (SPEECH * np.nan, None),
     (SPEECH, "klingon")],
    ids=["doubles", "too long", "no numbers", "no language"],
)  # fmt: skip
async def test_what_is_no_utterance_is_sent_to_nobody(
    client: httpx.AsyncClient, speech: Pcm, language: str | None
) -> None:
    with pytest.raises(BadInput):
        await heard(client, fails(500), speech=speech, language=language)


def test_costs_follow_the_row() -> None:
    from tests.fakes.speech_providers import row_of

    assert usd_heard(ears(usd_per_hour=0.04, least_billed_seconds=10), 2) == pytest.approx(0.04 * 10 / 3_600)
    assert usd_heard(ears(usd_per_hour=0.04, least_billed_seconds=10), 20) == pytest.approx(0.04 * 20 / 3_600)
    assert usd_spoken(row_of("sarvam", usd_per_million_characters=35), "x" * 1_000) == pytest.approx(0.035)
