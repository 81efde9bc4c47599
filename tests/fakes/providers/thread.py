"""Scripted providers in a thread of their own, for tests that are not asynchronous."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from tests.fakes.providers.script import Script
from tests.fakes.providers.server import ProviderServer


class ServerThread:
    """``with ServerThread() as servers: groq = servers.open(says("Hello!"))``. All end with it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="providers", daemon=True)
        self._servers: list[ProviderServer] = []

    def open(self, script: Script, **options: Any) -> ProviderServer:
        """A server that listens. ``options`` as ProviderServer takes them."""
        server = ProviderServer(script, **options)
        self._servers.append(server)
        self.do(server.revive())
        return server

    def die(self, server: ProviderServer) -> None:
        self.do(server.die())

    def revive(self, server: ProviderServer) -> None:
        self.do(server.revive())

    def do[Result](self, coroutine: Coroutine[Any, Any, Result], timeout_seconds: float = 30) -> Result:
        """Run it in the servers' loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for server in self._servers:
            self.do(server.__aexit__(None, None, None))
        self.do(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
