"""The scripted providers do over real sockets what they are told, and see what is done to them."""

import asyncio
import json

import httpx2 as httpx
import pytest

from tests.fakes.providers import (
    Close,
    Gate,
    ProviderServer,
    Reset,
    ServerThread,
    Silence,
    breaks_off,
    fails,
    goes_on,
    hangs_up,
    never_answers,
    says,
    words,
)
from tests.fakes.providers.script import Answer, Finish

QUESTION = {"model": "small", "messages": [{"role": "user", "content": "Hi"}]}


def text_of(stream: str) -> str:
    """What the chunks of an OpenAI-style stream say together."""
    chunks = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


async def test_a_good_answer_comes_word_by_word_and_ends_well() -> None:
    async with ProviderServer(says("Hello there, Asha.")) as server, httpx.AsyncClient() as client:
        answer = await client.post(f"{server.base_url}/chat/completions", json=QUESTION)
        assert answer.headers["content-type"] == "text/event-stream"
        assert text_of(answer.text) == "Hello there, Asha."
        assert answer.text.endswith("data: [DONE]\n\n")
        assert (await server.closed).how == "whole"
        assert server.requests[0].asked.body == QUESTION


async def test_a_client_that_hangs_up_in_the_middle_is_seen_and_after_how_many_words() -> None:
    gate = Gate()
    script = Answer(steps=(*words("one two three"), gate, *words("four"), Finish()))
    async with ProviderServer(script) as server, httpx.AsyncClient() as client:
        async with client.stream("POST", f"{server.base_url}/chat/completions", json=QUESTION):
            await asyncio.wrap_future(gate.reached)
        ending = await server.closed
    assert (ending.how, ending.pieces) == ("client", 3)


@pytest.mark.parametrize("step", [Close(), Reset()])
async def test_half_a_stream_is_an_error_of_the_connection(step: Close | Reset) -> None:
    async with ProviderServer(breaks_off("half a", step)) as server, httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.post(f"{server.base_url}/chat/completions", json=QUESTION)
        assert (await server.closed).how == "script"


async def test_a_cut_stream_without_chunks_looks_whole() -> None:
    script = breaks_off("half a", Close(), framing="close")
    async with ProviderServer(script) as server, httpx.AsyncClient() as client:
        answer = await client.post(f"{server.base_url}/chat/completions", json=QUESTION)
    assert text_of(answer.text) == "half a"
    assert "[DONE]" not in answer.text


@pytest.mark.parametrize("script", [never_answers(), breaks_off("half", Silence())])
async def test_a_silent_server_sees_who_has_had_enough(script: Answer) -> None:
    async with ProviderServer(script) as server, httpx.AsyncClient(timeout=0.05) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(f"{server.base_url}/chat/completions", json=QUESTION)
        assert (await server.closed).how == "client"


async def test_errors_carry_their_headers_and_the_object_of_the_dialect() -> None:
    answers = [fails(429, "rate_limit_exceeded", retry_after="20"), says("Well again.")]
    async with ProviderServer(answers) as server, httpx.AsyncClient() as client:
        refused = await client.post(f"{server.base_url}/chat/completions", json=QUESTION)
        answered = await client.post(f"{server.base_url}/chat/completions", json=QUESTION)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "20")
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert text_of(answered.text) == "Well again."


async def test_a_retired_model_is_refused_and_the_list_tells_what_there_is() -> None:
    async with ProviderServer(says("Hi."), models=("other",), key="k") as server, httpx.AsyncClient() as client:
        stranger = await client.post(f"{server.base_url}/chat/completions", json=QUESTION)
        client.headers["Authorization"] = "Bearer k"
        refused = await client.post(f"{server.base_url}/chat/completions", json=QUESTION)
        listed = await client.get(f"{server.base_url}/models")
    assert (stranger.status_code, refused.status_code) == (401, 404)
    assert [model["id"] for model in listed.json()["data"]] == ["other"]


async def test_anthropic_messages_have_their_own_events() -> None:
    async with ProviderServer(says("Hello there."), dialect="anthropic") as server, httpx.AsyncClient() as client:
        answer = await client.post(f"{server.base_url}/messages", json=QUESTION)
    events = [line[7:] for line in answer.text.splitlines() if line.startswith("event: ")]
    assert events == [
        "message_start", "ping", "content_block_start", "content_block_delta", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip


async def test_it_goes_on_behind_what_was_said() -> None:
    said = [*QUESTION["messages"], {"role": "assistant", "content": "Hello there."}]
    async with ProviderServer(goes_on("Hello there. How are you?")) as server, httpx.AsyncClient() as client:
        answer = await client.post(f"{server.base_url}/chat/completions", json={**QUESTION, "messages": said})
    assert text_of(answer.text) == " How are you?"


def test_a_dead_server_refuses_and_comes_back_on_the_same_port() -> None:
    with ServerThread() as servers, httpx.Client() as client:
        server = servers.open([hangs_up(with_reset=True), says("Back.")])
        url = f"{server.base_url}/chat/completions"
        with pytest.raises(httpx.ReadError):
            client.post(url, json=QUESTION)
        servers.die(server)
        with pytest.raises(httpx.ConnectError):
            client.post(url, json=QUESTION)
        servers.revive(server)
        assert text_of(client.post(url, json=QUESTION).text) == "Back."
        assert server.requests[-1].ending().how == "whole"


def test_dying_resets_whoever_is_connected() -> None:
    gate = Gate()
    with ServerThread() as servers, httpx.Client() as client:
        server = servers.open(Answer(steps=(*words("one two"), gate)))
        with client.stream("POST", f"{server.base_url}/chat/completions", json=QUESTION) as answer:
            gate.reached.result(10)
            servers.die(server)
            with pytest.raises(httpx.ReadError):
                answer.read()
        assert server.requests[0].ending().how == "shutdown"
        assert server.open_connections == 0
