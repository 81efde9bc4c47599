"""A provider in a race: one request over HTTP, tried again when that may help, its cost counted however it ends.

This is the only place where calls are tried again: two retriers would multiply.
"""

import asyncio
import random
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import tenacity
from loguru import logger

from config.providers import Access, Service
from workers.cloud.dialect import Allowance
from workers.cloud.loop import CloudLoop
from workers.errors import (
    EngineBusy,
    EngineError,
    EngineMisconfigured,
    EngineTimeout,
    EngineUnavailable,
    ModelRetired,
    NoWords,
)
from workers.failover.contender import Ended, Event, Failed, Made, Post, Stop, Stumbled
from workers.failover.ledger import Ledger, Spent

LONGEST_SILENCE_SECONDS: Final = 1.2
"""In the middle of an answer: clouds stream many times a second. Two that fall silent one behind the other, and the
time of a third to its first words, must together stay below the three seconds in which people are to hear more."""
LONGEST_SILENCE_HERE_SECONDS: Final = 5.0
"""Of a program on this machine, whose cores others use, too."""
FIRST_ITEM_FACTOR: Final = 3.0
"""Times the expected time to the first item, then it has failed; others run by then."""
FIRST_ITEM_AT_LEAST_SECONDS: Final = 4.0
HANGS_AFTER_FACTOR: Final = 2.0
"""Times the expected time: who lost a race without a word by then counts as failed."""
PROBE_SECONDS: Final = 8.0
RETRY_FIRST_SECONDS: Final = 0.2
RETRY_LONGEST_SECONDS: Final = 2.0
"""A provider that wants to be left alone for longer is not waited for: it rests."""


class Asking[Request, Item](Protocol):
    """How a provider is asked; one for each stage. Belongs to the cloud's event loop, but for ``spent``."""

    @property
    def access(self) -> Access[Any]: ...

    def ask(self, request: Request, model: str) -> AsyncGenerator[Item | Allowance | Spent]:
        """What it makes, and facts about that. Raises EngineError."""
        ...

    async def replacement(self, model: str) -> str | None:
        """What could serve in place of a model that was retired."""
        ...

    async def probe(self) -> None:
        """Ask for as little as tells whether it is well. Raises EngineError."""
        ...

    def spent(self, request: Request, items: list[Item]) -> Spent:
        """What it has probably cost so far, where the provider doesn't say."""
        ...


@dataclass(frozen=True, slots=True)
class Terms[Request, Item]:
    """How a provider is asked here."""

    asking: Asking[Request, Item]
    ledger: Ledger
    loop: CloudLoop
    is_usable: Callable[[Item], bool]
    retries: int
    chance: random.Random = field(default_factory=random.Random)

    @property
    def service(self) -> Service:
        row: Service = self.asking.access.row
        return row


class CloudContender[Request, Item]:
    """Contender around a provider."""

    starts_when_others_are_slow = True

    def __init__(self, terms: Terms[Request, Item]) -> None:
        self._terms = terms
        self.access: Final = terms.asking.access
        self.service: Final = terms.service
        self.name: Final = self.service.name
        self.is_cloud: Final = not self.service.is_local

    @property
    def longest_silence_seconds(self) -> float:
        return LONGEST_SILENCE_SECONDS if self.is_cloud else LONGEST_SILENCE_HERE_SECONDS

    @property
    def head_start_seconds(self) -> float:
        return self.service.expected_seconds

    def probe(self) -> None:
        """Try whether it is well, in PROBE_SECONDS at most. Raises EngineError. Blocks its thread."""
        future = self._terms.loop.submit(self._terms.asking.probe())
        try:
            future.result(timeout=PROBE_SECONDS)
        except TimeoutError as error:
            future.cancel()
            raise EngineTimeout(self.name, f"no answer to a probe in {PROBE_SECONDS:g} s") from error

    def start(self, request: Request, post: Post[Item]) -> "CloudAttempt[Request, Item]":
        return CloudAttempt(self._terms, request, post)


