"""What to do when a voice connection closes, by its close code. Pure.

https://discord.com/developers/docs/topics/opcodes-and-status-codes#voice-voice-close-event-codes
"""

from enum import Enum, auto, unique
from typing import Final


@unique
class After(Enum):
    """What follows a closed connection."""

    RESUME = auto()
    """The same session again: nothing is lost."""
    REJOIN = auto()
    """That session is over: leave the channel and join it anew."""
    AWAIT_SERVER = auto()
    """Discord decided this. A new server may be named within moments; if none is, she was put out."""
    LEAVE = auto()
    """Discord asks us not to come back."""


@unique
class Ended(Enum):
    """Why she is in the channel no longer."""

    ASKED = "asked to leave"
    REMOVED = "put out of the channel, or the channel is gone"
    REFUSED = "Discord asked not to come back"
    LOST = "the connection was lost and could not be made again"


NO_CODE: Final = -1
_AFTER: Final = {
    1000: After.AWAIT_SERVER,
    4006: After.REJOIN,  # session no longer valid
    4009: After.REJOIN,  # session timed out
    4011: After.REJOIN,  # server not found
    4003: After.REJOIN,  # not authenticated
    4004: After.REJOIN,  # authentication failed: the token may be an old one
    4005: After.REJOIN,  # already authenticated
    4001: After.REJOIN,  # unknown opcode
    4002: After.REJOIN,  # undecodable payload
    4012: After.REJOIN,  # unknown protocol
    4016: After.REJOIN,  # unknown encryption mode: the next server may know it
    4020: After.REJOIN,  # bad request
    4014: After.AWAIT_SERVER,  # disconnected: put out, moved, or the main session dropped
    4022: After.AWAIT_SERVER,  # call terminated: channel deleted, or the voice server changed
    4015: After.RESUME,  # voice server crashed
    4017: After.LEAVE,  # end-to-end encryption required, and we have none
    4021: After.LEAVE,  # rate limited
}


def what_follows(code: int) -> After:
    """Codes that nobody documents, and connections that broke without one, are resumed."""
    return _AFTER.get(code, After.RESUME)
