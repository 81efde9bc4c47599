"""First come, first served: lets one holder through at a time. Any thread may leave for another."""

from collections import deque
from threading import Condition


class Turnstile:
    """A fair lock that is waited for in short pieces, so that whoever waits can look around in between.

    Unlike ``threading.Lock`` it may be left from another thread: a generator can be closed by any."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._tickets: deque[object] = deque()

    def ticket(self) -> object:
        """Take a place at the end of the queue. Every ticket must ``leave``."""
        ticket = object()
        with self._changed:
            self._tickets.append(ticket)
        return ticket

    def is_open_for(self, ticket: object, *, patience: float) -> bool:
        """Whether ``ticket`` is through; waits for that up to ``patience`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._tickets[0] is ticket, patience)

    def leave(self, ticket: object) -> None:
        """Give up the place, or let the next one through."""
        with self._changed:
            self._tickets.remove(ticket)
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many are in the queue, the one who is through included."""
        with self._changed:
            return len(self._tickets)
