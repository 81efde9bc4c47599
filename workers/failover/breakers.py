"""One circuit breaker an engine: counts failures in a row, wherever its counts are kept.

How long an open breaker rests is kept beside it by the ledger, where one trip reads it for all engines. So pybreaker's
own clock, which can't be set and differs from machine to machine, decides nothing here.
"""

from collections.abc import Callable
from typing import Final

import pybreaker

from workers.errors import EngineError
from workers.failover.resting import FAILURES_BEFORE_REST

type StorageOf = Callable[[str], pybreaker.CircuitBreakerStorage]
"""Where the counts of a key are kept."""


class Breakers:
    """Thread-safe; with counts in Redis each call takes several trips, so that it belongs on no voice path."""

    def __init__(self, storage_of: StorageOf, failures: int = FAILURES_BEFORE_REST) -> None:
        self._storage_of = storage_of
        self._failures: Final = failures
        self._breakers: dict[str, pybreaker.CircuitBreaker] = {}

    def failed(self, key: str, error: EngineError) -> bool:
        """Whether it is to rest now. Not to be told of an engine that rests, except of one that was tried on trial."""
        breaker = self._on_trial(key)
        try:
            breaker.call(_fail, error)
        except pybreaker.CircuitBreakerError:
            return True
        except EngineError:
            return False
        return False

    def succeeded(self, key: str) -> None:
        """Closes it, also one that rested: it works, whoever tried."""
        self._on_trial(key).call(_succeed)

    def _on_trial(self, key: str) -> pybreaker.CircuitBreaker:
        breaker = self._breakers.get(key)
        if breaker is None:
            made = pybreaker.CircuitBreaker(
                fail_max=self._failures, state_storage=self._storage_of(key), name=key, success_threshold=1
            )
            breaker = self._breakers.setdefault(key, made)
        if breaker.current_state == pybreaker.STATE_OPEN:
            breaker.half_open()
        return breaker


def _fail(error: EngineError) -> None:
    raise error


def _succeed() -> None:
    pass
