"""What happened, in order, and a way to wait for what should happen next without polling."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

PATIENCE_SECONDS: Final = 15.0
"""Most that a test waits for one thing. Never what passes or fails a test that works."""


class Journal:
    """Every event of the simulator. Belongs to its event loop."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.times: list[float] = []
        """``time.monotonic()`` of each event."""
        self.failures: list[Exception] = []
        """Errors of the simulator itself: a test must not pass with one."""
        self._waiting: set[asyncio.Future[None]] = set()

    def record(self, event: object) -> None:
        self.events.append(event)
        self.times.append(time.monotonic())
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    def mark(self) -> int:
        """Where the journal stands now; hand it to ``first`` or ``all`` to look only at what comes after."""
        return len(self.events)

    def all[Event](
        self, kind: type[Event], where: Callable[[Event], bool] = lambda _event: True, *, since: int = 0
    ) -> list[Event]:
        return [event for event in self.events[since:] if isinstance(event, kind) and where(event)]

    async def first[Event](
        self,
        kind: type[Event],
        where: Callable[[Event], bool] = lambda _event: True,
        *,
        since: int = 0,
        seconds: float = PATIENCE_SECONDS,
    ) -> Event:
        """The first such event after ``since``, now or when it comes. Raises AssertionError, listing what did
        happen, when it doesn't."""
        looked_at = since
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for event in self.events[looked_at:]:
                        looked_at += 1
                        if isinstance(event, kind) and where(event):
                            return event
                    await self._something_new()
        except TimeoutError:
            happened = "\n  ".join(str(event)[:200] for event in self.events[since:][-40:]) or "nothing"
            raise AssertionError(f"no {kind.__name__} in {seconds} s; instead:\n  {happened}") from None

    @web.middleware
    async def keep_failures(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """A middleware that keeps what goes wrong in a request or a web socket."""
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPException:
            raise
        except Exception as error:
            self.failures.append(error)
            raise
        return response

    async def watch(self, doing: Awaitable[None]) -> None:
        """Await something that nobody else waits for, and keep its failure."""
        try:
            await doing
        except Exception as error:
            self.failures.append(error)
            raise

    async def _something_new(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)
