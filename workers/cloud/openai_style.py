"""The dialect that nearly all providers speak: OpenAI's chat completions, streamed as server-sent events."""

import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Final

import httpx
from httpx_sse import ServerSentEvent
from loguru import logger

from config.providers import Access, ChatProvider
from workers.cloud.allowance import allowance_of
from workers.cloud.dialect import Call, Part, Usage
from workers.cloud.exchange import Question, events, headers_of, kind_of, listed, posted, whole
from workers.cloud.failures import RequestRefused, told_in_stream
from workers.cloud.retired import names_of_models
from workers.cloud.wording import alternating, everything_said, system_of, tokens_left
from workers.cloud.written import Written
from workers.errors import EngineError, EngineUnavailable, ModelRetired

FAREWELL_SECONDS: Final = 0.5
"""How long a finished answer waits for its usage. The words are all there; nobody should wait for an account."""
LAST_BYTES_SECONDS: Final = 0.1
"""How long the end of the response is waited for after ``[DONE]``: read to its end, a connection serves again."""
KEY_HEADERS: Final = {"Authorization": "Bearer {key}"}
DONE: Final = "[DONE]"
BROKEN_OFF: Final = frozenset((
    "content_filter", "safety", "recitation", "blocklist", "prohibited_content", "sensitive", "error", "network_error",
    "abort", "insufficient_system_resource",
))  # fmt: skip
"""Reasons to finish that leave the answer where somebody else had better go on."""
DISPENSABLE: Final = frozenset({"stream_options", "seed", "temperature"})
INDISPENSABLE: Final = frozenset({"model", "messages", "stream", "max_tokens", "max_completion_tokens"})


