"""Whose voice a packet is: SSRC to Discord user, told by the gateway alone; early packets wait for it. Pure."""

from collections import deque
from typing import Final, NamedTuple

MOST_HELD: Final = 75
"""Packets kept of one unknown SSRC: the first 1.5 s of somebody whose name comes late."""
MOST_STRANGERS: Final = 32
"""Unknown SSRCs kept at a time; the oldest goes first."""
HELD_SECONDS: Final = 2.5
"""Older than this, nobody wants to hear it as something said now."""


class Held(NamedTuple):
    """A packet whose transport seal is open, of someone unknown."""

    sequence: int
    timestamp: int
    frame: bytes
    arrived_at: float


class Speakers:
    """Everyone whose SSRC is known, and the packets of those of whom it isn't yet."""

    def __init__(self) -> None:
        self._users: dict[int, int] = {}
        self._ssrcs: dict[int, int] = {}
        self._held: dict[int, deque[Held]] = {}

    def user_of(self, ssrc: int) -> int | None:
        return self._users.get(ssrc)

    def name(self, ssrc: int, user_id: int) -> list[Held]:
        """The gateway said whose an SSRC is: the packets that waited for it, in the order they came."""
        before = self._ssrcs.pop(user_id, None)
        if before is not None:
            self._users.pop(before, None)
        robbed = self._users.pop(ssrc, None)
        if robbed is not None:
            self._ssrcs.pop(robbed, None)
        self._users[ssrc], self._ssrcs[user_id] = user_id, ssrc
        return list(self._held.pop(ssrc, ()))

    def hold(self, ssrc: int, packet: Held) -> int:
        """Keep an early packet. How many older ones were given up for it."""
        given_up = 0
        held = self._held.get(ssrc)
        if held is None:
            if len(self._held) >= MOST_STRANGERS:
                given_up = len(self._held.pop(next(iter(self._held))))
            held = self._held[ssrc] = deque(maxlen=MOST_HELD)
        given_up += len(held) == MOST_HELD
        held.append(packet)
        return given_up

    def leave(self, user_id: int) -> int | None:
        """Somebody left: their SSRC, so that nothing of it is kept."""
        ssrc = self._ssrcs.pop(user_id, None)
        if ssrc is not None:
            self._users.pop(ssrc, None)
        return ssrc
