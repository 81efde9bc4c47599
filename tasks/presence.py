"""That a worker is alive, what it can do and what it works on: one key a worker, renewed twice a second.

Celery's own ping can't tell: it takes a second, and a solo worker does not answer while it works.
"""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal

import psutil
from loguru import logger
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.exceptions import RedisError

from tasks import keys
from tasks.messages import STAGES, StageName

RENEW_SECONDS: Final = 0.5

State = Literal["loading", "ready", "stopping"]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a worker could do if it were asked to."""

    engines: tuple[str, ...] = ()
    """In the order in which they serve."""
    voices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerPresence:
    """One worker as the others see it."""

    worker: str
    stage: StageName
    state: State
    engine: str
    host: str
    pid: int
    turns: tuple[str, ...]
    """The turns it works on right now."""
    memory_mb: int
    """Resident memory."""
    engines: tuple[str, ...] = ()
    """Those that would serve, in order; ``engine`` does now."""
    voices: tuple[str, ...] = ()
    """Names of the voices that a turn may ask it for."""
    renewal: int = 0
    """How often it has said so: two looks at one renewal are one look."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes | str) -> "WorkerPresence":
        """What a worker of another version says besides is left out."""
        said = json.loads(text)
        known: dict[str, Any] = {field.name: said[field.name] for field in fields(cls) if field.name in said}
        for name in ("turns", "engines", "voices"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


@dataclass(frozen=True, slots=True, eq=False)
class _RunningTask:
    turn: str
    began_at: float


class Presence:
    """A worker process's own presence, and the watchdog over its tasks. Any thread may call it.

    ``longest_task_seconds``: solo and threads pools ignore Celery's time limits, and a native call that hangs
    can't be interrupted from Python; so a process whose task runs longer than this ends itself. Its supervisor
    starts it again and the task is delivered to somebody else.
    """

    def __init__(
        self,
        redis: Redis,
        stage: StageName,
        *,
        longest_task_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        end_process: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGKILL),
    ) -> None:
        self.worker: Final = f"{socket.gethostname()}-{os.getpid()}"
        self._redis = redis
        self._stage: StageName = stage
        self._state: State = "loading"
        self._engine = ""
        self._offer = Offer()
        self._clock = clock
        self._longest_task_seconds = longest_task_seconds
        self._end_process = end_process
        self._tasks: list[_RunningTask] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._gone = False
        self._renewals = 0
        self._thread = threading.Thread(target=self._renew_for_ever, name="presence", daemon=True)

    def start(self) -> None:
        """Begin to renew, from a daemon thread: it says "alive" also while a solo pool works."""
        self._thread.start()

    def become(self, state: State, engine: str | None = None, offer: Offer | None = None) -> None:
        """Say the new state at once."""
        with self._lock:
            self._state = state
            if engine is not None:
                self._engine = engine
            if offer is not None:
                self._offer = offer
        self._wake.set()

    @contextmanager
    def working_on(self, turn_id: str) -> Iterator[None]:
        """Any number of tasks may work on one turn: its sentences are spoken at the same time."""
        task = _RunningTask(turn_id, self._clock())
        with self._lock:
            self._tasks.append(task)
        try:
            yield
        finally:
            with self._lock:
                self._tasks.remove(task)

    @property
    def is_busy(self) -> bool:
        """Whether this worker works on anything right now."""
        return bool(self._tasks)

    def leave(self) -> None:
        """Take the key away: this worker is gone by its own will."""
        self._gone = True
        self._wake.set()
        self._thread.join()
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.delete(keys.presence(self._stage, self.worker))
            pipeline.srem(keys.workers(self._stage), self.worker)
            pipeline.execute()

    def _strike_off_the_dead(self) -> None:
        """Names of workers that went without a word. One that only was slow puts its name down again."""
        names = [name.decode() for name in self._redis.smembers(keys.workers(self._stage)) if isinstance(name, bytes)]
        values = self._redis.mget([keys.presence(self._stage, name) for name in names]) if names else []
        dead = [name for name, value in zip(names, values, strict=True) if value is None]
        if dead:
            self._redis.srem(keys.workers(self._stage), *dead)

    def _renew(self) -> None:
        self._renewals += 1
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(keys.presence(self._stage, self.worker), self.now().to_json(), px=keys.PRESENCE_MILLISECONDS)
            pipeline.sadd(keys.workers(self._stage), self.worker)
            pipeline.execute()

    def now(self) -> WorkerPresence:
        with self._lock:
            return WorkerPresence(
                self.worker,
                self._stage,
                self._state,
                self._engine,
                socket.gethostname(),
                os.getpid(),
                tuple(dict.fromkeys(task.turn for task in self._tasks)),
                psutil.Process().memory_info().rss // 2**20,
                self._offer.engines,
                self._offer.voices,
                self._renewals,
            )

    def check_tasks(self) -> None:
        """End the process when one of its tasks hangs."""
        with self._lock:
            began_before = self._clock() - self._longest_task_seconds
            hanging = [task.turn for task in self._tasks if task.began_at < began_before]
        if hanging:
            logger.bind(stage=self._stage, turn=hanging[0], success=False).critical(
                "A task ran longer than {} s: ending this process", self._longest_task_seconds
            )
            self._end_process()

    def _renew_for_ever(self) -> None:
        with suppress(RedisError):
            self._strike_off_the_dead()
        while not self._gone:
            self.check_tasks()
            try:
                self._renew()
            except RedisError as error:
                logger.debug("Presence not renewed: {}", error)
            self._wake.wait(RENEW_SECONDS)
            self._wake.clear()


def ask_for_workers(pipeline: AsyncPipeline, stage: StageName) -> None:
    """Queue the question who works at a stage; ``told_workers`` reads its answer."""
    pipeline.sort(keys.workers(stage), by="nosort", get=[keys.presence(stage, "*")])


def told_workers(values: Iterable[bytes | str | None]) -> tuple[WorkerPresence, ...]:
    """Every worker that was alive within the last two seconds; of one that was not only the name is left."""
    return tuple(WorkerPresence.from_json(value) for value in values if value is not None)


async def workers_of(redis: AsyncRedis, stage: StageName | Literal["*"] = "*") -> tuple[WorkerPresence, ...]:
    """The live workers of a stage, or of all. One trip; raises RedisError."""
    async with redis.pipeline(transaction=False) as pipeline:
        for each in STAGES if stage == "*" else (stage,):
            ask_for_workers(pipeline, each)
        return told_workers(value for values in await pipeline.execute() for value in values)
