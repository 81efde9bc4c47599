"""The table of providers: every row loads, speaks a dialect that there is, and says no more than it should."""

from urllib.parse import urlsplit

import pytest

from config.providers import ChatProvider, read_providers
from workers.cloud.dialects import DIALECTS, dialect_of

CHAT = read_providers().chat
PROMISED = {
    "groq", "cerebras", "sambanova", "gemini", "openai", "anthropic", "mistral", "deepseek", "cohere", "openrouter",
    "huggingface", "together", "fireworks", "deepinfra", "nvidia", "xai", "perplexity", "cloudflare", "novita",
    "nebius", "moonshot", "zai", "dashscope", "sarvam", "ai21", "hyperbolic", "minimax", "scaleway", "ollama_cloud",
    "ollama", "lmstudio", "vllm",
}  # fmt: skip


def test_every_provider_that_was_promised_is_there() -> None:
    assert {row.name for row in CHAT} == PROMISED
    assert sum(not row.is_local for row in CHAT) > 25


@pytest.mark.parametrize("row", CHAT, ids=lambda row: row.name)
def test_every_row_can_be_asked(row: ChatProvider) -> None:
    assert dialect_of(row.dialect)
    assert row.is_local != bool(row.key_env)
    assert row.is_local == (urlsplit(row.base_url).hostname == "localhost")
    assert not {"model", "messages", "stream"} & {*row.body, *row.renames}


def test_every_dialect_has_a_row() -> None:
    assert {row.dialect for row in CHAT} == set(DIALECTS)
