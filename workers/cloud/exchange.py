"""One question over HTTP and the events of its answer, in sizes that fit into memory. Knows no dialect.

Server-sent events are parsed by httpx2, which wants them under their own content type and takes the response's word for
the charset. Providers are careless with both, so they are settled before it sees the text.
"""

import asyncio
import codecs
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import httpx2 as httpx
from httpx2 import EventSource, ServerSentEvent

from config.providers import Access, ChatProvider
from workers.cloud.allowance import allowance_of
from workers.cloud.answer import Answer
from workers.cloud.dialect import Part
from workers.cloud.failures import broken, refusal
from workers.cloud.whole import beginning
from workers.errors import EngineMisconfigured, EngineUnavailable

LARGEST_ANSWER_BYTES: Final = 4 << 20
"""Some twenty times what 200 tokens take in the most talkative dialect, thoughts included."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is posted. Its ``hidden`` texts, the key and what was said, get into no error."""

    engine: str
    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    hidden: tuple[str, ...]


def headers_of(access: Access[ChatProvider], ours: Mapping[str, str]) -> dict[str, str]:
    """``ours`` and the row's own headers, with the key in the place of ``{key}``. A row that says itself where its key
    goes is sent it nowhere else. Raises EngineMisconfigured."""
    row = access.row
    key = access.key.get_secret_value() if access.key is not None else ""
    if not (key.isascii() and key.isprintable()):
        raise EngineMisconfigured(row.name, "its key has letters that no key has")
    names_its_own = any("{key}" in value for value in row.headers.values())
    fitting = {name: value for name, value in ours.items() if "{key}" not in value or (key and not names_its_own)}
    lower = {name.lower(): value for name, value in {**fitting, **row.headers}.items()}
    return {name: value.replace("{key}", key) for name, value in lower.items() if value}


async def ask(
    client: httpx.AsyncClient, question: Question, answer: Answer, clock: Callable[[], float] = time.time
) -> AsyncGenerator[Part]:
    """The parts of the answer as they come. Closing it closes the socket. ``clock`` in seconds since the epoch.

    Raises EngineError."""
    async with _posted(client, question, clock) as response:
        allowance = allowance_of(response.headers, clock())
        if allowance is not None:
            yield allowance
        async with aclosing(_words(response, answer)) as words:
            async for text in words:
                yield text
        for part in answer.finish():
            yield part


@asynccontextmanager
async def _posted(
    client: httpx.AsyncClient, question: Question, clock: Callable[[], float]
) -> AsyncIterator[httpx.Response]:
    """The response, good and not yet read. Leaving closes its socket, unless it was read to its end.

    Raises EngineError, also for what httpx raises while it is read."""
    headers = {**question.headers, "accept": "text/event-stream", "accept-encoding": "identity"}
    try:
        async with client.stream(
            "POST", question.url, json=question.body, headers=headers, follow_redirects=False
        ) as response:
            if not response.is_success:
                status, raw = response.status_code, await beginning(response)
                raise refusal(question.engine, status, response.headers, raw, now=clock(), hidden=question.hidden)
            yield response
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise broken(question.engine, error) from None


async def _words(response: httpx.Response, answer: Answer) -> AsyncGenerator[str]:
    match _kind_of(response):
        case "page":
            raise EngineUnavailable(answer.engine, "a web page instead of an answer")
        case "json":
            text = _BoundedText(answer.engine, response)
            words = answer.read_whole("".join([chunk async for chunk in text.chunks]).encode())
            if words:
                yield words
        case "events":
            async with aclosing(_events(response, answer)) as told:
                async for event in told:
                    words = answer.read(event)
                    if words:
                        yield words
                    if answer.is_closed:
                        break


async def _events(response: httpx.Response, answer: Answer) -> AsyncGenerator[ServerSentEvent]:
    """The events that carry data. Ends with the response, or when the next one takes longer than the answer waits."""
    text = _BoundedText(answer.engine, response)
    source = EventSource(cast("httpx.Response", text), max_event_size=LARGEST_ANSWER_BYTES)
    async with aclosing(text.chunks), aclosing(cast("AsyncGenerator[ServerSentEvent]", aiter(source))) as told:
        while True:
            try:
                async with asyncio.timeout(answer.patience_seconds):
                    event = await anext(told)
            except (StopAsyncIteration, TimeoutError):
                return
            if event.data.strip():
                yield event


def _kind_of(response: httpx.Response) -> Literal["json", "page", "events"]:
    """Streams come under many content types, and under none."""
    kind: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/json", "text/json", "application/problem+json"):
        return "json"
    return "page" if kind in ("text/html", "application/xhtml+xml") else "events"


class _BoundedText:
    """What EventSource asks of a response, and no more than that."""

    headers: Final = {"content-type": "text/event-stream"}

    def __init__(self, engine: str, response: httpx.Response) -> None:
        self._engine = engine
        self._response = response
        self.request = response.request
        self.chunks = self._read()

    def aiter_text(self) -> AsyncGenerator[str]:
        return self.chunks

    async def _read(self) -> AsyncGenerator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        size = 0
        async for chunk in self._response.aiter_bytes():
            size += len(chunk)
            if size > LARGEST_ANSWER_BYTES:
                raise EngineUnavailable(self._engine, f"its answer is larger than {LARGEST_ANSWER_BYTES >> 20} MiB")
            text = decoder.decode(chunk)
            if text:
                yield text