class OpenAiStyle:
    """See ChatDialect. Remembers which fields a model refuses, so that a wrong row costs one request."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """``clock`` in seconds since the epoch."""
        self._clock = clock
        self._refused: dict[tuple[str, str], set[str]] = {}

    async def stream(self, client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Part]:
        """See ChatDialect. Raises also BadInput, for a conversation with nothing to answer."""
        engine = call.access.row.name
        if not call.model:
            raise ModelRetired(engine, "no model is named")
        question = self._question(call)
        try:
            async with posted(client, question, self._clock) as response:
                allowance = allowance_of(response.headers, self._clock())
                if allowance is not None:
                    yield allowance
                async with aclosing(self._read(response, Answer(call, self._clock))) as parts:
                    async for part in parts:
                        yield part
        except RequestRefused as error:
            self._learn(call, question, error)
            raise

    async def models(self, client: httpx.AsyncClient, access: Access[ChatProvider]) -> tuple[str, ...]:
        """See ChatDialect."""
        return names_of_models(access.row.name, await listed(client, access, KEY_HEADERS))

    async def _read(self, response: httpx.Response, answer: "Answer") -> AsyncGenerator[Part]:
        engine = answer.engine
        match kind_of(response):
            case "page":
                raise EngineUnavailable(engine, "a web page instead of an answer")
            case "json":
                for part in answer.take(_parsed(engine, await whole(engine, response))):
                    yield part
                answer.is_whole = True
            case _:
                async with aclosing(events(engine, response, lambda: answer.patience_seconds)) as told:
                    async for event in told:
                        for part in answer.read(event):
                            yield part
                        if answer.is_closed:
                            break
        for part in answer.finish():
            yield part

    def _question(self, call: Call) -> Question:
        row = call.access.row
        key = call.access.key
        return Question(
            engine=row.name,
            url=f"{call.access.base_url}/chat/completions",
            headers=headers_of(call.access, KEY_HEADERS),
            body=_body(call, self._refused.get((row.name, call.model), frozenset())),
            hidden=(key.get_secret_value() if key else "", *everything_said(call.conversation)),
        )

    def _learn(self, call: Call, question: Question, error: RequestRefused) -> None:
        """A field that a refusal names, and that an answer can do without, is left out from now on."""
        row = call.access.row
        dispensable = {*DISPENSABLE, *row.body, *row.renames.values()} - INDISPENSABLE
        refused = {name for name in dispensable & set(question.body) if re.search(rf"\b{re.escape(name)}\b", error.raw)}
        if refused:
            self._refused.setdefault((row.name, call.model), set()).update(refused)
            names = ", ".join(sorted(refused))
            logger.bind(model=row.name).warning("{} refuses {}: not sent any more", row.name, names)


class Answer:
    """One answer as its events tell it. Pure: fed with events, gives parts."""

    def __init__(self, call: Call, clock: Callable[[], float] = time.time) -> None:
        self.engine: Final = call.access.row.name
        self._hidden = everything_said(call.conversation)
        self._clock = clock
        self._written = Written(call.conversation)
        self._usage: Usage | None = None
        self._reason = ""
        self._has_refused = False
        self._is_done = False
        self.is_whole = False
        """It came in one piece."""

    @property
    def patience_seconds(self) -> float | None:
        """How long to wait for the next event; None: as long as the caller likes."""
        if self._is_done:
            return LAST_BYTES_SECONDS
        return FAREWELL_SECONDS if self._reason else None

    @property
    def is_closed(self) -> bool:
        """Nothing that follows would be of use."""
        return self._written.has_ended

    def read(self, event: ServerSentEvent) -> Iterator[Part]:
        """What an event brings. Raises EngineError."""
        if self._is_done:
            return
        if event.data.strip() == DONE:
            self._is_done = True
            return
        yield from self.take(_parsed(self.engine, event.data))

    def take(self, chunk: object) -> Iterator[Part]:
        """What a chunk, or a whole answer that came as one, brings. Raises EngineError."""
        if not isinstance(chunk, dict):
            raise self._failure(chunk) if isinstance(chunk, list) else self._unavailable("its stream is broken")
        self._stop_at_errors(chunk)
        usage = _usage_in(chunk)
        if usage is not None:
            self._usage = usage
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or choice.get("index") not in (None, 0):
            return
        message = next((choice[name] for name in ("delta", "message") if isinstance(choice.get(name), dict)), choice)
        self._has_refused = self._has_refused or bool(message.get("refusal"))
        text = self._written.feed(_text_in(message))
        if text:
            yield text
        if isinstance(choice.get("finish_reason"), str):
            self._reason = choice["finish_reason"].lower()

    def finish(self) -> Iterator[Part]:
        """What is left at the end. Raises EngineUnavailable when the answer is not whole, or no answer."""
        if self._reason in BROKEN_OFF:
            raise self._unavailable(f"it broke off ({self._reason})")
        if not (self._reason or self._is_done or self.is_whole or self._written.has_ended):
            raise self._unavailable("its stream was cut")
        text = self._written.finish()
        if text:
            yield text
        if self._usage is not None:
            yield self._usage
        if not self._written.has_words:
            why = "refused" if self._has_refused else self._reason or "no reason told"
            raise self._unavailable(f"an answer without words ({why})")

    def _stop_at_errors(self, chunk: Mapping[str, Any]) -> None:
        is_error = bool(chunk.get("error")) or chunk.get("object") == "error" or chunk.get("type") == "error"
        says_only_that = "choices" not in chunk and ("detail" in chunk or "message" in chunk)
        if is_error or says_only_that:
            raise self._failure(chunk)

    def _failure(self, body: object) -> EngineError:
        return told_in_stream(self.engine, body, now=self._clock(), hidden=self._hidden)

    def _unavailable(self, what: str) -> EngineUnavailable:
        return EngineUnavailable(self.engine, what)


def _body(call: Call, refused: Collection[str]) -> dict[str, Any]:
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
    return {name: value for name, value in {**renamed, **row.body}.items() if name and name not in refused}


def _parsed(engine: str, text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise EngineUnavailable(engine, "its stream is broken") from None


def _text_in(message: Mapping[str, Any]) -> str:
    """Words for people. Thoughts come under other names (``reasoning``, ``reasoning_content``), or as typed parts."""
    content = message.get("content", message.get("text"))
    if isinstance(content, list):
        parts = (part for part in content if isinstance(part, dict) and part.get("type") in ("text", "output_text"))
        return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def _usage_in(chunk: Mapping[str, Any]) -> Usage | None:
    groq = chunk.get("x_groq")
    for holder in (chunk, groq if isinstance(groq, dict) else {}):
        usage = holder.get("usage")
        if isinstance(usage, dict):
            prompt, answer = usage.get("prompt_tokens"), usage.get("completion_tokens")
            if isinstance(prompt, int) and isinstance(answer, int) and prompt >= 0 and answer >= 0:
                return Usage(prompt, answer)
    return None
