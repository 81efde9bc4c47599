"""What the bodies of all stages share: decode, is it still wanted, work, tell how it went."""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from celery import Task
from kombu.exceptions import OperationalError
from loguru import logger
from redis.client import Pipeline
from redis.exceptions import RedisError

from tasks import keys
from tasks.answer import NoLongerOwner
from tasks.app import app
from tasks.cancellation import WatchedTurn
from tasks.messages import Message, StageName, TurnDropped, TurnFailed, Wire, WireError, Work, part_of
from tasks.workplace import Workplace, workplace
from workers.errors import EngineError

MOST_DELIVERIES: Final = 5
"""A message that was delivered more often (a first time, two re-sends, redeliveries of dead workers' tasks)
takes its workers with it: it is answered with a failure instead."""


class NotWanted(Exception):
    """The turn was cancelled or came too late; the reason is the message."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one message to one worker."""

    place: Workplace
    stage: StageName
    message: Message
    watched: WatchedTurn
    queued_at: float
    started_at: float

    @property
    def index(self) -> int | None:
        """The sentence that this is about, when it is about one."""
        index: int | None = getattr(self.message, "index", None)
        return index

    def stop_if_unwanted(self) -> None:
        """Raises NotWanted. Costs nothing: call it between tokens."""
        if self.watched.is_cancelled:
            raise NotWanted("cancelled")
        if time.time() > self.message.turn.deadline:
            raise NotWanted("late")

    def others_wait(self) -> bool:
        """Whether anybody else is to be worked for at this stage. Raises RedisError."""
        return bool(self.place.redis.llen(self.stage))

    def work(self, engine: str, model_started_at: float, model_ended_at: float) -> Work:
        return Work(
            engine, self.place.presence.worker, self.queued_at, self.started_at, model_started_at, model_ended_at
        )

    def log(self, engine: str, text: str, *arguments: object) -> None:
        """The stage's one line. Never with what people said."""
        duration_ms = round((time.time() - self.started_at) * 1000, 1)
        logger.bind(model=engine, duration_ms=duration_ms, success=True).info(text, *arguments)


type Read[Found] = Callable[[Sequence[Any]], Found]
type Ask[M: Message, Found] = Callable[[M, Delivery, Pipeline], Read[Found]]
"""Queues what a stage has to know before it can begin, and returns what reads the answers."""

type Body[M: Message, Found] = Callable[[M, Delivery, Found], Wire]


def stage_task[M: Message, Found](
    stage: StageName, message_type: type[M], ask: Ask[M, Found]
) -> Callable[[Body[M, Found]], Task]:
    """Make a Celery task named like its stage out of a body that only has to do the work.

    What ``ask`` asks of Redis travels on the one trip with which every delivery begins."""

    def decorate(body: Body[M, Found]) -> Task:
        def run(wire: Wire) -> Wire:
            started_at = time.time()
            try:
                message = message_type.from_wire(wire)
            except WireError as error:
                logger.bind(stage=stage, success=False).error("Message dropped: {}", error)
                return {"dropped": "not-a-message"}
            place = workplace(stage)
            turn = message.turn
            with (
                logger.contextualize(turn=turn.id, stage=stage, user_id=turn.speaker_id),
                place.presence.working_on(turn.id),
                place.cancelled.watch(turn.id) as watched,
            ):
                queued_at: float = getattr(message, "queued_at", started_at)
                delivery = Delivery(place, stage, message, watched, queued_at, started_at)
                return _deliver(lambda: body(message, delivery, _open(ask, message, delivery)), delivery)

        run.__doc__ = body.__doc__
        task: Task = app.task(name=stage)(run)
        return task

    return decorate


def _open[M: Message, Found](ask: Ask[M, Found], message: M, delivery: Delivery) -> Found:
    """Count the delivery, look whether the turn was cancelled, and ask what the stage asks: in one trip.

    Raises _Poison and NotWanted."""
    delivery.stop_if_unwanted()
    count_key = keys.deliveries(delivery.stage, message.turn.id, part_of(message))
    with delivery.place.redis.pipeline(transaction=False) as pipeline:
        pipeline.incr(count_key)
        pipeline.expire(count_key, keys.TURN_SECONDS)
        read = ask(message, delivery, pipeline)
        # The last question, so that it knows of every cancellation that the stage's own questions met.
        delivery.watched.ask(pipeline)
        count, _, *answers, cancelled = pipeline.execute()
    if count > MOST_DELIVERIES:
        raise _Poison("delivered too often")
    delivery.watched.hear(cancelled)
    delivery.stop_if_unwanted()
    return read(answers)


def _deliver(work: Callable[[], Wire], delivery: Delivery) -> Wire:
    """Work, and turn whatever goes wrong into an event for the asker."""
    message, index = delivery.message, delivery.index
    try:
        return work()
    except NotWanted as reason:
        _tell(delivery, TurnDropped(message.turn, delivery.stage, str(reason)))
        logger.bind(success=False).info("Dropped: {}", reason)
        return {"dropped": str(reason)}
    except NoLongerOwner:
        logger.bind(success=False).info("Another worker took this turn over")
        return {"dropped": "taken-over"}
    except (EngineError, _Poison) as error:
        code = error.code
        _tell(delivery, TurnFailed(message.turn, delivery.stage, code, str(error), index))
        logger.bind(success=False, model=getattr(error, "engine", None)).error("Failed: {}", error)
        return {"failed": code}
    except (RedisError, OperationalError) as error:  # the other is kombu's, from sending on to the next stage
        # Nobody can be told now. The asker misses its answer and sends the message again when Redis is back.
        logger.bind(success=False).error("Redis does not answer: {}", error)
        return {"failed": "redis"}
    except Exception as error:  # noqa: BLE001
        # A bug of ours: the asker must still hear of it, and Celery and its tools must see it as a failure.
        # Its message is left out everywhere: it may quote what was said.
        name = type(error).__name__
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.bind(success=False, traceback=where).critical("A bug: {}", name)
        _tell(delivery, TurnFailed(message.turn, delivery.stage, "bug", name, index))
        raise StageBug(name) from None


def _tell(delivery: Delivery, event: TurnDropped | TurnFailed) -> None:
    """The asker, if Redis answers; if not, they miss an answer and ask again."""
    try:
        delivery.place.replies.send(event)
    except RedisError as error:
        logger.bind(success=False).error("Nobody could be told: {}", error)


class StageBug(Exception):
    """A stage failed in a way that nobody foresaw. Carries the error's type, never its message."""


class _Poison(Exception):
    code = "poison"
