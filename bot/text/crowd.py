"""Who may be meant where somebody writes. Discord tells how many people a server has when it lets a bot in, and tells
bots without a privileged intent nothing of who comes and goes after that: who writes is seen. Knows no Discord and no
clock.
"""

from typing import Final

MOST: Final = 50
"""Writers that are remembered of one place."""


class Writers:
    """Who wrote in one place, and when last."""

    def __init__(self) -> None:
        self._wrote_at: dict[int, float] = {}

    def wrote(self, person_id: int, at: float) -> None:
        """``at``: monotonic seconds."""
        self._wrote_at.pop(person_id, None)
        self._wrote_at[person_id] = at
        if len(self._wrote_at) > MOST:
            del self._wrote_at[next(iter(self._wrote_at))]

    def since(self, at: float) -> set[int]:
        """The ids of those who wrote then or later."""
        return {person_id for person_id, when in self._wrote_at.items() if when >= at}
