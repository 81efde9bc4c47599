"""Tries engines that rest out of the way of people, so that no turn has to find out whether one is well again.

Knows neither HTTP nor Redis: how an engine is tried is passed in, and which worker tries it the ledger decides.
"""

import random
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from loguru import logger

from workers.errors import EngineError, EngineUnavailable
from workers.failover.ledger import Record

LOOK_EVERY_SECONDS: Final = 2.0
LEASE_SECONDS: Final = 10.0
"""A probe has to end within this time, or another worker may try the same engine beside it."""
MOST_AT_ONCE: Final = 4
"""A network that is down makes all of them due, and each waits for its timeout."""

type Probe = Callable[[str], None]
"""Tries an engine by its name, cheaply, in less than LEASE_SECONDS. Raises EngineError when it isn't well."""


class Probeable(Protocol):
    """The part of a ledger that probing needs."""

    def records(self, names: Sequence[str]) -> Mapping[str, Record]: ...

    def lease(self, name: str, seconds: float) -> bool: ...

    def probed(self, name: str, error: EngineError | None) -> None: ...


def due(records: Mapping[str, Record]) -> list[str]:
    """Who is to be tried now; who rests longest for it last, as it has failed most often."""
    waiting = [name for name, record in records.items() if record.probe_in_seconds == 0]
    return sorted(waiting, key=lambda name: records[name].rests_for_seconds)


class Prober:
    """A daemon thread in every worker; each engine is tried by one of them at a time."""

    def __init__(
        self,
        ledger: Probeable,
        probe: Probe,
        names: Sequence[str],
        *,
        every_seconds: float = LOOK_EVERY_SECONDS,
        chance: random.Random | None = None,
    ) -> None:
        """``names`` of those that ``probe`` can try."""
        self._ledger = ledger
        self._probe = probe
        self._names = tuple(names)
        self._every_seconds = every_seconds
        self._chance = chance or random.Random()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look_for_ever, name="prober", daemon=True)

    def start(self) -> None:
        """The first look is at once: a program on this machine may be running already."""
        if self._names:
            self._thread.start()

    def stop(self, seconds: float = 1.0) -> None:
        """A probe that runs is not waited for any longer than that."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def look(self) -> tuple[str, ...]:
        """Try those that are due and that nobody else tries; returns who was tried."""
        names = [name for name in due(self._ledger.records(self._names)) if self._ledger.lease(name, LEASE_SECONDS)]
        for first in range(0, len(names), MOST_AT_ONCE):
            trying = [
                threading.Thread(target=self._try, args=(name,), name=f"probe-{name}", daemon=True)
                for name in names[first : first + MOST_AT_ONCE]
            ]
            for thread in trying:
                thread.start()
            for thread in trying:
                thread.join(LEASE_SECONDS)
        return tuple(names)

    def _try(self, name: str) -> None:
        try:
            self._probe(name)
        except EngineError as error:
            self._ledger.probed(name, error)
        except Exception as error:  # noqa: BLE001
            # A bug of ours; its message is left out, it may quote a key.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.bind(model=name, success=False, traceback=where).critical("A bug: {}", type(error).__name__)
            self._ledger.probed(name, EngineUnavailable(name, f"a bug: {type(error).__name__}"))
        else:
            self._ledger.probed(name, None)

    def _look_for_ever(self) -> None:
        while not self._ends.is_set():
            self.look()
            # Workers that started together do not look together for ever.
            self._ends.wait(self._every_seconds * self._chance.uniform(0.75, 1.25))
