"""The ledger of one process: for engines inside it, which are nobody else's business, and for tests."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pybreaker
from loguru import logger

from config.providers import Access, Service
from workers.errors import BadInput, EngineBusy, EngineError, EngineMisconfigured
from workers.failover.averages import RATE_AFTER_PROBE, after_attempt, after_first
from workers.failover.breakers import Breakers
from workers.failover.facts import Facts, facts_of, facts_of_row, without_keys
from workers.failover.ledger import Ledger, Record, Spent
from workers.failover.limits import DAY, MINUTE, LongestCall, Window, margin_of, most_usd
from workers.failover.resting import OUT_SECONDS, PROBE_BEFORE_SECONDS, UNSEEN, Rest, asked_rest

DAY_SECONDS: Final = 86_400


@dataclass(slots=True)
class _Told:
    """By the provider itself."""

    left: int = 0
    limit: int = 0
    until: float = 0.0

    def is_used_up(self, now: float) -> bool:
        return now < self.until and self.left <= margin_of(self.limit)


@dataclass(slots=True)
class _Engine:
    first_seconds: float | None = None
    success_rate: float = 1.0
    busy_until: float = 0.0
    busy_was_told: bool = False
    busies: int = 0
    rests_until: float = 0.0
    probe_at: float | None = None
    rests: int = 0
    why: str = ""
    out_until: float = 0.0
    out_of: str = ""
    out_why: str = ""
    model: str = ""
    model_of: str = ""
    told: _Told = field(default_factory=_Told)
    used: dict[Window, dict[int, int]] = field(default_factory=lambda: {MINUTE: {}, DAY: {}})

    def used_in(self, window: Window, now: float) -> int:
        slices = self.used[window]
        for slice_ in [slice_ for slice_ in slices if slice_ < window.oldest(now)]:
            del slices[slice_]
        return sum(slices.values())


class MemoryLedger:
    """See ``workers.failover.ledger.Ledger``. ``clock`` need only go on: its zero may lie anywhere."""

    def __init__(
        self,
        *,
        daily_spend_usd: float = 1.0,
        longest_call: LongestCall | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self._cap_usd = daily_spend_usd
        self._longest_call = longest_call or LongestCall()
        self._clock = clock
        self._chance = chance or random.Random()
        self._lock = threading.RLock()
        self._breakers = Breakers(lambda _: pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED))
        self._facts: dict[str, Facts] = {}
        self._engines: dict[str, _Engine] = {}
        self._day = 0
        self._spent_usd = 0.0
        self._set_aside: dict[str, list[float]] = {}
        self._leases: dict[str, float] = {}

    def announce(
        self,
        accesses: Sequence[Access[Any]],
        engines: Sequence[str] = (),
        without_key: int = 0,
        own: Ledger | None = None,
    ) -> None:
        """Who is to be looked after: providers that can be asked, and engines inside this process. A program on this
        machine that was never seen rests until a probe has found it."""
        with self._lock:
            for facts in (*map(facts_of, accesses), *map(Facts, engines)):
                self._facts[facts.name] = facts
                if facts.kind == "neighbour" and facts.name not in self._engines:
                    self._rest(facts.name, UNSEEN, "not found on this machine")

    def records(self, names: Sequence[str]) -> Mapping[str, Record]:
        with self._lock:
            return {name: self._record(name) for name in names}

    def admit(self, service: Service) -> str:
        with self._lock:
            facts = self._facts.setdefault(service.name, facts_of_row(service))
            engine, now = self._of(service.name), self._clock()
            if reason := self._limit_reached(facts, engine, now)[0]:
                return reason
            self._turn_the_day(now)
            most = most_usd(service, self._longest_call)
            set_aside = sum(sum(sums) for sums in self._set_aside.values())
            if most and self._spent_usd + set_aside + most > self._cap_usd:
                return "the budget of the day is used up"
            for window in (MINUTE, DAY):
                slice_ = window.slice_at(now)
                engine.used[window][slice_] = engine.used[window].get(slice_, 0) + 1
            engine.told.left -= 1
            if most:
                self._set_aside.setdefault(service.name, []).append(most)
            return ""

    def began(self, name: str, first_seconds: float) -> None:
        with self._lock:
            engine = self._of(name)
            engine.first_seconds = after_first(engine.first_seconds, first_seconds)

    def succeeded(self, name: str, spent: Spent) -> None:
        with self._lock:
            engine = self._of(name)
            engine.success_rate = after_attempt(engine.success_rate, is_success=True)
            engine.busies = 0
            self._close(name)
            self._pay(name, spent)

    def failed(self, name: str, error: EngineError) -> None:
        with self._lock:
            engine, now = self._of(name), self._clock()
            facts = self._facts.get(name, Facts(name))
            why = without_keys(str(error), self._facts.values())
            match error:
                case BadInput():
                    pass
                case EngineBusy():
                    told = error.retry_after_seconds
                    seconds = facts.busy.seconds(engine.busies, self._chance) if told is None else asked_rest(told)
                    engine.busies += told is None
                    if now + seconds > engine.busy_until:
                        engine.busy_until, engine.busy_was_told = now + seconds, told is not None
                    engine.why = why
                case EngineMisconfigured():
                    if engine.out_of != facts.fingerprint or not engine.out_until:
                        logger.bind(model=name, success=False).error("Out until somebody mends it: {}", why)
                    engine.out_until, engine.out_of, engine.out_why = now + OUT_SECONDS, facts.fingerprint, why
                case _:
                    engine.success_rate = after_attempt(engine.success_rate, is_success=False)
                    if now >= engine.rests_until and self._breakers.failed(name, error):
                        self._rest(name, facts.rest, why)

    def wasted(self, name: str, spent: Spent) -> None:
        with self._lock:
            self._pay(name, spent)

    def allowed(self, name: str, requests_left: int, requests_limit: int, resets_in_seconds: float) -> None:
        with self._lock:
            until = self._clock() + asked_rest(resets_in_seconds)
            self._of(name).told = _Told(requests_left, requests_limit, until)

    def healed(self, name: str, model: str) -> None:
        with self._lock:
            engine, own = self._of(name), self._facts.get(name, Facts(name)).model
            logger.bind(model=name).warning("{} no longer has {}: {} serves instead", name, own or "its model", model)
            engine.model, engine.model_of = model, own

    def lease(self, name: str, seconds: float) -> bool:
        """Whether the caller, and nobody else for so long, may probe it."""
        with self._lock:
            now = self._clock()
            if self._leases.get(name, 0.0) > now:
                return False
            self._leases[name] = now + seconds
            return True

    def probed(self, name: str, error: EngineError | None) -> None:
        """It was tried out of the way of people: well again, or to be left alone for longer."""
        with self._lock:
            engine, facts = self._of(name), self._facts.get(name, Facts(name))
            match error:
                case None:
                    engine.out_until = 0.0
                    engine.success_rate = max(engine.success_rate, RATE_AFTER_PROBE)
                    self._close(name)
                case EngineMisconfigured() | EngineBusy():
                    self.failed(name, error)
                case _:
                    why = without_keys(str(error), self._facts.values())
                    self._breakers.failed(name, error)
                    self._rest(name, facts.rest, why)

    @property
    def spent_usd(self) -> float:
        """Today, without what is set aside."""
        with self._lock:
            self._turn_the_day(self._clock())
            return self._spent_usd

    def flush(self) -> None:
        """Nothing waits to be written."""

    def _of(self, name: str) -> _Engine:
        return self._engines.setdefault(name, _Engine())

    def _record(self, name: str) -> Record:
        engine, facts, now = self._of(name), self._facts.get(name, Facts(name)), self._clock()
        limit_why, limit_seconds = self._limit_reached(facts, engine, now)
        rests = [
            (engine.rests_until - now, engine.why),
            (engine.busy_until - now, engine.why),
            (limit_seconds, limit_why),
        ]
        seconds, why = max(rests)
        is_out = engine.out_until > now and engine.out_of == facts.fingerprint
        probe_at = engine.out_until - PROBE_BEFORE_SECONDS if is_out else engine.probe_at
        return Record(
            first_seconds=engine.first_seconds,
            success_rate=engine.success_rate,
            quota_left=self._quota_left(facts, engine, now),
            rests_for_seconds=max(0.0, seconds),
            why=engine.out_why if is_out else why if seconds > 0 else "",
            was_told_to_wait=limit_seconds > 0 or (engine.busy_until > now and engine.busy_was_told),
            is_out=is_out,
            model=engine.model if engine.model_of == facts.model else "",
            probe_in_seconds=None if probe_at is None or facts.kind == "own" else max(0.0, probe_at - now),
        )

    def _limit_reached(self, facts: Facts, engine: _Engine, now: float) -> tuple[str, float]:
        """Why no request is to be sent now, and for how long at least."""
        if engine.told.is_used_up(now):
            return "its own limit is used up", engine.told.until - now
        for window, limit, words in ((MINUTE, facts.per_minute, "minute"), (DAY, facts.per_day, "day")):
            if limit and engine.used_in(window, now) >= limit:
                left = window.slice_seconds - now % window.slice_seconds
                return f"its requests of a {words} are used up", left
        return "", 0.0

    def _quota_left(self, facts: Facts, engine: _Engine, now: float) -> float:
        left = [1.0]
        for window, limit in ((MINUTE, facts.per_minute), (DAY, facts.per_day)):
            if limit:
                left.append(1 - engine.used_in(window, now) / limit)
        if now < engine.told.until and engine.told.limit > 0:
            left.append((engine.told.left - margin_of(engine.told.limit)) / engine.told.limit)
        return min(1.0, max(0.0, min(left)))

    def _rest(self, name: str, rest: Rest, why: str) -> None:
        engine, now = self._of(name), self._clock()
        seconds = rest.seconds(engine.rests, self._chance)
        engine.rests += 1
        engine.why = why
        engine.probe_at = now + seconds if rest.is_probed else None
        engine.rests_until = now + seconds + rest.grace_seconds

    def _close(self, name: str) -> None:
        engine = self._of(name)
        self._breakers.succeeded(name)
        engine.rests_until, engine.probe_at, engine.rests = 0.0, None, 0

    def _pay(self, name: str, spent: Spent) -> None:
        self._turn_the_day(self._clock())
        self._spent_usd += spent.usd
        if set_aside := self._set_aside.get(name):
            set_aside.pop(0)

    def _turn_the_day(self, now: float) -> None:
        day = int(now // DAY_SECONDS)
        if day != self._day:
            self._day, self._spent_usd = day, 0.0
