"""A provider that nobody here wrote: llama-cpp-python's own OpenAI-style server on a starter model, over loopback."""

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from config.models import verified_folder
from config.providers import Access, ChatProvider
from tests.fakes.recorded_exchanges import conversation, row, text_in
from workers.cloud.dialect import Call, Part, Usage
from workers.cloud.dialects import dialect_of
from workers.cloud.failures import RequestRefused
from workers.cloud.retired import closest_model, first_model
from workers.engines import Conversation
from workers.errors import EngineMisconfigured, EngineUnavailable

KEY = "sk-real-peer-0123456789"
STARTS_WITHIN_SECONDS = 120
CONTEXT_TOKENS = 512

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Peer:
    """The server's process. What it prints is read all the time, so that it never waits for us."""

    def __init__(self, process: Process, port: int) -> None:
        self._process = process
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self._lines: list[str] = []
        self._has_printed = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._has_printed:
                self._lines.append(line.decode(errors="replace"))
                self._has_printed.notify_all()

    async def prints(self, text: str, times: int = 1) -> None:
        """Wait until it has."""
        async with self._has_printed:
            await self._has_printed.wait_for(lambda: self.count(text) >= times)

    def count(self, text: str) -> int:
        return sum(text in line for line in self._lines)

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peer(models_folder: Path) -> AsyncGenerator[Peer]:
    [model] = verified_folder(models_folder, "smollm2-135m").glob("*.gguf")
    port = free_port()
    given = {"model": model, "model_alias": "smollm2", "host": "127.0.0.1", "port": port, "n_ctx": CONTEXT_TOKENS}
    options = [part for name, value in given.items() for part in (f"--{name}", str(value))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "llama_cpp.server", *options, "--api_key", KEY, "--n_threads", "1", "--verbose", "false",
        stdout=PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    server = Peer(process, port)
    try:
        async with asyncio.timeout(STARTS_WITHIN_SECONDS):
            await server.prints("Uvicorn running on")
        yield server
    finally:
        await server.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        yield client


def access_to(peer: Peer, key: str = KEY, **fields: Any) -> Access[ChatProvider]:
    given = row(name="peer", base_url=peer.base_url, model="smollm2", names_emotions=False, **fields)
    return Access[ChatProvider](row=given, base_url=given.base_url, key=SecretStr(key))


def talk(*said: str, **fields: Any) -> Conversation:
    return conversation(*said, **{"max_tokens": 24, "temperature": 0.0, "seed": 1, **fields})


def stream(
    client: httpx.AsyncClient, access: Access[ChatProvider], question: Conversation, model: str = "smollm2"
) -> AsyncGenerator[Part]:
    return dialect_of("openai").stream(client, Call(access, model, question))


async def answer(client: httpx.AsyncClient, access: Access[ChatProvider], question: Conversation) -> list[Part]:
    return [part async for part in stream(client, access, question)]


async def test_words_come_one_by_one_and_are_the_same_again(peer: Peer, client: httpx.AsyncClient) -> None:
    parts = await answer(client, access_to(peer), talk())
    again = await answer(client, access_to(peer), talk())
    assert sum(isinstance(part, str) for part in parts) > 5
    assert text_in(parts) == text_in(again)
    assert any(letter.isalpha() for letter in text_in(parts))


async def test_an_answer_in_one_piece_says_the_same_and_what_it_cost(peer: Peer, client: httpx.AsyncClient) -> None:
    whole = await answer(client, access_to(peer, body={"stream": False}), talk())
    assert text_in(whole) == text_in(await answer(client, access_to(peer), talk()))
    assert len(whole) == 2
    cost = whole[-1]
    assert isinstance(cost, Usage)
    assert cost.prompt_tokens > 10
    assert 5 < cost.answer_tokens <= 24


async def test_it_goes_on_from_words_that_were_said(peer: Peer, client: httpx.AsyncClient) -> None:
    question = talk("Where were you?", answer_so_far="I was at the sea, and")
    assert text_in(await answer(client, access_to(peer), question)).strip()


async def test_it_lists_its_models_and_one_of_them_is_chosen(peer: Peer, client: httpx.AsyncClient) -> None:
    access = access_to(peer)
    listed = await dialect_of("openai").models(client, access)
    assert listed == ("smollm2",)
    assert closest_model("smollm1", listed) == "smollm2"
    assert first_model(access.row, listed) == "smollm2"


async def test_whoever_stops_listening_is_noticed_and_the_next_is_served(peer: Peer, client: httpx.AsyncClient) -> None:
    before = peer.count("Disconnected from client")
    parts = stream(client, access_to(peer), talk("Tell me a very long story.", max_tokens=400, temperature=0.8))
    assert isinstance(await anext(parts), str)
    await parts.aclose()
    await peer.prints("Disconnected from client", before + 1)
    assert text_in(await answer(client, access_to(peer), talk()))


async def test_whoever_is_cancelled_is_noticed_too(peer: Peer, client: httpx.AsyncClient) -> None:
    before = peer.count("Disconnected from client")
    has_begun = asyncio.Event()

    async def listen() -> None:
        question = talk("Tell me a very long story.", max_tokens=400, temperature=0.8)
        async for _ in stream(client, access_to(peer), question):
            has_begun.set()

    listening = asyncio.create_task(listen())
    await has_begun.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    await peer.prints("Disconnected from client", before + 1)


async def test_a_name_that_it_does_not_know_is_answered_by_the_model_that_it_has(
    peer: Peer, client: httpx.AsyncClient
) -> None:
    parts = [part async for part in stream(client, access_to(peer), talk(), model="long-gone")]
    assert text_in(parts)


async def test_a_wrong_key_is_told_as_such_and_not_quoted(peer: Peer, client: httpx.AsyncClient) -> None:
    wrong = access_to(peer, key="sk-wrong-key-0123456789")
    with pytest.raises(EngineMisconfigured) as failure:
        await answer(client, wrong, talk())
    assert "wrong-key" not in str(failure.value)
    with pytest.raises(EngineMisconfigured):
        await dialect_of("openai").models(client, wrong)


async def test_a_conversation_that_is_too_long_is_refused_without_quoting_it(
    peer: Peer, client: httpx.AsyncClient
) -> None:
    question = talk("My sister left me yesterday. " * 200)
    with pytest.raises(RequestRefused) as refused:
        await answer(client, access_to(peer, body={"stream": False}), question)
    assert "sister" not in str(refused.value)
    with pytest.raises(EngineUnavailable, match="cut"):  # it has begun to stream before it looks
        await answer(client, access_to(peer), question)
