"""The thread in which this process talks with providers: one event loop, one HTTP client, for all of them.

Why a loop in a room of threads: an asyncio task can be cancelled wherever it waits, and its socket closes at once; a
thread that waits for a silent socket can't be stopped from outside.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cached_property
from typing import Any, Final

import httpx2 as httpx

CONNECT_SECONDS: Final = 2.0
SILENCE_SECONDS: Final = 30.0
"""Between two reads. Races give up on a silent engine far earlier."""
MOST_CONNECTIONS: Final = 100
KEPT_CONNECTIONS: Final = 20
KEPT_SECONDS: Final = 60.0
"""A connection that is open already saves the TLS handshake, two to three round trips of the first token."""


class CloudLoop:
    """Starts with its first use, and ends with the process or by ``close``. Any thread may ask it."""

    def __init__(self, client: httpx.AsyncClient | None = None) -> None:
        """``client`` is for tests that bring their own transport."""
        self._given = client
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @cached_property
    def client(self) -> httpx.AsyncClient:
        """Only for use on the loop."""
        if self._given is not None:
            return self._given
        return httpx.AsyncClient(
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            limits=httpx.Limits(
                max_connections=MOST_CONNECTIONS,
                max_keepalive_connections=KEPT_CONNECTIONS,
                keepalive_expiry=KEPT_SECONDS,
            ),
            follow_redirects=False,  # a key is sent to its address and nowhere else
        )

    def warm_up(self) -> None:
        """Make the client now, which takes 0.1 s, and not while the first person waits. Returns at once."""

        async def touch() -> None:
            _ = self.client

        self.submit(touch())

    def submit[Result](self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Run ``work`` on the loop. Cancelling the future cancels the work, whatever it waits for."""
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def close(self) -> None:
        """End the thread and close all connections."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is None:
            return
        asyncio.run_coroutine_threadsafe(self._wind_up(), loop).result(timeout=5)
        loop.call_soon_threadsafe(loop.stop)
        if self._thread is not None:
            self._thread.join(timeout=5)
        loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="clouds", daemon=True)
                self._thread.start()
            return self._loop

    async def _wind_up(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.client.aclose()
        await asyncio.get_running_loop().shutdown_asyncgens()
