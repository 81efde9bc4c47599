"""A model that is gone is followed by the one that comes closest, out of lists as providers give them."""

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.recorded_exchanges import KEY, NOW, access_to, row
from workers.cloud.dialects import DIALECTS
from workers.cloud.listing import names_in
from workers.cloud.retired import closest_model, first_model
from workers.errors import EngineBusy, EngineError, EngineMisconfigured, EngineUnavailable

GROQ = (
    "whisper-large-v3", "canopylabs/orpheus-v1-english", "meta-llama/llama-guard-4-12b", "groq/compound-mini",
    "openai/gpt-oss-safeguard-20b", "moonshotai/kimi-k2-instruct-0905", "meta-llama/llama-4-scout-17b-16e-instruct",
    "openai/gpt-oss-120b", "llama-3.1-8b-instant", "qwen/qwen3-32b",
)  # fmt: skip
OPENAI = (
    "text-embedding-3-small", "gpt-image-2", "tts-1", "omni-moderation-latest", "gpt-6-astra", "gpt-6-sol",
    "gpt-5.6-luna", "gpt-realtime-2", "sora-2", "o3", "gpt-5.6-sol", "gpt-5.3-codex", "davinci-002", "gpt-4o-mini",
)  # fmt: skip
ANTHROPIC = ("claude-opus-5", "claude-sonnet-5", "claude-haiku-5", "claude-opus-4-7")
MISTRAL = (
    "mistral-large-latest", "codestral-latest", "mistral-embed", "mistral-ocr-latest", "voxtral-mini-latest",
    "magistral-small-latest", "mistral-moderation-latest", "mistral-small-2603", "ministral-8b-latest",
)  # fmt: skip
GEMINI = (
    "models/gemini-3.5-pro", "models/gemini-embedding-2", "models/imagen-5", "models/gemini-4-flash-lite",
    "models/gemini-4-flash", "models/gemini-3.5-flash-tts", "models/gemma-4-27b-it", "models/veo-4",
)  # fmt: skip
OPENROUTER = (
    "openai/gpt-oss-20b", "openai/gpt-oss-120b:free", "qwen/qwen3-8b:free", "openai/gpt-6-luna", "x/coder-20b:free",
)  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "available", "closest"),
    [
        ("openai/gpt-oss-20b", GROQ, "openai/gpt-oss-120b"),
        ("llama-3.3-70b-versatile", GROQ, "meta-llama/llama-4-scout-17b-16e-instruct"),
        ("qwen/qwen3-30b", GROQ, "qwen/qwen3-32b"),
        ("gpt-6-luna", OPENAI, "gpt-5.6-luna"),
        ("claude-haiku-4-5", ANTHROPIC, "claude-haiku-5"),
        ("mistral-small-latest", MISTRAL, "mistral-small-2603"),
        ("gemini-3.5-flash-lite", GEMINI, "models/gemini-4-flash-lite"),
        ("openai/gpt-oss-20b:free", OPENROUTER, "openai/gpt-oss-120b:free"),
        ("gpt-oss:20b", ("gpt-oss:120b", "gpt-oss:20b-cloud", "qwen3-coder:480b"), "gpt-oss:20b-cloud"),
        ("deepseek-chat", ("deepseek-reasoner", "deepseek-flash", "deepseek-v4-pro"), "deepseek-flash"),
        ("grok-4.3", ("grok-imagine", "grok-4.7", "grok-4.7-multi-agent", "grok-code-fast-2"), "grok-4.7"),
        (
            "meta/llama-3.1-8b-instruct",
            ("meta/llama-3.1-405b-instruct", "meta/llama-3.2-11b-vision-instruct", "nvidia/nv-embedqa",
             "meta/llama-3.2-3b-instruct"),
            "meta/llama-3.2-3b-instruct",
        ),
        ("kimi-k2.6", ("kimi-k3", "kimi-k2.7-code", "moonshot-v1-8k"), "kimi-k3"),
        ("pebble", ("boulder-405b", "stone-8b"), "stone-8b"),
        ("small", ("whisper-large", "small-9b", "huge-405b"), "small-9b"),
    ],
)  # fmt: skip
def test_the_closest_small_chat_model_is_found(wanted: str, available: tuple[str, ...], closest: str) -> None:
    assert closest_model(wanted, available) == closest
    assert closest_model(wanted, available[::-1]) == closest
    assert closest_model(wanted, (wanted, *available)) == closest


