"""Every shipped provider is asked once: where the request goes, what proves who asks, and what its row makes of it."""

import json
from typing import Any

import httpx2 as httpx
import pytest

from config.providers import ChatProvider, accessible, read_providers
from tests.fakes.recorded_exchanges import NOW, anthropic_spoken, conversation, events, spoken, text_in
from workers.cloud.dialect import Call, Usage
from workers.cloud.dialects import DIALECTS

ROWS = read_providers().chat
VARIABLES = {name: f"key-of-{name.lower()}" for row in ROWS for name in row.key_env} | {
    "CLOUDFLARE_ACCOUNT_ID": "acc0unt"
}
LOW = {"reasoning_effort": "low"}
QUIETLY = {"thinking": {"type": "disabled"}}
USUAL = {"temperature": 0.7, "max_tokens": 150, "seed": 5, "stream_options": {"include_usage": True}}
THINKS = {**USUAL, "max_tokens": 550, **LOW}


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in USUAL.items() if name not in names} | more


WANTED: dict[str, tuple[str, dict[str, Any]]] = {
    "ollama": ("http://localhost:11434/v1", USUAL),
    "lmstudio": ("http://localhost:1234/v1", USUAL),
    "vllm": ("http://localhost:8000/v1", USUAL),
    "groq": ("https://api.groq.com/openai/v1", THINKS),
    "cerebras": ("https://api.cerebras.ai/v1", without("max_tokens", max_completion_tokens=550, **LOW)),
    "gemini": (
        "https://generativelanguage.googleapis.com/v1beta/openai",
        {**USUAL, "max_tokens": 278, "reasoning_effort": "minimal"},
    ),
    "mistral": ("https://api.mistral.ai/v1", without("seed", "stream_options", random_seed=5)),
    "sambanova": ("https://api.sambanova.ai/v1", USUAL),
    "cloudflare": (
        "https://api.cloudflare.com/client/v4/accounts/acc0unt/ai/v1",
        {**USUAL, "chat_template_kwargs": {"enable_thinking": False}},
    ),
    "nvidia": ("https://integrate.api.nvidia.com/v1", USUAL),
    "openrouter": (
        "https://openrouter.ai/api/v1",
        {**USUAL, "max_tokens": 550, "reasoning": {"effort": "low", "exclude": True}},
    ),
    "zai": ("https://api.z.ai/api/paas/v4", {**USUAL, **QUIETLY}),
    "sarvam": ("https://api.sarvam.ai/v1", {**USUAL, "max_tokens": 650, **LOW}),
    "cohere": ("https://api.cohere.ai/compatibility/v1", without("stream_options")),
    "ollama_cloud": ("https://ollama.com/v1", THINKS),
    "huggingface": ("https://router.huggingface.co/v1", THINKS),
    "openai": (
        "https://api.openai.com/v1",
        without("max_tokens", max_completion_tokens=150, reasoning_effort="none"),
    ),
    "anthropic": ("https://api.anthropic.com/v1", {"temperature": 0.7, "max_tokens": 150}),
    "fireworks": ("https://api.fireworks.ai/inference/v1", THINKS),
    "together": ("https://api.together.xyz/v1", THINKS),
    "deepinfra": ("https://api.deepinfra.com/v1/openai", THINKS),
    "nebius": ("https://api.tokenfactory.nebius.com/v1", USUAL),
    "dashscope": ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", {**USUAL, "enable_thinking": False}),
    "novita": ("https://api.novita.ai/openai", USUAL),
    "scaleway": ("https://api.scaleway.ai/v1", THINKS),
    "xai": ("https://api.x.ai/v1", {**USUAL, "max_tokens": 406, "reasoning_effort": "none"}),
    "deepseek": ("https://api.deepseek.com", {**USUAL, **QUIETLY}),
    "moonshot": ("https://api.moonshot.ai/v1", without("temperature", **QUIETLY)),
    "ai21": ("https://api.ai21.com/studio/v1", USUAL),
    "hyperbolic": ("https://api.hyperbolic.xyz/v1", USUAL),
    "minimax": (
        "https://api.minimax.io/v1",
        without("max_tokens", max_completion_tokens=1650, reasoning_split=True),
    ),
    "perplexity": ("https://api.perplexity.ai", {**USUAL, "disable_search": True}),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_each_provider_is_asked_in_its_own_way(row: ChatProvider) -> None:
    [access] = accessible((row,), VARIABLES)
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        chunks = anthropic_spoken("Hello", " there.")
        body = events(*chunks, event_names=True) if row.dialect == "anthropic" else spoken("Hello", " there.")
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    talk = conversation(temperature=0.7, max_tokens=150, seed=5, emotions_hint="Name your emotion.")
    call = Call(access, row.model or "listed-model", talk)
    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        parts = [part async for part in DIALECTS[row.dialect](lambda: NOW).stream(client, call)]

    assert text_in(parts) == "Hello there."
    assert parts[-1] == Usage(11, 7)
    [request] = requests
    address, quirks = WANTED[row.name]
    body = json.loads(request.content)
    system = "You are Priya." + ("\n\nName your emotion." if row.names_emotions else "")
    said = [{"role": "user", "content": "Hi, how are you?"}]
    key = f"key-of-{row.key_env[0].lower()}" if row.key_env else None
    if row.dialect == "anthropic":
        assert str(request.url) == f"{address}/messages"
        assert (request.headers["x-api-key"], request.headers["anthropic-version"]) == (key, "2023-06-01")
        assert "authorization" not in request.headers
        assert body == {"model": row.model, "system": system, "messages": said, "stream": True, **quirks}
    else:
        assert str(request.url) == f"{address}/chat/completions"
        assert request.headers.get("authorization") == (f"Bearer {key}" if key else None)
        messages = [{"role": "system", "content": system}, *said]
        assert body == {"model": row.model or "listed-model", "messages": messages, "stream": True, **quirks}
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["content-type"] == "application/json"


def test_no_provider_is_forgotten_here() -> None:
    assert {row.name for row in ROWS} == set(WANTED)
