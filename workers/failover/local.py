"""An engine of this process in a race: it works in a thread of its own, so that one that hangs holds up nobody."""

import contextvars
import threading
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Final

from loguru import logger

from workers.errors import BadInput, EngineError, EngineTimeout, EngineUnavailable
from workers.failover.contender import Ended, Event, Failed, Made, Post, Stop
from workers.failover.ledger import Ledger, Spent

LONGEST_SILENCE_SECONDS: Final = 5.0
"""In the middle of an answer. A healthy model on crowded cores has been seen to take one for a token."""
SILENT_SECONDS: Final = 1.0
"""Who has not even said for so long that it is alive, and is overtaken, is taken to hang."""
HEAD_START_FACTOR: Final = 3.0
SHORTEST_HEAD_START_SECONDS: Final = 0.8

type Work[Request, Item] = Callable[[Request], Generator[Item]]


class LocalContender[Request, Item]:
    """Contender around ``work``, which may block and raises EngineError."""

    is_cloud = False
    starts_when_others_are_slow = False
    longest_silence_seconds = LONGEST_SILENCE_SECONDS

    def __init__(
        self,
        name: str,
        work: Work[Request, Item],
        ledger: Ledger,
        *,
        is_usable: Callable[[Item], bool],
        patience: float,
    ) -> None:
        """``patience``: seconds to its first usable item at most, before anything was measured."""
        self.name: Final = name
        self._work = work
        self._ledger = ledger
        self._is_usable = is_usable
        self._patience = patience

    @property
    def head_start_seconds(self) -> float:
        """A few times what it takes on this machine, which may be a slow one, yet not more than its patience."""
        measured = self._ledger.records([self.name])[self.name].first_seconds
        if measured is None:
            return self._patience
        return min(self._patience, max(SHORTEST_HEAD_START_SECONDS, HEAD_START_FACTOR * measured))

    def start(self, request: Request, post: Post[Item]) -> "LocalAttempt[Request, Item]":
        return LocalAttempt(self.name, self._work, self._is_usable, self._ledger, request, post)


class LocalAttempt[Request, Item]:
    """One piece of work in one thread, which looks between items whether it is still wanted."""

    def __init__(
        self,
        name: str,
        work: Work[Request, Item],
        is_usable: Callable[[Item], bool],
        ledger: Ledger,
        request: Request,
        post: Post[Item],
    ) -> None:
        self._name = name
        self._work = work
        self._is_usable = is_usable
        self._ledger = ledger
        self._request = request
        self._post = post
        self._is_stopped = False
        self._has_begun = False
        self._started_at = self._alive_at = time.monotonic()
        # The turn's id is in the context, for the log.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._make,), name=name, daemon=True).start()

    def stop(self, why: Stop) -> None:
        if self._is_stopped:
            return
        self._is_stopped = True
        if isinstance(why, EngineError):
            self._ledger.failed(self._name, why)
        elif why == "lost" and time.monotonic() - self._alive_at > SILENT_SECONDS:
            self._ledger.failed(self._name, EngineTimeout(self._name, "gave no sign of life"))

    def _make(self) -> None:
        try:
            with closing(self._work(self._request)) as items:
                for item in items:
                    if self._is_stopped:
                        return
                    self._tell(item)
            self._finish(Ended())
        except BadInput as error:  # says nothing about the engine
            self._post(self, Failed(error))
        except EngineError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001
            # A bug of ours must not cost the answer. Its message is left out: it may quote what was said.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.bind(model=self._name, success=False, traceback=where).critical("A bug: {}", type(error).__name__)
            self._fail(EngineUnavailable(self._name, f"a bug: {type(error).__name__}"))

    def _tell(self, item: Item) -> None:
        self._alive_at = time.monotonic()
        self._post(self, Made(item))
        if not self._has_begun and self._is_usable(item):
            self._has_begun = True
            self._ledger.began(self._name, self._alive_at - self._started_at)

    def _finish(self, event: Event[Item]) -> None:
        self._post(self, event)
        if not self._is_stopped:
            self._is_stopped = True
            self._ledger.succeeded(self._name, Spent())

    def _fail(self, error: EngineError) -> None:
        self._post(self, Failed(error))
        self.stop(error)
