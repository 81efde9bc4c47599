"""The ledger that all workers of a stage share, in Redis: who is well, what is left of limits and of the day's budget.

What is asked while somebody waits, ``records`` and ``admit``, is one trip each; everything else is written afterwards
by one thread. With Redis away everybody is well and nothing is counted.
"""

import json
import os
import random
import socket
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final, cast

from loguru import logger
from redis import Redis
from redis.exceptions import RedisError

from config.providers import Access, Service
from tasks import keys, standing
from tasks.afterwards import Afterwards
from tasks.breakers import SharedStorage
from tasks.messages import StageName
from workers.errors import BadInput, EngineBusy, EngineError, EngineMisconfigured, EngineUnavailable
from workers.failover.averages import LATENCY_WEIGHT, RATE_AFTER_PROBE, SUCCESS_WEIGHT
from workers.failover.breakers import Breakers
from workers.failover.facts import Facts, facts_of, facts_of_row, without_keys
from workers.failover.ledger import Ledger, Record, Spent
from workers.failover.limits import LongestCall, margin_of, most_usd
from workers.failover.resting import JITTER, OUT_SECONDS, PROBE_BEFORE_SECONDS, UNSEEN, Rest, asked_rest

ANNOUNCE_EVERY_SECONDS: Final = 10.0


