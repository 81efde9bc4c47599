"""Exchanges with providers as they go over the wire, without a wire: what is asked, and what a stream brings."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx2 as httpx
from pydantic import SecretStr

from config.providers import Access, ChatProvider
from workers.cloud.dialect import Call, ChatDialect, Part
from workers.cloud.dialects import DIALECTS
from workers.engines import ChatMessage, Conversation

KEY = "sk-canary-0123456789abcdefghij"
NOW = 1_800_000_000.0
STREAM = {"content-type": "text/event-stream"}


def row(**fields: Any) -> ChatProvider:
    return ChatProvider.model_validate(
        {
            "name": "river",
            "base_url": "https://api.river.example/v1",
            "key_env": ["RIVER_API_KEY"],
            "model": "pebble-8b",
            "expected_seconds": 1,
            **fields,
        }
    )


def access_to(given: ChatProvider, key: str | None = KEY) -> Access[ChatProvider]:
    return Access[ChatProvider](row=given, base_url=given.base_url, key=SecretStr(key) if key else None)


def conversation(*said: str, **fields: Any) -> Conversation:
    """A user begins, and answers alternate."""
    turns = said or ("Hi, how are you?",)
    messages = [ChatMessage("system", "You are Priya.")]
    messages += [ChatMessage("assistant" if index % 2 else "user", text) for index, text in enumerate(turns)]
    return Conversation("room", tuple(messages), **fields)


def events(*chunks: object, event_names: bool = False) -> bytes:
    """Server-sent events, of texts as they are and of anything else as JSON."""
    lines = []
    for chunk in chunks:
        if event_names and isinstance(chunk, dict):
            lines.append(f"event: {chunk['type']}\n")
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        lines.append(f"data: {data}\n\n")
    return "".join(lines).encode()


def delta(text: str | None, reason: str | None = None, **message: Any) -> dict[str, Any]:
    """A chunk in OpenAI's style."""
    return {"choices": [{"index": 0, "delta": {"content": text, **message}, "finish_reason": reason}]}


def usage(prompt: int, answer: int) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": 0}}


def spoken(*texts: str) -> bytes:
    """A good answer in OpenAI's style."""
    return events(*(delta(text) for text in texts), delta("", "stop"), usage(11, 7), "[DONE]")


def anthropic_spoken(*texts: str, reason: str = "end_turn") -> list[dict[str, Any]]:
    """A good answer in Anthropic's dialect."""
    return [
        {"type": "message_start", "message": {"usage": {"input_tokens": 11, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in texts),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]


class Pieces(httpx.AsyncByteStream):
    """A body that comes in these pieces, and may break off."""

    def __init__(self, pieces: Sequence[bytes], then: Exception | None = None) -> None:
        self._pieces = pieces
        self._then = then

    async def __aiter__(self) -> Any:
        for piece in self._pieces:
            yield piece
        if self._then is not None:
            raise self._then


type Respond = Callable[[httpx.Request], httpx.Response]


def responding(content: bytes, status: int = 200, /, **headers: Any) -> Respond:
    """Headers as keywords, underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request: httpx.Response(status, headers={**STREAM, **named}, content=content)


async def parts_of(
    respond: Respond,
    given: ChatProvider | None = None,
    talk: Conversation | None = None,
    *,
    dialect: ChatDialect | None = None,
    model: str | None = None,
    key: str | None = KEY,
) -> list[Part]:
    """All that comes of asking once. Raises EngineError."""
    asked = given or row()
    speaks = dialect or DIALECTS[asked.dialect](lambda: NOW)
    call = Call(access_to(asked, key), asked.model if model is None else model, talk or conversation())
    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        return [part async for part in speaks.stream(client, call)]


def text_in(parts: Sequence[Part]) -> str:
    return "".join(part for part in parts if isinstance(part, str))
