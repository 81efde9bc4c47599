"""Anthropic's own dialect, the Messages API, streamed as server-sent events that each name their kind."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from workers.cloud.answer import Told
from workers.cloud.chatting import HttpDialect
from workers.cloud.dialect import Call, ChatDialect
from workers.cloud.wording import alternating, system_of, tokens_left

HEADERS: Final = {"x-api-key": "{key}", "anthropic-version": "2023-06-01"}
HOTTEST: Final = 1.0
"""Of temperatures; OpenAI's scale goes to 2."""


def anthropic(clock: Callable[[], float] = time.time) -> ChatDialect:
    """``clock`` in seconds since the epoch."""
    return HttpDialect("messages", HEADERS, request_body, told_by, clock)


def request_body(call: Call) -> dict[str, Any]:
    """The question as this row wants it. Raises BadInput."""
    row, conversation = call.access.row, call.conversation
    ours: dict[str, Any] = {
        "model": call.model,
        "system": system_of(row, conversation),
        "messages": [{"role": role, "content": text} for role, text in alternating(row.name, conversation)],
        "stream": True,
        "temperature": min(HOTTEST, conversation.temperature),
        "max_tokens": tokens_left(row, conversation),
    }
    if not ours["system"]:
        del ours["system"]
    renamed = {row.renames.get(name, name): value for name, value in ours.items()}
    return {name: value for name, value in {**renamed, **row.body}.items() if name}


def told_by(chunk: Mapping[str, Any]) -> Told:
    """What an event says, or a whole answer."""
    match chunk.get("type"):
        case "error":
            return Told(is_error=True)
        case "message_start":
            message = _inner(chunk, "message")
            return Told(prompt_tokens=_prompt_tokens(message), answer_tokens=_answer_tokens(message))
        case "content_block_start":
            return Told(text=_text_of(_inner(chunk, "content_block")))
        case "content_block_delta":
            return Told(text=_text_of(_inner(chunk, "delta")))
        case "message_delta":
            reason = _inner(chunk, "delta").get("stop_reason")
            return Told(reason=reason if isinstance(reason, str) else "", answer_tokens=_answer_tokens(chunk))
        case "message_stop":
            return Told(is_last=True)
        case "message":
            blocks = chunk.get("content")
            reason = chunk.get("stop_reason")
            return Told(
                text="".join(map(_text_of, blocks)) if isinstance(blocks, list) else "",
                reason=reason if isinstance(reason, str) else "",
                prompt_tokens=_prompt_tokens(chunk),
                answer_tokens=_answer_tokens(chunk),
            )
        case _:  # pings, the ends of blocks, and what is yet to be invented
            return Told()


def _text_of(block: object) -> str:
    """Thinking, tools and citations are not for people."""
    if not isinstance(block, dict) or block.get("type") not in ("text", "text_delta"):
        return ""
    text = block.get("text")
    return text if isinstance(text, str) else ""


def _inner(chunk: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = chunk.get(name)
    return inner if isinstance(inner, dict) else {}


def _prompt_tokens(message: Mapping[str, Any]) -> int | None:
    usage = _inner(message, "usage")
    counts = [usage.get(name) for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
    return sum(count for count in counts if isinstance(count, int)) if isinstance(counts[0], int) else None


def _answer_tokens(message: Mapping[str, Any]) -> int | None:
    count = _inner(message, "usage").get("output_tokens")
    return count if isinstance(count, int) else None
