"""A provider on loopback that does exactly what its script says: real HTTP over asyncio's streams, since libraries are
too polite to hang up in the middle of a chunk.

A server belongs to the event loop in which it was opened; what it recorded may be read and waited for in any thread.
"""

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Final, Self

from tests.fakes.providers.record import Ending, Exchange
from tests.fakes.providers.script import (
    Answer,
    Asked,
    Close,
    Fault,
    Finish,
    Gate,
    Pause,
    Raw,
    Reset,
    Say,
    Script,
    Silence,
    Step,
    Think,
    chooser,
)
from tests.fakes.providers.wire import AnthropicWire, Dialect, OpenAiWire, Wire, error_object, model_list

NOW_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER for zero seconds: closing sends a reset."""


class _HungUpByScript(Exception):
    pass


class ProviderServer:
    """``async with ProviderServer(says("Hello!")) as server: ... server.base_url``.

    ``models``: what ``GET /models`` lists, and all that may be asked for; None: any model, and an empty list.
    ``key``: what a request must carry; None: no request is refused.
    ``unit_seconds``: how long one unit of the script's pauses takes."""

    def __init__(
        self,
        script: Script,
        *,
        dialect: Dialect = "openai",
        models: Sequence[str] | None = None,
        models_answer: Answer | None = None,
        key: str | None = None,
        unit_seconds: float = 0.02,
    ) -> None:
        self.choose = chooser(script)
        self.dialect: Dialect = dialect
        self.models = None if models is None else tuple(models)
        self.models_answer = models_answer
        self.key = key
        self.unit_seconds = unit_seconds
        self.requests: list[Exchange] = []
        """For answers, oldest first."""
        self.other_requests: list[Exchange] = []
        """For ``/models`` and whatever else."""
        self._lock = threading.Lock()
        self._awaited: list[tuple[int, Future[Exchange]]] = []
        # Bound for good, so that nobody else gets the port while this one is down.
        self._socket = _bound_socket()
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._connection_count = 0

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def is_up(self) -> bool:
        return self._server is not None

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    def asked(self, count: int = 1) -> Future[Exchange]:
        """The ``count``-th request for an answer, when it is there."""
        with self._lock:
            awaited: Future[Exchange] = Future()
            if len(self.requests) >= count:
                awaited.set_result(self.requests[count - 1])
            else:
                self._awaited.append((count, awaited))
            return awaited

    @property
    async def closed(self) -> Ending:
        """The end of the first request's connection, by whoever."""
        exchange = await asyncio.wrap_future(self.asked())
        return await asyncio.shield(asyncio.wrap_future(exchange.ended))

    async def __aenter__(self) -> Self:
        await self.revive()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.die()
        self._socket.close()

    async def die(self) -> None:
        """Hang up on everybody with a reset, and refuse whoever comes, until ``revive``."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task, writer in list(self._connections.items()):
            _reset(writer)
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def revive(self) -> None:
        """Listen (again), on the same port."""
        if self._server is None:
            # Closing a listening socket ends it for good: each life has a duplicate port holder of its own.
            listening = _bound_socket(self.port)
            self._server = await asyncio.start_server(self._connected, sock=listening, backlog=256)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        self._connection_count += 1
        number = self._connection_count
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            del self._connections[task]
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        """One request and its answer; whether another may follow on this connection."""
        asked = await _request(reader)
        answer = self._answer(asked)
        exchange = self._note(asked, connection)
        playing = asyncio.create_task(_Performance(self, asked, answer, exchange, writer).play())
        leaving = asyncio.create_task(reader.read(1))
        how = "shutdown"
        try:
            done, _ = await asyncio.wait((playing, leaving), return_when=asyncio.FIRST_COMPLETED)
            how = "client"
            if playing in done:
                playing.result()
                how = "whole"
        except _HungUpByScript:
            how = "script"
        except ConnectionError:
            how = "client"
        finally:
            for task in (playing, leaving):
                task.cancel()
            await asyncio.gather(playing, leaving, return_exceptions=True)
            # Told last: whoever waits for the end finds the connection closed too.
            if how != "whole":
                writer.close()
            exchange.ended.set_result(Ending(how, exchange.pieces, time.monotonic()))  # type: ignore[arg-type]
        return how == "whole" and answer.framing != "close"

    def _answer(self, asked: Asked) -> Answer:
        given = asked.headers.get("x-api-key") or asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key is not None and given != self.key:
            return self._refusal(401, "invalid_api_key", "wrong key")
        if asked.method == "GET":
            listed = json.dumps(model_list(self.dialect, self.models or ())).encode()
            body = Answer(steps=(Raw(listed),), content_type="application/json", framing="length")
            return self.models_answer or body
        if self.models is not None and asked.model not in self.models:
            code = "not_found_error" if self.dialect == "anthropic" else "model_not_found"
            return self._refusal(404, code, f"The model `{asked.model}` does not exist.")
        return self.choose(asked)

    @staticmethod
    def _refusal(status: int, code: str, message: str) -> Answer:
        return Answer(status=status, steps=(Fault(message, code),), framing="length")

    def _note(self, asked: Asked, connection: int) -> Exchange:
        exchange = Exchange(asked, time.monotonic(), connection)
        with self._lock:
            (self.requests if asked.method == "POST" else self.other_requests).append(exchange)
            count = len(self.requests)
            for wanted, awaited in [each for each in self._awaited if each[0] <= count]:
                self._awaited.remove((wanted, awaited))
                awaited.set_result(self.requests[wanted - 1])
        return exchange


class _Performance:
    """Plays one answer to one client."""

    def __init__(
        self, server: ProviderServer, asked: Asked, answer: Answer, exchange: Exchange, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._answer, self._exchange, self._writer = server, answer, exchange, writer
        options = asked.body.get("stream_options") or {}
        self._wire: Wire = (
            AnthropicWire(asked.model, answer.newline)
            if server.dialect == "anthropic"
            else OpenAiWire(asked.model, bool(options.get("include_usage")), answer.newline)
        )

    async def play(self) -> None:
        for step in self._answer.before_head:
            await self._wait(step)
        if self._answer.framing == "length":
            body = b"".join(map(self._body, self._answer.steps))
            self._writer.write(self._head(len(body)) + body)
            await self._writer.drain()
            return
        self._writer.write(self._head(None))
        await self._writer.drain()
        for step in self._answer.steps:
            if not await self._wait(step):
                await self._send(self._body(step))
                self._exchange.pieces += isinstance(step, Say | Think)
        if self._answer.framing == "chunked":
            self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def _wait(self, step: Step) -> bool:
        """Do what is not sending; whether ``step`` was such."""
        match step:
            case Pause(units):
                await asyncio.sleep(units * self._server.unit_seconds)
            case Gate():
                step.arrive()
                await asyncio.shield(asyncio.wrap_future(step.opened))
            case Silence():
                await asyncio.Event().wait()
            case Close():
                await self._writer.drain()
                raise _HungUpByScript
            case Reset():
                await self._writer.drain()
                _reset(self._writer)
                raise _HungUpByScript
            case _:
                return False
        return True

    def _body(self, step: Step) -> bytes:
        match step:
            case Say(text):
                return self._wire.say(text)
            case Think(text):
                return self._wire.think(text)
            case Finish():
                return self._wire.finish(step)
            case Fault() if self._answer.framing == "length":
                return json.dumps(error_object(self._server.dialect, step)).encode()
            case Fault():
                return self._wire.fault(step)
            case Raw(body):
                return body
            case _:
                raise AssertionError(step)

    async def _send(self, body: bytes) -> None:
        size = self._answer.cut_every or max(len(body), 1)
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            if self._answer.framing == "chunked":
                piece = b"%x\r\n%b\r\n" % (len(piece), piece)
            self._writer.write(piece)
            await self._writer.drain()

    def _head(self, length: int | None) -> bytes:
        answer = self._answer
        is_error = answer.status >= 400 and answer.content_type == "text/event-stream"
        framing = {
            "chunked": "Transfer-Encoding: chunked",
            "close": "Connection: close",
            "length": f"Content-Length: {length}",
        }[answer.framing]
        lines = [
            f"HTTP/1.1 {answer.status} {'OK' if answer.status < 400 else 'As scripted'}",
            f"Content-Type: {'application/json' if is_error else answer.content_type}",
            framing,
            *(f"{name}: {value}" for name, value in answer.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    try:
        read = json.loads(body) if body else {}
    except ValueError:
        read = {"": body.decode("utf-8", "replace")}
    return Asked(method, path, headers, read)


def _bound_socket(port: int = 0) -> socket.socket:
    # asyncio sends small writes at once only on sockets that are named TCP.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW_RESET)
    writer.transport.abort()
