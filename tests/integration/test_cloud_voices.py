"""Voices of providers, spoken with over real HTTP on loopback."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import numpy as np
import pytest
from pydantic import SecretStr

from config.emotions import NEUTRAL, Emotion, load_emotions
from tests.fakes.providers import Answer, Close, ProviderServer, Raw, Reset, Silence, fails, hangs_up, web_page
from tests.fakes.speech_providers import KEY, access_to, in_json, row_of, samples, streams, tells, tone, wav
from workers.cloud import elevenlabs, sarvam
from workers.cloud.failures import RequestRefused
from workers.cloud.speech import voice
from workers.cloud.voice import CloudVoice, Line
from workers.engines import Speech
from workers.errors import EngineBusy, EngineError, EngineMisconfigured, EngineTimeout, EngineUnavailable
from workers.text_to_speech.expression import knobs
from workers.text_to_speech.loudness import TARGET_LUFS, loudness_lufs

SENTENCE = "Haan yaar, tell me everything!"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


def her(server: ProviderServer, dialect: str = "elevenlabs", **fields: object) -> CloudVoice:
    return voice(access_to(server, row_of(dialect, **fields)))


async def spoken(
    client: httpx.AsyncClient, answer: Answer, dialect: str = "elevenlabs", sentence: str = SENTENCE
) -> Speech:
    async with ProviderServer(answer) as server:
        return await her(server, dialect).speak(client, sentence, language="en")


async def failure(client: httpx.AsyncClient, answer: Answer, dialect: str = "elevenlabs") -> EngineError:
    with pytest.raises(EngineError) as failed:
        await spoken(client, answer, dialect)
    assert KEY not in str(failed.value)
    assert SENTENCE not in str(failed.value)
    return failed.value


async def test_elevenlabs_is_asked_for_samples_at_discords_rate(client: httpx.AsyncClient) -> None:
    async with ProviderServer(streams(samples(tone()))) as server:
        speech = await her(server, voice="abc/1").speak(client, SENTENCE, language="en")
        asked = server.requests[0].asked

    address = urlsplit(asked.path)
    assert address.path == "/v1/text-to-speech/abc%2F1/stream"
    assert parse_qs(address.query) == {"output_format": ["pcm_48000"]}
    assert asked.headers["xi-api-key"] == KEY
    assert asked.body["text"] == SENTENCE
    assert asked.body["model_id"] == "eleven_flash_v2_5"
    assert asked.body["language_code"] == "hi"  # Hinglish
    assert speech.rate_hz == 48_000
    assert speech.engine == "elevenlabs"
    assert 0.9 < len(speech.pcm) / 48_000 < 1.15  # trimmed


async def test_sarvam_is_asked_for_an_indian_voice_at_discords_rate(client: httpx.AsyncClient) -> None:
    async with ProviderServer(in_json(wav(tone()))) as server:
        speech = await her(server, "sarvam").speak(client, "Tell me everything!", language="en")
        asked = server.requests[0].asked

    assert asked.path == "/v1/text-to-speech"
    assert asked.headers["api-subscription-key"] == KEY
    assert asked.body["text"] == "Tell me everything!"
    assert asked.body["target_language_code"] == "en-IN"
    assert asked.body["speaker"] == "her"
    assert asked.body["speech_sample_rate"] == 48_000
    assert speech.rate_hz == 48_000
    assert speech.engine == "sarvam"
    assert 0.9 < len(speech.pcm) / 48_000 < 1.15


@pytest.mark.parametrize(
    ("sentence", "language", "eleven", "indian"),
    [
        ("How was your day?", "en", "en", "en-IN"),
        ("How was your day?", "hi", "en", "en-IN"),
        ("Kya kar rahi ho yaar?", "en", "hi", "hi-IN"),
        ("तुम कैसे हो, my friend?", "en", "hi", "hi-IN"),
        ("7:30", "hi", "hi", "hi-IN"),
        ("எப்படி இருக்கீங்க?", "en", "ta", "ta-IN"),
        ("কেমন আছো?", "en", "en", "bn-IN"),
        ("привет", "en", "ru", "en-IN"),
    ],
)
async def test_the_sentence_names_the_language(
    client: httpx.AsyncClient, sentence: str, language: str, eleven: str, indian: str
) -> None:
    async with ProviderServer(streams(samples(tone()))) as server:
        await her(server).speak(client, sentence, language=language)
        assert server.requests[0].asked.body["language_code"] == eleven
        text = server.requests[0].asked.body["text"]
    async with ProviderServer(in_json(wav(tone()))) as server:
        await her(server, "sarvam").speak(client, sentence, language=language)
        assert server.requests[0].asked.body["target_language_code"] == indian
    # What it can't read is written in Latin letters.
    assert text == {"কেমন আছো?": "keman aachho?"}.get(sentence, sentence)


async def test_samples_may_be_cut_between_any_two_bytes(client: httpx.AsyncClient) -> None:
    body = samples(tone())
    whole = await spoken(client, streams(body))
    cut = await spoken(client, streams(body, cut_every=1_001))

    np.testing.assert_array_equal(cut.pcm, whole.pcm)


@pytest.mark.parametrize("end", [Close(), Reset()], ids=["closed", "reset"])
async def test_a_stream_that_breaks_off_is_no_sentence(client: httpx.AsyncClient, end: Close | Reset) -> None:
    cut = streams(steps=(Raw(samples(tone())), end))

    assert isinstance(await failure(client, cut), EngineUnavailable)


async def test_half_a_sample_at_the_end_is_no_sentence(client: httpx.AsyncClient) -> None:
    half = streams(samples(tone())[:-1], framing="close")

    assert isinstance(await failure(client, half), EngineUnavailable)


@pytest.mark.parametrize("how_short", [1, 1_000])
async def test_a_file_that_breaks_off_is_no_sentence(client: httpx.AsyncClient, how_short: int) -> None:
    assert isinstance(await failure(client, in_json(wav(tone())[:-how_short]), "sarvam"), EngineUnavailable)


@pytest.mark.parametrize("dialect", ["elevenlabs", "sarvam"])
@pytest.mark.parametrize(
    "answer",
    [
        web_page(),
        tells({"audios": []}),
        tells({"audios": None}),
        tells({"audios": ["no base64!"]}),
        tells({"audios": ["bm8gd2F2"]}),
        tells([]),
        tells("fine"),
        streams(b""),
        streams(b"ID3\x04" + bytes(1_000), content_type="audio/mpeg"),
        streams(b"\xff" * 999, content_type=""),
        streams(bytes(96_000)),
        in_json(wav(tone() * 0)),
        hangs_up(),
        hangs_up(with_reset=True),
    ],
    ids=["page", "no audios", "null", "no base64", "no wav", "list", "word", "empty", "mp3", "half a sample", "silence",
         "silent wav", "hangs up", "resets"],
)  # fmt: skip
async def test_what_is_no_speech_is_never_heard(client: httpx.AsyncClient, dialect: str, answer: Answer) -> None:
    assert type(await failure(client, answer, dialect)) is EngineUnavailable


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fails(401), EngineMisconfigured),
        (fails(403), EngineMisconfigured),
        (fails(429, retry_after="3"), EngineBusy),
        (fails(500), EngineUnavailable),
        (fails(504), EngineTimeout),
        (tells({"detail": {"status": "invalid_api_key", "message": KEY}}, 401), EngineMisconfigured),
        (tells({"detail": {"status": "quota_exceeded", "message": SENTENCE}}, 401), EngineBusy),
        (tells({"detail": {"status": "system_busy"}}, 429), EngineBusy),
        (tells({"detail": {"status": "voice_not_found"}}, 400), EngineMisconfigured),
        (tells({"detail": {"code": "paid_plan_required"}}, 402), EngineMisconfigured),
        (tells({"detail": [{"msg": "field required"}]}, 422), RequestRefused),
    ],
    ids=["401", "403", "429", "500", "504", "wrong key", "month used up", "busy", "no such voice", "plan", "422"],
)
async def test_a_refusal_of_elevenlabs_means(
    client: httpx.AsyncClient, answer: Answer, kind: type[EngineError]
) -> None:
    assert type(await failure(client, answer)) is kind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (tells({"error": {"code": "invalid_api_key_error", "message": "no"}}, 403), EngineMisconfigured),
        (tells({"error": {"code": "insufficient_quota_error", "message": "no"}}, 429), EngineBusy),
        (tells({"error": {"code": "rate_limit_exceeded_error", "message": "no"}}, 429), EngineBusy),
        (tells({"error": {"code": "internal_server_error", "message": "no"}}, 500), EngineUnavailable),
    ],
    ids=["wrong key", "credits used up", "too many", "broken"],
)
async def test_a_refusal_of_sarvam_means(client: httpx.AsyncClient, answer: Answer, kind: type[EngineError]) -> None:
    assert type(await failure(client, answer, "sarvam")) is kind


async def test_a_provider_is_left_alone_for_as_long_as_it_says(client: httpx.AsyncClient) -> None:
    busy = await failure(client, fails(429, retry_after="3"))
    used_up = await failure(client, tells({"detail": {"status": "quota_exceeded"}}, 401))

    assert isinstance(busy, EngineBusy)
    assert busy.retry_after_seconds == 3
    assert isinstance(used_up, EngineBusy)
    assert used_up.retry_after_seconds == 3_600


async def test_silence_on_the_line_is_a_timeout() -> None:
    async with httpx.AsyncClient(timeout=0.05, trust_env=False) as impatient:
        cut = streams(steps=(Raw(samples(tone())), Silence()))
        assert isinstance(await failure(impatient, cut), EngineTimeout)


@pytest.mark.parametrize(("dialect", "module"), [("elevenlabs", elevenlabs), ("sarvam", sarvam)])
async def test_an_endless_answer_is_not_kept(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, dialect: str, module: object
) -> None:
    monkeypatch.setattr(module, "MOST_SECONDS", 0.5)
    endless = streams(*[b"\x01\x02" * 30_000] * 100, content_type="application/octet-stream")
    async with ProviderServer(endless) as server:
        with pytest.raises(EngineUnavailable, match="more than"):
            await her(server, dialect).speak(client, SENTENCE, language="en")
        assert (await server.closed).how == "client"


async def test_cancelling_closes_the_socket(client: httpx.AsyncClient) -> None:
    async with ProviderServer(streams(steps=(Raw(samples(tone())), Silence()))) as server:
        speaking = asyncio.create_task(her(server).speak(client, SENTENCE, language="en"))
        await asyncio.wrap_future(server.asked())
        speaking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await speaking
        assert (await server.closed).how == "client"


@pytest.mark.parametrize(("dialect", "module"), [("elevenlabs", elevenlabs), ("sarvam", sarvam)])
async def test_a_text_that_is_too_long_is_said_in_parts(
    client: httpx.AsyncClient, dialect: str, module: object
) -> None:
    text = "I was just thinking about you. " * 150
    answer = streams(samples(tone())) if dialect == "elevenlabs" else in_json(wav(tone()))
    async with ProviderServer(answer) as server:
        speech = await her(server, dialect).speak(client, text, language="en")
        said = [exchange.asked.body["text"] for exchange in server.requests]

    assert len(said) == 3
    assert all(len(part) <= 2_000 for part in said)
    assert " ".join(said) == text.strip()
    assert len(speech.pcm) > 3 * 48_000


@pytest.mark.parametrize("sentence", ["", "…", "😀", "\x00"], ids=ascii)
async def test_nothing_to_say_costs_nothing(client: httpx.AsyncClient, sentence: str) -> None:
    async with ProviderServer(fails(500)) as server:
        speech = await her(server).speak(client, sentence, language="en")
        assert not server.requests
    assert not speech.pcm.size


@pytest.mark.parametrize("peak", [0.02, 0.1, 0.9])
async def test_every_provider_is_as_loud_as_the_voices_here(client: httpx.AsyncClient, peak: float) -> None:
    speech = await spoken(client, streams(samples(tone(3, peak=peak))))

    assert abs(loudness_lufs(speech.pcm, 48_000) - TARGET_LUFS) < 1.5
    assert np.abs(speech.pcm).max() <= 10 ** (-1 / 20)


async def test_a_whisper_stays_softer_than_what_was_said_before(client: httpx.AsyncClient) -> None:
    usual, soft = streams(samples(tone(3, peak=0.3))), streams(samples(tone(3, peak=0.2)))
    async with ProviderServer([usual, usual, usual, soft]) as server:
        speaker = her(server)
        said = [await speaker.speak(client, SENTENCE, language="en") for _ in range(4)]

    heard = [loudness_lufs(speech.pcm, 48_000) for speech in said]
    assert all(abs(one - other) < 0.1 for one, other in pairwise(heard[:3]))
    assert -5 < heard[3] - heard[2] < -2.5


async def test_a_provider_that_changes_its_rate_in_the_middle_is_refused(client: httpx.AsyncClient) -> None:
    async with ProviderServer([in_json(wav(tone())), in_json(wav(tone(), 24_000))]) as server:
        with pytest.raises(EngineUnavailable, match="rate"):
            await her(server, "sarvam").speak(client, "I was just thinking. " * 100, language="en")


async def test_a_plan_without_discords_rate_can_be_told_so(client: httpx.AsyncClient) -> None:
    async with ProviderServer(streams(samples(tone(rate_hz=24_000)))) as server:
        speech = await her(server, rate_hz=24_000).speak(client, SENTENCE, language="en")
        assert server.requests[0].asked.path.endswith("?output_format=pcm_24000")

    assert speech.rate_hz == 24_000
    assert 0.9 < len(speech.pcm) / 24_000 < 1.15


async def test_a_key_that_can_not_be_sent_is_told_so(client: httpx.AsyncClient) -> None:
    async with ProviderServer(fails(500)) as server:
        access = access_to(server, row_of("sarvam")).model_copy(update={"key": SecretStr("ключ\n")})
        with pytest.raises(EngineMisconfigured):
            await voice(access).speak(client, SENTENCE, language="en")
        assert not server.requests


EMOTIONS = load_emotions()


def asked_of(dialect: str, emotion: str, **fields: object) -> dict[str, Any]:
    module = {"elevenlabs": elevenlabs, "sarvam": sarvam}[dialect]
    body: dict[str, Any] = module.body(row_of(dialect, **fields), Line("Hi", "en", knobs(EMOTIONS.find(emotion))))
    return body


def test_a_model_that_takes_no_language_is_told_none() -> None:
    assert "language_code" not in asked_of("elevenlabs", "neutral", model="eleven_multilingual_v2")


def test_her_everyday_voice_is_the_voices_own() -> None:
    assert "voice_settings" not in asked_of("elevenlabs", "neutral")
    assert asked_of("sarvam", "neutral")["pace"] == 1


def test_excitement_is_quicker_and_less_even() -> None:
    excited, sad = asked_of("elevenlabs", "excited")["voice_settings"], asked_of("elevenlabs", "sad")["voice_settings"]

    assert excited["speed"] > 1 > sad["speed"]
    assert excited["stability"] < sad["stability"]
    assert asked_of("sarvam", "excited")["pace"] > 1 > asked_of("sarvam", "sad")["pace"]
    assert asked_of("sarvam", "excited")["temperature"] > asked_of("sarvam", "sad")["temperature"]


def test_only_models_that_act_directions_are_given_them() -> None:
    assert asked_of("elevenlabs", "sad")["text"] == "Hi"
    assert asked_of("elevenlabs", "sad", model="eleven_v3")["text"].startswith("[sad")


@pytest.mark.parametrize("emotion", list(EMOTIONS), ids=lambda emotion: emotion.name)
def test_no_emotion_asks_for_what_a_provider_refuses(emotion: Emotion) -> None:
    for model in ("eleven_flash_v2_5", "eleven_v3"):
        settings = asked_of("elevenlabs", emotion.name, model=model).get("voice_settings", {})
        assert 0.7 <= settings.get("speed", 1) <= 1.2
        assert 0 <= settings.get("stability", 0.5) <= 1
        assert 0 <= settings.get("style", 0) <= 1
        assert model != "eleven_v3" or settings.get("stability", 0.5) in (0, 0.5, 1)
    indian = asked_of("sarvam", emotion.name)
    assert 0.5 <= indian["pace"] <= 2
    assert 0.01 <= indian["temperature"] <= 2


async def test_a_moved_voice_is_louder_where_the_provider_knows_no_loudness(client: httpx.AsyncClient) -> None:
    async with ProviderServer(in_json(wav(tone(3)))) as server:
        speaker = her(server, "sarvam")
        said = [
            await speaker.speak(client, SENTENCE, language="en", emotion=emotion)
            for emotion in (EMOTIONS.find("sad"), NEUTRAL, EMOTIONS.find("excited"))
        ]

    heard = [loudness_lufs(speech.pcm, speech.rate_hz) for speech in said]
    assert heard[0] + 1 < heard[1] < heard[2] - 1
