"""The asking side of the hallway: send a turn on its way, commit to it, cancel it. Tasks are sent by name.

Owned by one event loop. Nothing here blocks it: Celery's synchronous publishing runs in threads.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pybreaker
from celery import Celery
from kombu.exceptions import OperationalError
from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from tasks import cancellation, commitment, history, presence
from tasks.broker import mend_kombu
from tasks.connections import connect_async
from tasks.messages import HIDDEN, STAGE_OF, STAGES, SaidText, Sentence, StageName, Turn, Utterance, task_id
from tasks.speech import leave_speech

mend_kombu()  # a bot has a Celery of its own, without the worker's application

PUBLISH_SECONDS: Final = 0.5
"""A bot's loop waits no longer than this for Redis to take a message."""
ANSWER_SECONDS: Final = 1.0
"""Nor longer than this for Redis to answer: a frozen one would keep a turn silent for tens of seconds, try by try."""
BREAK_AFTER_FAILURES: Final = 3
BREAK_SECONDS: Final = 1.0
SLOWEST_BYTES_A_SECOND: Final = 1_000_000
"""Five minutes of speech are ten million, and Redis may be on another machine."""


class NotSent(Exception):
    """Redis did not take the message, or not in time: it may take it yet. The caller still has it."""


@dataclass(frozen=True, slots=True)
class StageLoad:
    """Who works at a stage and what waits for them."""

    workers: tuple[presence.WorkerPresence, ...]
    waiting: int
    """Messages in the queue."""

    @property
    def is_idle(self) -> bool:
        """Somebody is there, nobody works and nothing waits: what was sent is lost or done."""
        return (
            self.waiting == 0
            and bool(self.workers)
            and not any(worker.turns or worker.state != "ready" for worker in self.workers)
        )


@contextlib.asynccontextmanager
async def _answered_in_time(sent_bytes: int = 0) -> AsyncIterator[None]:
    """Raises redis.exceptions.TimeoutError."""
    seconds = ANSWER_SECONDS + sent_bytes / SLOWEST_BYTES_A_SECOND
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise RedisTimeout(f"no answer from Redis within {seconds:.1f} s") from error


class Dispatcher:
    """Use as an async context manager; one per process."""

    def __init__(self, url: str) -> None:
        self.redis: Redis = connect_async(url)
        self._celery = Celery("priya", set_as_current=False)
        self._celery.config_from_object("celeryconfig")
        options = dict(self._celery.conf.broker_transport_options)
        self._celery.conf.update(
            broker_url=url,
            # With one, it would subscribe to each result before it sends the task, and nobody here reads results.
            result_backend="disabled",
            broker_transport_options={**options, "socket_timeout": PUBLISH_SECONDS},
        )
        self._breaker = pybreaker.CircuitBreaker(fail_max=BREAK_AFTER_FAILURES, reset_timeout=BREAK_SECONDS)

    async def __aenter__(self) -> "Dispatcher":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.redis.aclose()
        await asyncio.to_thread(self._celery.close)

    async def warm_up(self) -> None:
        """Open the connections: the first message of a process costs 40 ms otherwise. Raises NotSent."""
        await self._send("hop", [time.time()], "upkeep", expires_seconds=5)

    async def transcribe(self, turn: Turn, pcm: bytes, seconds: float, *, speculative: bool) -> Utterance:
        """Leave 16 kHz mono int16 PCM and have it transcribed. Raises NotSent."""
        try:
            async with _answered_in_time(len(pcm)):
                key = await leave_speech(self.redis, turn.id, pcm)
        except RedisError as error:
            raise NotSent(str(error)) from error
        utterance = Utterance(turn, key, seconds, queued_at=time.time(), speculative=speculative)
        await self.send(utterance)
        return utterance

    async def commit(self, turn: Turn) -> None:
        """The speaker has finished: answer the turn as soon as its transcript is there. Raises NotSent."""
        try:
            async with _answered_in_time():
                said = await commitment.commit(self.redis, turn.id)
        except RedisError as error:
            raise NotSent(str(error)) from error
        if said is not None:
            await self.send(replace(said, queued_at=time.time()))

    async def send(self, message: Utterance | SaidText | Sentence) -> None:
        """Send a message to its stage. Sending again is safe: every stage answers a turn once. Raises NotSent."""
        stage = STAGE_OF[type(message)]
        left = max(1.0, message.turn.deadline - time.time())
        await self._send(stage, [message.to_wire()], stage, expires_seconds=left, task_id=task_id(message))

    async def cancel(self, turn_id: str) -> None:
        """Nobody waits for this turn any more. Never raises: a turn that can't be cancelled runs out."""
        with contextlib.suppress(RedisError):
            async with _answered_in_time():
                await cancellation.cancel(self.redis, turn_id)

    async def sound(self, key: str) -> bytes:
        """The blob of a sentence's sound; empty when it is gone. Raises RedisError."""
        async with _answered_in_time():
            blob = await self.redis.get(key)
        return blob.encode() if isinstance(blob, str) else blob or b""

    async def keep_heard(self, turn: Turn, heard: str) -> None:
        """History keeps what was heard of the answer. Raises RedisError."""
        async with _answered_in_time():
            await history.keep_heard(self.redis, turn.conversation, turn.id, heard)

    async def forget(self, conversation: str) -> None:
        """Raises RedisError."""
        await history.forget(self.redis, conversation)

    async def load_of(self, stage: StageName) -> StageLoad:
        """Raises RedisError."""
        return (await self._loads((stage,)))[stage]

    async def stages(self) -> dict[StageName, StageLoad]:
        """All stages at once. Raises RedisError."""
        return await self._loads(STAGES)

    async def voices(self) -> tuple[str, ...]:
        """The voices that a turn may name, the best engine's first. Raises RedisError."""
        load = await self.load_of("synthesize")
        return tuple(dict.fromkeys(voice for worker in load.workers for voice in worker.voices))

    async def _loads(self, stages: Sequence[StageName]) -> dict[StageName, StageLoad]:
        async with self.redis.pipeline(transaction=False) as pipeline:
            for stage in stages:
                presence.ask_for_workers(pipeline, stage)
                pipeline.llen(stage)
            async with _answered_in_time():
                answers = iter(await pipeline.execute())
        return {stage: StageLoad(presence.told_workers(next(answers)), next(answers)) for stage in stages}

    async def _send(
        self, task: str, arguments: list[object], queue: str, *, expires_seconds: float, task_id: str | None = None
    ) -> None:
        def publish() -> None:
            with self._breaker.calling():
                self._celery.send_task(
                    task, arguments, queue=queue, retry=False, expires=expires_seconds, task_id=task_id, **HIDDEN
                )

        try:
            await asyncio.to_thread(publish)
        except (pybreaker.CircuitBreakerError, OperationalError, RedisError, OSError) as error:
            raise NotSent(str(error)) from error