@pytest.mark.parametrize(
    "available", [(), ("",), ("pebble",), ("whisper-1", "tts-1", "text-embedding-3", "llama-guard")]
)
def test_where_none_chats_there_is_none(available: tuple[str, ...]) -> None:
    assert closest_model("pebble", available) is None


@given(st.text(), st.lists(st.text(max_size=30), max_size=8))
def test_no_name_is_too_odd(wanted: str, available: list[str]) -> None:
    found = closest_model(wanted, available)
    assert found is None or (found in available and found != wanted)


OLLAMA = row(
    name="ollama", is_local=True, key_env=(), model="", models=("llama3.2", "llama3.1", "mistral", "codellama")
)


@pytest.mark.parametrize(
    ("available", "first"),
    [
        (("mistral:latest", "llama3.1:8b", "llama3.2:latest"), "llama3.2:latest"),
        (("llama3.2-vision:11b", "mistral:latest"), "mistral:latest"),
        (("nomic-embed-text:latest", "qwen3:4b"), "qwen3:4b"),
        (("codellama", "qwen3:4b"), "codellama"),
        (("nomic-embed-text:latest",), None),
        ((), None),
    ],
)
def test_a_row_without_a_model_takes_the_first_of_its_own_that_is_there(
    available: tuple[str, ...], first: str | None
) -> None:
    assert first_model(OLLAMA, available) == first


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}', ("a", "b")),
        (b'[{"id": "a", "type": "chat"}, {"id": "b", "type": "image"}, {"id": "c", "type": "language"}]', ("a", "c")),
        (b'{"models": [{"name": "a"}, {"name": "b"}]}', ("a", "b")),
        (b'{"result": [{"id": "0f1e", "name": "@cf/a", "task": {"name": "Text Generation"}}]}', ("@cf/a",)),
        (b'{"data": [{"id": "a", "capabilities": {"completion_chat": true}}]}', ("a",)),
        (b'{"data": [{"id": "a", "capabilities": {"completion_chat": false}}, {"id": "b", "active": false}]}', ()),
        (b'{"data": ["a", 3, null, {"id": 7}, {}, {"id": "b", "type": null}]}', ("a", "b")),
    ],
)
def test_lists_of_models_are_read_in_every_shape(body: bytes, names: tuple[str, ...]) -> None:
    assert names_in("river", body) == names


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"3", b'{"data": {}}', b"[" * 100_000])
def test_what_is_no_list_of_models_is_unavailable(body: bytes) -> None:
    with pytest.raises(EngineUnavailable):
        names_in("river", body)


async def test_the_list_is_asked_for_with_the_key_where_the_row_says() -> None:
    asked: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"data": [{"id": "a"}]})

    account = row(base_url="https://api.example/accounts/7/ai/v1", models_path="../models/search?task=Text")
    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        for given in (row(), account, row(dialect="anthropic")):
            assert await DIALECTS[given.dialect](lambda: NOW).models(client, access_to(given)) == ("a",)
    plain, searched, claude = asked
    assert str(plain.url) == "https://api.river.example/v1/models"
    assert plain.headers["authorization"] == f"Bearer {KEY}"
    assert str(searched.url) == "https://api.example/accounts/7/ai/models/search?task=Text"
    assert claude.headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, EngineMisconfigured), (405, EngineMisconfigured), (401, EngineMisconfigured), (429, EngineBusy),
     (500, EngineUnavailable)],
)  # fmt: skip
async def test_a_list_that_is_refused_tells_why(status: int, kind: type[EngineError]) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, json={"error": f"no {KEY}"}))
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(kind) as failure:
            await DIALECTS["openai"](lambda: NOW).models(client, access_to(row()))
    assert KEY not in str(failure.value)