class RedisLedger:
    """See ``workers.failover.ledger.Ledger``. Any thread; one a stage and process, since providers of different stages
    share names. ``close`` it, or the last notes may be lost with the process."""

    def __init__(
        self,
        redis: Redis,
        stage: StageName,
        *,
        host: str = "",
        daily_spend_usd: float = 1.0,
        longest_call: LongestCall | None = None,
        clock: Callable[[], float] | None = None,
        chance: random.Random | None = None,
    ) -> None:
        """``redis`` from ``tasks.connections.connect_briefly``. ``clock``: instead of Redis's own."""
        host = host or socket.gethostname()
        self._redis = redis
        self._stage = stage
        self._host = host
        self._worker = f"{host}-{os.getpid()}"
        self._cap_usd = daily_spend_usd
        self._longest_call = longest_call or LongestCall()
        self._clock = clock
        self._chance = chance or random.Random()
        self._facts: dict[str, Facts] = {}
        self._asked_of: dict[tuple[str, ...], str] = {}
        """What Redis is told to ask it for the same names again: it changes with the facts only."""
        self._without_key = 0
        self._own: Ledger | None = None
        self._members: dict[str, deque[str]] = defaultdict(deque)
        self._storages: dict[str, SharedStorage] = {}
        self._breakers = Breakers(self._storage)
        self._afterwards = Afterwards(redis, f"ledger-{stage}")
        self._scripts = {
            text: redis.register_script(text)
            for text in (
                *(standing.RECORDS, standing.ADMIT, standing.PAY, standing.AVERAGE, standing.REST, standing.OUT),
                *(standing.TOLD, standing.ANNOUNCE),
            )
        }

    def announce(
        self,
        accesses: Sequence[Access[Any]],
        engines: Sequence[str] = (),
        without_key: int = 0,
        own: Ledger | None = None,
    ) -> None:
        """Who is to be looked after and shown by ``!health``: providers that can be asked, and engines inside this
        process; and how many rows are left out because they have no key. ``own`` is the ledger of those engines, if
        they have another one. A program on this machine that nothing is known of rests until a probe has found it.
        Once a process; waits for Redis 0.2 s at most."""
        for facts in (*map(facts_of, accesses), *map(Facts, engines)):
            self._learn(facts)
        self._without_key = without_key
        self._own = own
        for facts in list(self._facts.values()):
            if facts.kind == "neighbour":
                self._asked(partial(self._begin_unseen, facts.name), None)
        self._afterwards.repeat(ANNOUNCE_EVERY_SECONDS, self._say_what_is_here)

    def records(self, names: Sequence[str]) -> Mapping[str, Record]:
        standings = self._asked(partial(self._standings, names), None) if names else ()
        if standings is None:
            return dict.fromkeys(names, Record())
        return {name: _record(each) for name, each in zip(names, standings, strict=True)}

    def admit(self, service: Service) -> str:
        facts = self._facts.get(service.name) or self._learn(facts_of_row(service))
        usd = most_usd(service, self._longest_call)
        member = f"{self._label(service.name)}#{uuid.uuid4().hex}|{usd:.10f}"
        why = self._asked(partial(self._admit, facts, usd, member), None)
        if why:
            return standing.LIMIT_WORDS[why]
        if usd and why is not None:
            self._members[service.name].append(member)
        return ""

    def began(self, name: str, first_seconds: float) -> None:
        self._afterwards.add(partial(self._average, name, "first", first_seconds, LATENCY_WEIGHT, ""))

    def succeeded(self, name: str, spent: Spent) -> None:
        self._afterwards.add(partial(self._note_success, name, spent, self._member(name)))

    def failed(self, name: str, error: EngineError) -> None:
        why = without_keys(str(error), tuple(self._facts.values()))
        match error:
            case BadInput():
                pass
            case EngineBusy():
                self._afterwards.add(partial(self._note_busy, name, why, error.retry_after_seconds, time.monotonic()))
            case EngineMisconfigured():
                self._afterwards.add(partial(self._note_out, name, why))
            case _:
                self._afterwards.add(partial(self._note_failure, name, why))

    def wasted(self, name: str, spent: Spent) -> None:
        self._afterwards.add(partial(self._pay, name, spent, self._member(name), "lost", spent.answer_tokens))

    def allowed(self, name: str, requests_left: int, requests_limit: int, resets_in_seconds: float) -> None:
        self._afterwards.add(
            partial(
                self._run,
                standing.TOLD,
                [self._engine(name)],
                *(requests_left, requests_limit, margin_of(requests_limit), asked_rest(resets_in_seconds)),
                keys.ENGINE_SECONDS,
            )
        )

    def healed(self, name: str, model: str) -> None:
        own = self._of(name).model
        logger.bind(model=name).warning("{} no longer has {}: {} serves instead", name, own or "its model", model)
        self._afterwards.add(partial(self._keep, name, {"model": model, "model_of": own}))

    def lease(self, name: str, seconds: float) -> bool:
        """Whether the caller, and nobody else for so long, may probe it."""
        key = keys.probing(self._stage, self._named(name))
        milliseconds = int(seconds * 1000)
        return self._asked(lambda: bool(self._redis.set(key, self._worker, nx=True, px=milliseconds)), False)

    def probed(self, name: str, error: EngineError | None) -> None:
        """It was tried out of the way of people: well again, or to be left alone for longer."""
        match error:
            case None:
                self._afterwards.add(partial(self._note_well, name))
            case EngineMisconfigured() | EngineBusy():
                self.failed(name, error)
            case _:
                why = without_keys(str(error), tuple(self._facts.values()))
                self._afterwards.add(partial(self._note_still_ill, name, why))

    @property
    def spent_usd(self) -> float:
        """Today, of all stages, without what is set aside."""
        told = self._asked(lambda: self._redis.hget(keys.SPENDING, "usd"), None)
        return float(cast("bytes", told)) if told else 0.0

    def flush(self) -> None:
        """Wait until all is written that was noted so far, for some seconds at most."""
        self._afterwards.flush()

    def close(self) -> None:
        """Write what can be written, and end the thread."""
        self._afterwards.close()

    # Names and numbers.

    def _learn(self, facts: Facts) -> Facts:
        self._facts[facts.name] = facts
        self._asked_of.clear()
        return facts

    def _of(self, name: str) -> Facts:
        return self._facts.get(name) or Facts(name)

    def _named(self, name: str) -> str:
        """Everybody shares what is known of a cloud; what is on this machine is only known to it."""
        return name if self._of(name).kind == "cloud" else f"{name}@{self._host}"

    def _label(self, name: str) -> str:
        return f"{self._stage}:{self._named(name)}"

    def _engine(self, name: str) -> str:
        return keys.engine(self._stage, self._named(name))

    def _member(self, name: str) -> str:
        """What was set aside for the oldest of its calls that run: they are all worth the same."""
        try:
            return self._members[name].popleft()
        except IndexError:
            return ""

    # Asked while somebody waits.

    def _asked[Answer](self, ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        if self._afterwards.is_away:
            return otherwise
        try:
            return ask()
        except (RedisError, OSError) as error:
            self._afterwards.missed(error)
            return otherwise

    def _run(self, script: str, named: Sequence[str], *arguments: float | str) -> object:
        """Raises RedisError."""
        now = "" if self._clock is None else repr(self._clock())
        given = arguments if script == standing.AVERAGE else (now, *arguments)
        return self._scripts[script](keys=list(named), args=[_told(each) for each in given])

    def _standings(self, names: Sequence[str]) -> Sequence[standing.Standing] | None:
        asked = self._asked_of.get(tuple(names))
        if asked is None:
            asked = self._asked_of[tuple(names)] = standing.asked_of([self._asked_for(name) for name in names])
        return standing.standings(cast("bytes", self._run(standing.RECORDS, [], PROBE_BEFORE_SECONDS, asked)))

    def _asked_for(self, name: str) -> standing.Asked:
        facts, shared = self._of(name), self._named(name)
        named = (keys.engine(self._stage, shared), keys.requests(self._stage, shared))
        return standing.Asked(*named, facts.per_minute, facts.per_day, facts.fingerprint, facts.model)

    def _admit(self, facts: Facts, usd: float, member: str) -> str | None:
        shared = self._named(facts.name)
        named = [keys.engine(self._stage, shared), keys.requests(self._stage, shared), keys.SPENDING, keys.SET_ASIDE]
        lifetimes = (keys.SET_ASIDE_SECONDS, keys.REQUESTS_SECONDS, keys.SPENDING_SECONDS)
        limits = (facts.per_minute, facts.per_day, usd, self._cap_usd)
        return cast("bytes", self._run(standing.ADMIT, named, *limits, member, *lifetimes)).decode()

    def _begin_unseen(self, name: str) -> None:
        if self._redis.hsetnx(self._engine(name), "seen", "1"):
            self._rest(name, "rest", UNSEEN, "not found on this machine")

    # Written afterwards; all of these raise RedisError.

    def _note_success(self, name: str, spent: Spent, member: str) -> None:
        self._pay(name, spent, member, "answers")
        self._average(name, "rate", 1, SUCCESS_WEIGHT, 1)
        self._redis.hdel(self._engine(name), "busys")
        self._close_breaker(name)

    def _note_busy(self, name: str, why: str, asked_seconds: float | None, noticed_at: float) -> None:
        seconds = -1.0
        if asked_seconds is not None:
            seconds = max(0.0, asked_rest(asked_seconds) - (time.monotonic() - noticed_at))
        self._rest(name, "busy", self._of(name).busy, why, seconds)
        self._count(name, "failures")

    def _note_out(self, name: str, why: str) -> None:
        named, mark = [self._engine(name)], self._of(name).fingerprint
        if self._run(standing.OUT, named, mark, OUT_SECONDS, why, keys.ENGINE_SECONDS):
            logger.bind(stage=self._stage, model=name, success=False).error("Out until somebody mends it: {}", why)
        self._count(name, "failures")

    def _note_failure(self, name: str, why: str) -> None:
        self._average(name, "rate", 0, SUCCESS_WEIGHT, 1)
        self._count(name, "failures")
        until = cast("bytes | None", self._redis.hget(self._engine(name), "rest_until"))
        # Whoever rests and was asked all the same, because nobody else was left, is not to rest longer for that.
        if (until is None or float(until) <= self._now()) and self._breaks(name, why):
            self._rest(name, "rest", self._of(name).rest, why)
            logger.bind(stage=self._stage, model=name, success=False).warning("Resting: {}", why)

    def _note_still_ill(self, name: str, why: str) -> None:
        self._breaks(name, why)
        self._rest(name, "rest", self._of(name).rest, why)
        logger.bind(stage=self._stage, model=name).debug("Still resting: {}", why)

    def _note_well(self, name: str) -> None:
        engine, mark = self._engine(name), self._of(name).fingerprint
        self._redis.hdel(engine, f"out_until:{mark}", f"out_why:{mark}")
        rate = cast("bytes | None", self._redis.hget(engine, "rate"))
        if rate is not None and float(rate) < RATE_AFTER_PROBE:
            self._keep(name, {"rate": str(RATE_AFTER_PROBE)})
        self._close_breaker(name)

    def _breaks(self, name: str, why: str) -> bool:
        key = self._named(name)
        breaks = self._breakers.failed(key, EngineUnavailable(name, why))
        self._storage(key).keep()
        return breaks

    def _close_breaker(self, name: str) -> None:
        key = self._named(name)
        self._breakers.succeeded(key)
        self._storage(key).keep()
        if self._redis.hdel(self._engine(name), "rest_until", "rest_why", "rest_told", "rests", "probe_at"):
            logger.bind(stage=self._stage, model=name, success=True).info("{} is well", name)

    def _storage(self, key: str) -> SharedStorage:
        if key not in self._storages:
            namespace = keys.breaker(self._stage, key)
            self._storages[key] = SharedStorage(self._redis, namespace, keys.ENGINE_SECONDS)
        return self._storages[key]

    def _rest(self, name: str, kind: str, rest: Rest, why: str, seconds: float = -1.0) -> None:
        """``seconds``: asked for by the provider itself; otherwise it grows from rest to rest."""
        jitter = self._chance.uniform(1 - JITTER, 1 + JITTER)
        lengths = (seconds, rest.first_seconds, rest.longest_seconds, jitter, rest.grace_seconds)
        probed = int(rest.is_probed)
        self._run(standing.REST, [self._engine(name)], kind, *lengths, probed, why, keys.ENGINE_SECONDS)

    def _average(self, name: str, field: str, value: float, weight: float, at_first: float | str) -> None:
        self._run(standing.AVERAGE, [self._engine(name)], field, value, weight, at_first, keys.ENGINE_SECONDS)

    def _pay(self, name: str, spent: Spent, member: str, counted: str, wasted_tokens: int = 0) -> None:
        tokens = (spent.prompt_tokens, spent.answer_tokens, counted, wasted_tokens)
        named = [keys.SPENDING, keys.SET_ASIDE]
        self._run(standing.PAY, named, self._label(name), member, spent.usd, *tokens, keys.SPENDING_SECONDS)

    def _count(self, name: str, counted: str) -> None:
        self._pay(name, Spent(), "", counted)

    def _keep(self, name: str, values: Mapping[str, str]) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for field, value in values.items():
                pipeline.hset(self._engine(name), field, value)
            pipeline.expire(self._engine(name), keys.ENGINE_SECONDS)
            pipeline.execute()

    def _say_what_is_here(self) -> None:
        rows = [facts.shown() for facts in tuple(self._facts.values())]
        own = [row["name"] for row in rows if row["kind"] == "own"]
        records = self._own.records(own) if self._own is not None else {}
        for row in rows:
            if (record := records.get(row["name"])) is not None:
                row["record"] = asdict(record)
        said = {"host": self._host, "rows": rows, "without_key": self._without_key, "cap_usd": self._cap_usd}
        named = [keys.announced(self._stage)]
        self._run(standing.ANNOUNCE, named, self._worker, keys.ANNOUNCED_SECONDS, json.dumps(said))

    def _now(self) -> float:
        if self._clock is not None:
            return self._clock()
        seconds, microseconds = self._redis.time()
        return seconds + microseconds / 1e6


def _told(value: float | str) -> str:
    return value if isinstance(value, str) else repr(value)


def _record(told: standing.Standing) -> Record:
    return Record(
        first_seconds=told.first_seconds,
        success_rate=told.success_rate,
        quota_left=told.quota_left,
        rests_for_seconds=told.rests_for_seconds,
        why=told.why,
        was_told_to_wait=told.was_told_to_wait,
        is_out=told.is_out,
        model=told.model,
        probe_in_seconds=told.probe_in_seconds,
    )
