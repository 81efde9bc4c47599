"""A worker sends a turn on to its next stage, or to the next task of its own."""

import contextlib
import time

from kombu.exceptions import OperationalError

from tasks.app import app
from tasks.messages import HIDDEN, STAGE_OF, SaidText, Sentence, Utterance, task_id


def forward(message: Utterance | SaidText | Sentence) -> None:
    """Put the message into its stage's queue; it is worth nothing there after the turn's deadline."""
    stage = STAGE_OF[type(message)]
    left = max(1.0, message.turn.deadline - time.time())
    app.send_task(stage, [message.to_wire()], queue=stage, task_id=task_id(message), expires=left, **HIDDEN)


def warm_up() -> None:
    """Open the connection to the next stage before the first turn has to wait for it. Never raises: if Redis is away,
    it is opened by the first message."""
    with contextlib.suppress(OperationalError):
        # Before the worker runs, a result would be subscribed to, over a connection that nobody needs.
        app.send_task("hop", [time.time()], queue="upkeep", retry=False, expires=5, ignore_result=True, **HIDDEN)
