"""What is known of each engine, by all workers together: how it did, whether it rests, what is left of its limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.providers import Service
from workers.errors import EngineError


@dataclass(frozen=True, slots=True)
class Record:
    """One engine as it did lately."""

    first_seconds: float | None = None
    """To its first text or sound, a moving average; None: never measured."""
    success_rate: float = 1.0
    """0 to 1, recent attempts count more."""
    quota_left: float = 1.0
    """0 to 1: what is left of the tightest of its limits."""
    rests_for_seconds: float = 0.0
    """It failed, or asked us to slow down: not to be asked for so long."""
    why: str = ""
    """What it rests for, in words."""
    was_told_to_wait: bool = False
    """It named the time itself (``Retry-After``): not to be asked before, even if nobody else is left."""
    is_out: bool = False
    """Its key or name is wrong: out until a person mends it."""
    model: str = ""
    """What serves in place of a model that was retired; empty: the row's own."""
    probe_in_seconds: float | None = None
    """When it may be tried out of the way of people (see ``workers/failover/probing.py``); None: it needs no probe."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What an attempt cost. Tokens are the provider's count, or estimated from the text."""

    prompt_tokens: int = 0
    answer_tokens: int = 0
    usd: float = 0.0


class Ledger(Protocol):
    """Thread-safe. Never raises: with its store down, everybody is well and nothing is counted."""

    def records(self, names: Sequence[str]) -> Mapping[str, Record]:
        """What is known of each, in one trip."""
        ...

    def admit(self, service: Service) -> str:
        """Take one request off the service's limits and the day's budget. Empty: go on; else why not.

        Each admitted request ends in one of ``succeeded`` and ``wasted``, which gives back what was set aside of the
        budget and was not spent; what never ends counts as spent."""
        ...

    def began(self, name: str, first_seconds: float) -> None:
        """The first text or sound came after ``first_seconds``."""
        ...

    def succeeded(self, name: str, spent: Spent) -> None: ...

    def failed(self, name: str, error: EngineError) -> None:
        """EngineBusy rests it until its ``retry_after_seconds``, EngineMisconfigured takes it out, BadInput says
        nothing about it, others count towards its circuit breaker."""
        ...

    def wasted(self, name: str, spent: Spent) -> None:
        """It was cancelled: it lost a race, or nobody waits any more. Says nothing about its health."""
        ...

    def allowed(self, name: str, requests_left: int, requests_limit: int, resets_in_seconds: float) -> None:
        """What the provider itself told about its limits."""
        ...

    def healed(self, name: str, model: str) -> None:
        """Its model was retired; ``model`` serves from now on."""
        ...
