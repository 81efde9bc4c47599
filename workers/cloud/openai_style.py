"""The dialect that nearly all providers speak: OpenAI's chat completions, streamed as server-sent events."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from workers.cloud.answer import Told
from workers.cloud.chatting import HttpDialect
from workers.cloud.dialect import Call, ChatDialect
from workers.cloud.wording import alternating, system_of, tokens_left

HEADERS: Final = {"authorization": "Bearer {key}"}


def openai_style(clock: Callable[[], float] = time.time) -> ChatDialect:
    """``clock`` in seconds since the epoch."""
    return HttpDialect("chat/completions", HEADERS, request_body, told_by, clock)


def request_body(call: Call) -> dict[str, Any]:
    """The question as this row wants it. Raises BadInput."""
    row, conversation = call.access.row, call.conversation
    system = system_of(row, conversation)
    messages = [{"role": role, "content": text} for role, text in alternating(row.name, conversation)]
    ours: dict[str, Any] = {
        "model": call.model,
        "messages": ([{"role": "system", "content": system}] if system else []) + messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": conversation.temperature,
        "max_tokens": tokens_left(row, conversation),
    }
    if conversation.seed is not None:
        ours["seed"] = conversation.seed
    renamed = {row.renames.get(name, name): value for name, value in ours.items()}
    return {name: value for name, value in {**renamed, **row.body}.items() if name}


def told_by(chunk: Mapping[str, Any]) -> Told:
    """What a chunk of a stream says, or a whole answer."""
    if _is_error(chunk):
        return Told(is_error=True)
    prompt_tokens, answer_tokens = _usage_in(chunk)
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or choice.get("index") not in (None, 0):
        return Told(prompt_tokens=prompt_tokens, answer_tokens=answer_tokens)
    message = next((choice[name] for name in ("delta", "message") if isinstance(choice.get(name), dict)), choice)
    reason = choice.get("finish_reason")
    return Told(
        text=_text_in(message),
        reason=reason if isinstance(reason, str) else "",
        prompt_tokens=prompt_tokens,
        answer_tokens=answer_tokens,
        is_refusal=bool(message.get("refusal")),
    )


def _is_error(chunk: Mapping[str, Any]) -> bool:
    if chunk.get("error") or "error" in (chunk.get("object"), chunk.get("type")):
        return True
    minimax = chunk.get("base_resp")
    if isinstance(minimax, dict) and minimax.get("status_code"):
        return True
    return not chunk.get("choices") and ("detail" in chunk or "message" in chunk)


def _text_in(message: Mapping[str, Any]) -> str:
    """Words for people. Thoughts come under other names (``reasoning``, ``reasoning_content``), or as typed parts."""
    content = message.get("content", message.get("text"))
    if isinstance(content, list):
        parts = (part for part in content if isinstance(part, dict) and part.get("type") in ("text", "output_text"))
        return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def _usage_in(chunk: Mapping[str, Any]) -> tuple[int, int] | tuple[None, None]:
    groq = chunk.get("x_groq")
    for holder in (chunk, groq if isinstance(groq, dict) else {}):
        usage = holder.get("usage")
        if isinstance(usage, dict):
            prompt, answer = usage.get("prompt_tokens"), usage.get("completion_tokens")
            if isinstance(prompt, int) and isinstance(answer, int) and prompt >= 0 and answer >= 0:
                return prompt, answer
    return None, None
