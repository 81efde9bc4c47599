"""From a command to its reply: nothing that goes wrong on the way reaches a person but in Priya's words.

CannotJoin, NotSent, RedisError, Discord's refusals and our own mistakes each have their phrase; only the last are
logged with a trace.
"""

import time
from collections.abc import Callable
from typing import Final

import nextcord
from loguru import logger
from redis.exceptions import RedisError

from bot.commands.caller import LONGEST_MESSAGE, Body, Caller, Refused, Reply
from bot.commands.cooldown import Cooldown
from bot.voice.joining import CannotJoin
from tasks.dispatch import NotSent

ALWAYS_ALLOWED: Final = frozenset({"stop", "leave", "consent"})
"""Whoever wants her quiet, gone or deaf need not wait."""


class Answering:
    """Runs commands for both doors. One event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._cooldown = Cooldown()
        self._clock = clock

    async def reply(self, name: str, caller: Caller, body: Body) -> tuple[Reply, bool]:
        """The reply to a command, and whether it is a refusal. Never raises but to be cancelled."""
        if name not in ALWAYS_ALLOWED and (seconds := self._cooldown.use(caller.person.id, self._clock())):
            return caller.answer("cooldown", seconds=max(1, round(seconds))), True
        try:
            reply = await body(caller)
        except Exception as error:  # noqa: BLE001 (whatever it is, somebody waits for an answer)
            refused = refusal_of(error)
            if refused.key == "error":
                logger.opt(exception=error).bind(success=False).error("The command {} broke", name)
            elif error is not refused:
                logger.bind(success=False).warning("The command {} was not followed: {}", name, error)
            return caller.answer(refused.key, **refused.fields), True
        return Reply(reply.text[:LONGEST_MESSAGE], reply.has_consent_buttons), False


def refusal_of(error: Exception) -> Refused:
    """What she says to an error."""
    match error:
        case Refused():
            return error
        case CannotJoin():
            return Refused(f"cannot_join_{error.reason}")
        case NotSent():
            return Refused("not_sent")
        case RedisError():
            return Refused("no_memory")
        case nextcord.Forbidden():
            return Refused("cannot_write")
        case _:
            return Refused("error")
