"""Transitions that wait until everyone is ready for them (op 21, 29 or 30, then 23, then 22)."""

from dataclasses import dataclass, field

LARGEST_ID = 0xFFFF


@dataclass(slots=True)
class Transition:
    id: int
    version: int
    members: set[int]
    """Who was told of it, and is told to execute it."""
    waiting: set[int] = field(default_factory=set)


class Transitions:
    """Knows nobody; counts."""

    def __init__(self) -> None:
        self._last_id = 0
        self._open: list[Transition] = []

    def begin(self, members: set[int], version: int) -> int:
        """Returns the new transition's id, never 0: that one is executed at once."""
        self._last_id = self._last_id % LARGEST_ID + 1
        self._open.append(Transition(self._last_id, version, {*members}, {*members}))
        return self._last_id

    def ready(self, user_id: int, transition_id: int) -> None:
        for transition in self._open:
            if transition.id == transition_id:
                transition.waiting.discard(user_id)

    def leave(self, user_id: int) -> None:
        for transition in self._open:
            transition.waiting.discard(user_id)

    def take_due(self) -> list[Transition]:
        """Those that nobody has to get ready for any more, each once."""
        due = [transition for transition in self._open if not transition.waiting]
        self._open = [transition for transition in self._open if transition.waiting]
        return due