class CloudAttempt[Request, Item]:
    """One provider at work on one request."""

    def __init__(self, terms: Terms[Request, Item], request: Request, post: Post[Item]) -> None:
        self._terms = terms
        self._ledger = terms.ledger
        self._service = terms.service
        self._name = self._service.name
        self._request = request
        self._post = post
        self._lock = threading.Lock()
        self._is_over = False
        self._is_admitted = False
        """The ledger has set something aside for a request, and waits to hear what it cost."""
        self._items: list[Item] = []
        self._spent: Spent | None = None
        self._has_begun = False
        self._asked_at = 0.0
        self._future: Future[None] = terms.loop.submit(self._work())

    def stop(self, why: Stop) -> None:
        """The socket closes as soon as the loop gets to it."""
        if not self._claim_end():
            return
        self._future.cancel()
        if isinstance(why, EngineError):
            self._ledger.failed(self._name, why)
        elif why == "lost" and self._is_far_too_late():
            self._ledger.failed(self._name, EngineTimeout(self._name, "not a word long after it was expected"))
        self._settle(self._ledger.succeeded if why == "enough" else self._ledger.wasted)

    def _is_far_too_late(self) -> bool:
        """A slow day is forgiven; one that hangs must not cost every turn its head start."""
        if self._has_begun or not self._asked_at:
            return False
        return time.monotonic() - self._asked_at > HANGS_AFTER_FACTOR * self._service.expected_seconds

    def _settle(self, count: Callable[[str, Spent], None], *, was_refused: bool = False) -> None:
        """Tell what an admitted request has cost. A refusal, or one that nobody could connect for, cost nothing."""
        with self._lock:
            is_owed, self._is_admitted = self._is_admitted, False
        if is_owed:
            estimate = (
                Spent() if was_refused and not self._items else self._terms.asking.spent(self._request, self._items)
            )
            count(self._name, self._spent or estimate)

    async def _work(self) -> None:
        try:
            async for attempt in tenacity.AsyncRetrying(
                stop=tenacity.stop_after_attempt(1 + self._terms.retries),
                wait=self._pause_seconds,
                retry=tenacity.retry_if_exception(self._may_try_again),
                before_sleep=self._tell_stumble,
                reraise=True,
            ):
                with attempt:
                    await self._try_once()
        except EngineError as error:
            if self._claim_end():
                self._post(self, Failed(error))
        except Exception as error:  # noqa: BLE001
            # A bug of ours must not cost the answer. Its message is left out: it may quote what was said.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.bind(model=self._name, success=False, traceback=where).critical("A bug: {}", type(error).__name__)
            if self._claim_end():
                self._post(self, Failed(EngineUnavailable(self._name, f"a bug: {type(error).__name__}")))
        else:
            if self._claim_end():
                self._settle(self._ledger.succeeded)
                self._post(self, Ended())

    def _claim_end(self) -> bool:
        """True for the first who asks: an attempt ends once, by itself or because it is stopped."""
        with self._lock:
            is_first, self._is_over = not self._is_over, True
        return is_first

    def _admitted_model(self) -> str:
        """Which model is to be asked now. Raises _NotAdmitted. Asks the ledger's store, so it runs in a thread."""
        refused = self._ledger.admit(self._service)
        if refused:
            raise _NotAdmitted(self._name, refused)
        with self._lock:
            self._is_admitted = True
            is_over = self._is_over
        if is_over:  # stopped while the store was asked: nobody will send anything
            self._settle(self._ledger.wasted, was_refused=True)
        row_model: str = getattr(self._service, "model", "")
        return self._ledger.records([self._name])[self._name].model or row_model

    async def _try_once(self) -> None:
        """Raises EngineError, after telling the ledger of it."""
        model = await asyncio.to_thread(self._admitted_model)
        self._items, self._spent = [], None
        try:
            try:
                await self._listen(model)
            except ModelRetired as error:
                await self._listen(await self._heal(model, error))
            if not self._has_begun:
                raise NoWords(self._name)
        except EngineError as error:
            if not self._is_over:
                self._ledger.failed(self._name, error)
                self._settle(self._ledger.wasted, was_refused=not isinstance(error, EngineTimeout | NoWords))
            raise

    async def _listen(self, model: str) -> None:
        self._asked_at = time.monotonic()
        limit = max(FIRST_ITEM_AT_LEAST_SECONDS, FIRST_ITEM_FACTOR * self._service.expected_seconds)
        try:
            async with (
                asyncio.timeout(limit) as patience,
                aclosing(self._terms.asking.ask(self._request, model)) as parts,
            ):
                async for part in parts:
                    match part:
                        case Spent():
                            self._spent = part
                        case Allowance():
                            self._note_allowance(part)
                        case _:
                            self._take(part, patience)
        except TimeoutError as error:
            raise EngineTimeout(self._name, f"nothing came for {limit:g} s") from error

    def _take(self, item: Item, patience: asyncio.Timeout) -> None:
        self._items.append(item)
        self._tell(Made(item))
        if not self._has_begun and self._terms.is_usable(item):
            self._has_begun = True
            patience.reschedule(None)
            self._ledger.began(self._name, time.monotonic() - self._asked_at)

    def _note_allowance(self, told: Allowance) -> None:
        if told.requests_left is not None and told.requests_limit and told.resets_in_seconds is not None:
            self._ledger.allowed(self._name, told.requests_left, told.requests_limit, told.resets_in_seconds)

    async def _heal(self, model: str, error: ModelRetired) -> str:
        """Raises EngineError."""
        replacement = await self._terms.asking.replacement(model)
        if replacement is None or replacement == model:
            raise EngineMisconfigured(self._name, f"{error}; it has no other that would do") from error
        logger.bind(model=self._name).warning("{} no longer has {}; asking {} instead", self._name, model, replacement)
        self._ledger.healed(self._name, replacement)
        return replacement

    def _may_try_again(self, error: BaseException) -> bool:
        if self._has_begun or self._is_over:
            return False
        if isinstance(error, EngineBusy):
            return error.retry_after_seconds is not None and error.retry_after_seconds <= RETRY_LONGEST_SECONDS
        return isinstance(error, EngineUnavailable | EngineTimeout)

    def _pause_seconds(self, state: tenacity.RetryCallState) -> float:
        """What the provider asked for, else twice as long each time; never less than asked, never all at once."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, EngineBusy) else None
        if asked is not None:
            return asked + self._terms.chance.uniform(0, RETRY_FIRST_SECONDS)
        longest = min(RETRY_LONGEST_SECONDS, RETRY_FIRST_SECONDS * 2.0 ** (state.attempt_number - 1))
        return longest * self._terms.chance.uniform(0.5, 1.0)

    def _tell_stumble(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, EngineError):
            self._tell(Stumbled(error))

    def _tell(self, event: Event[Item]) -> None:
        if not self._is_over:
            self._post(self, event)


class _NotAdmitted(EngineError):
    """A limit or the day's budget is used up: nobody was asked, nothing failed."""

    code = "limit-reached"
