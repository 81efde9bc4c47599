"""What happens to the sockets beneath an answer: whoever stops listening hangs up at once, whoever listens to the end
keeps the connection for the next question."""

import asyncio

import httpx2 as httpx
import pytest
from pydantic import SecretStr

from config.providers import Access, ChatProvider
from tests.fakes.providers import (
    Answer,
    Finish,
    Gate,
    ProviderServer,
    Silence,
    breaks_off,
    never_answers,
    says,
    words,
)
from tests.fakes.providers.wire import Dialect
from tests.fakes.recorded_exchanges import conversation, row
from workers.cloud.dialect import Call
from workers.cloud.dialects import dialect_of
from workers.errors import EngineUnavailable

DIALECTS: tuple[Dialect, ...] = ("openai", "anthropic")


def call_to(server: ProviderServer) -> Call:
    given = row(dialect=server.dialect, base_url=server.base_url)
    access = Access[ChatProvider](row=given, base_url=server.base_url, key=SecretStr("secret-key"))
    return Call(access, "pebble-8b", conversation())


async def listen(client: httpx.AsyncClient, server: ProviderServer) -> str:
    parts = [part async for part in dialect_of(server.dialect).stream(client, call_to(server))]
    return "".join(part for part in parts if isinstance(part, str))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_closing_the_answer_closes_its_socket(dialect: Dialect) -> None:
    gate = Gate()
    script = Answer(steps=(*words("one two three"), gate, *words("four"), Finish()))
    async with ProviderServer(script, dialect=dialect) as server, httpx.AsyncClient() as client:
        parts = dialect_of(dialect).stream(client, call_to(server))
        assert await anext(parts) == "one"
        await parts.aclose()
        assert (await server.closed).how == "client"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("script", [never_answers(), breaks_off("one two", Silence())])
async def test_cancelling_whoever_listens_closes_the_socket_wherever_it_waits(dialect: Dialect, script: Answer) -> None:
    async with ProviderServer(script, dialect=dialect) as server, httpx.AsyncClient() as client:
        listening = asyncio.create_task(listen(client, server))
        exchange = await asyncio.wrap_future(server.asked())
        await asyncio.sleep(0)
        listening.cancel()
        assert (await asyncio.wrap_future(exchange.ended)).how == "client"
        with pytest.raises(asyncio.CancelledError):
            await listening
        server.choose = lambda _asked: says("Still there.")
        assert await listen(client, server) == "Still there."


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_hundreds_of_answers_cancelled_at_any_moment_leave_nothing_open(dialect: Dialect) -> None:
    limits = httpx.Limits(max_connections=8)
    async with (
        ProviderServer(breaks_off("one two", Silence()), dialect=dialect) as server,
        httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(30, pool=30)) as client,
    ):
        for turns_of_the_loop in range(32):
            listening = [asyncio.create_task(listen(client, server)) for _ in range(8)]
            for _ in range(turns_of_the_loop):
                await asyncio.sleep(0)
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
        server.choose = lambda _asked: says("Still there.")
        assert await listen(client, server) == "Still there."
        await asyncio.gather(*(asyncio.wrap_future(exchange.ended) for exchange in server.requests))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_answer_heard_to_its_end_leaves_the_connection_for_the_next(dialect: Dialect) -> None:
    async with ProviderServer(says("Hello."), dialect=dialect) as server, httpx.AsyncClient() as client:
        for _ in range(3):
            assert await listen(client, server) == "Hello."
        assert len({exchange.connection for exchange in server.requests}) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("is_marked", [True, False])
async def test_a_connection_that_stays_open_behind_the_end_holds_nobody_up(dialect: Dialect, is_marked: bool) -> None:
    script = Answer(steps=(*words("Hello."), Finish(is_marked=is_marked), Silence()))
    async with ProviderServer(script, dialect=dialect) as server, httpx.AsyncClient() as client:
        assert await listen(client, server) == "Hello."
        assert (await server.closed).how == "client"


async def test_a_refused_port_is_told_at_once() -> None:
    async with ProviderServer(says("Hello.")) as server, httpx.AsyncClient() as client:
        await server.die()
        with pytest.raises(EngineUnavailable, match="ConnectError"):
            await listen(client, server)
