"""What the bodies of all stages share: decode, is it still wanted, work, tell how it went."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from celery import Task
from loguru import logger
from redis.exceptions import RedisError

from tasks import keys
from tasks.answer import NoLongerOwner
from tasks.app import app
from tasks.cancellation import WatchedTurn
from tasks.messages import Message, StageName, TurnDropped, TurnFailed, Wire, WireError, Work
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

    def stop_if_unwanted(self) -> None:
        """Raises NotWanted. Costs nothing: call it between tokens."""
        if self.watched.is_cancelled:
            raise NotWanted("cancelled")
        if time.time() > self.message.turn.deadline:
            raise NotWanted("late")

    def work(self, engine: str, model_started_at: float, model_ended_at: float) -> Work:
        return Work(
            engine, self.place.presence.worker, self.queued_at, self.started_at, model_started_at, model_ended_at
        )

    def log(self, engine: str, text: str, *arguments: object) -> None:
        """The stage's one line. Never with what people said."""
        duration_ms = round((time.time() - self.started_at) * 1000, 1)
        logger.bind(model=engine, duration_ms=duration_ms, success=True).info(text, *arguments)


type Body[M: Message] = Callable[[M, Delivery], Wire]


def stage_task[M: Message](stage: StageName, message_type: type[M]) -> Callable[[Body[M]], Task]:
    """Make a Celery task named like its stage out of a body that only has to do the work."""

    def decorate(body: Body[M]) -> Task:
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
                return _deliver(body, message, Delivery(place, stage, message, watched, queued_at, started_at))

        run.__doc__ = body.__doc__
        task: Task = app.task(name=stage)(run)
        return task

    return decorate


def _deliver[M: Message](body: Body[M], message: M, delivery: Delivery) -> Wire:
    """Work, and turn whatever goes wrong into an event for the asker."""
    index = getattr(message, "index", None)
    replies = delivery.place.replies
    try:
        if _deliveries(delivery, index) > MOST_DELIVERIES:
            raise _Poison("delivered too often")
        delivery.stop_if_unwanted()
        return body(message, delivery)
    except NotWanted as reason:
        replies.send(TurnDropped(message.turn, delivery.stage, str(reason)))
        logger.bind(success=False).info("Dropped: {}", reason)
        return {"dropped": str(reason)}
    except NoLongerOwner:
        logger.bind(success=False).info("Another worker took this turn over")
        return {"dropped": "taken-over"}
    except (EngineError, _Poison) as error:
        code = error.code
        replies.send(TurnFailed(message.turn, delivery.stage, code, str(error), index))
        logger.bind(success=False, model=getattr(error, "engine", None)).error("Failed: {}", error)
        return {"failed": code}
    except RedisError as error:
        # Nobody can be told now. The asker misses its answer and sends the message again when Redis is back.
        logger.bind(success=False).error("Redis does not answer: {}", error)
        return {"failed": "redis"}
    except Exception as error:  # noqa: BLE001
        # A bug of ours: the asker must still hear of it, and Celery and its tools must see it as a failure.
        # Its message is left out everywhere: it may quote what was said.
        name = type(error).__name__
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.bind(success=False, traceback=where).critical("A bug: {}", name)
        replies.send(TurnFailed(message.turn, delivery.stage, "bug", name, index))
        raise StageBug(name) from None


class StageBug(Exception):
    """A stage failed in a way that nobody foresaw. Carries the error's type, never its message."""


class _Poison(Exception):
    code = "poison"


def _deliveries(delivery: Delivery, index: int | None) -> int:
    """How often this message was delivered, this time included."""
    key = keys.deliveries(delivery.stage, delivery.message.turn.id, index)
    with delivery.place.redis.pipeline(transaction=False) as pipeline:
        pipeline.incr(key)
        pipeline.expire(key, keys.TURN_SECONDS)
        count: int = pipeline.execute()[0]
    return count
