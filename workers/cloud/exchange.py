"""One request over HTTP and the events of its answer, in sizes that fit into memory. Knows no dialect.

Server-sent events are parsed by httpx-sse, which sets no limit to a line or an event, wants its own content type and
takes the response's word for the charset; all three are settled before it sees the text.
"""

import asyncio
import codecs
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import httpx
from httpx_sse import EventSource, ServerSentEvent

from config.providers import Access, ChatProvider
from workers.cloud.failures import broken, refusal
from workers.errors import EngineMisconfigured, EngineUnavailable

LARGEST_ANSWER_BYTES: Final = 4 << 20
"""Some twenty times what 200 tokens take in the most talkative dialect, thoughts included."""
LARGEST_REFUSAL_BYTES: Final = 64 << 10
LARGEST_LIST_BYTES: Final = 16 << 20
"""Of models: OpenRouter describes hundreds."""
LIST_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is posted. Its ``hidden`` texts, the key and what was said, get into no error."""

    engine: str
    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    hidden: tuple[str, ...]


def headers_of(access: Access[ChatProvider], key_headers: Mapping[str, str]) -> dict[str, str]:
    """``key_headers`` and the row's own, with the key in the place of ``{key}``. A row that says itself where its key
    goes is sent it nowhere else. Raises EngineMisconfigured."""
    row = access.row
    headers = dict(row.headers)
    if access.key is not None and not any("{key}" in value for value in headers.values()):
        headers = {**key_headers, **headers}
    key = access.key.get_secret_value() if access.key is not None else ""
    if not (key.isascii() and key.isprintable()):
        raise EngineMisconfigured(row.name, "its key has letters that no key has")
    return {name: value.replace("{key}", key) for name, value in headers.items() if value}


@asynccontextmanager
async def posted(
    client: httpx.AsyncClient, question: Question, clock: Callable[[], float] = time.time
) -> AsyncIterator[httpx.Response]:
    """The response, good and not yet read. Leaving closes its socket, unless it was read to its end.

    ``clock`` in seconds since the epoch. Raises EngineError, also for what httpx raises while it is read."""
    headers = {**question.headers, "accept": "text/event-stream", "accept-encoding": "identity"}
    try:
        async with client.stream(
            "POST", question.url, json=question.body, headers=headers, follow_redirects=False
        ) as response:
            if not response.is_success:
                raw = await _beginning(response)
                raise refusal(
                    question.engine, response.status_code, response.headers, raw, now=clock(), hidden=question.hidden
                )
            yield response
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise broken(question.engine, error) from None


async def events(
    engine: str, response: httpx.Response, patience_seconds: Callable[[], float | None]
) -> AsyncGenerator[ServerSentEvent]:
    """The events that carry data. Ends with the response, or when the next one takes longer than
    ``patience_seconds()`` just then. Raises EngineUnavailable for what is no stream of events."""
    text = _BoundedText(engine, response)
    async with aclosing(text.chunks), aclosing(EventSource(cast("httpx.Response", text)).aiter_sse()) as told:
        while True:
            try:
                async with asyncio.timeout(patience_seconds()):
                    event = await anext(told)
            except (StopAsyncIteration, TimeoutError):
                return
            if event.data.strip():
                yield event


def kind_of(response: httpx.Response) -> str:
    """``json``, ``page`` or ``events``. Streams come under many content types, and under none."""
    kind: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/json", "text/json", "application/problem+json"):
        return "json"
    return "page" if kind in ("text/html", "application/xhtml+xml") else "events"


async def whole(engine: str, response: httpx.Response, limit: int = LARGEST_ANSWER_BYTES) -> bytes:
    """All of it. Raises EngineUnavailable when that is more than ``limit``."""
    raw = bytearray()
    async for chunk in response.aiter_bytes():
        raw += chunk
        if len(raw) > limit:
            raise EngineUnavailable(engine, f"its answer is larger than {limit >> 20} MiB")
    return bytes(raw)


async def listed(client: httpx.AsyncClient, access: Access[ChatProvider], key_headers: Mapping[str, str]) -> bytes:
    """The body of ``GET /models``. Raises EngineError; EngineMisconfigured where nothing of that name is."""
    engine = access.row.name
    url = httpx.URL(f"{access.base_url}/").join(access.row.models_path)
    headers = headers_of(access, key_headers)
    try:
        async with client.stream("GET", url, headers=headers, timeout=LIST_SECONDS, follow_redirects=False) as response:
            if response.status_code in (404, 405, 410):
                raise EngineMisconfigured(engine, f"{response.status_code} it doesn't list its models")
            if not response.is_success:
                raw = await _beginning(response)
                hidden = (access.key.get_secret_value(),) if access.key is not None else ()
                raise refusal(engine, response.status_code, response.headers, raw, now=time.time(), hidden=hidden)
            return await whole(engine, response, LARGEST_LIST_BYTES)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise broken(engine, error) from None


async def _beginning(response: httpx.Response) -> bytes:
    """Enough of a refusal to know what it is about."""
    raw = bytearray()
    async for chunk in response.aiter_bytes():
        raw += chunk
        if len(raw) > LARGEST_REFUSAL_BYTES:
            break
    return bytes(raw[:LARGEST_REFUSAL_BYTES])


class _BoundedText:
    """What EventSource asks of a response, and no more than that."""

    headers: Final = {"content-type": "text/event-stream"}

    def __init__(self, engine: str, response: httpx.Response) -> None:
        self._engine = engine
        self._response = response
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
