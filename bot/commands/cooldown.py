"""Nobody may use commands faster than people do. Knows nothing of Discord; time comes in by the door."""

from collections import deque
from typing import Final

USES: Final = 5
WITHIN_SECONDS: Final = 10.0
PEOPLE_MOST: Final = 1_000
"""After so many, those who have been quiet are forgotten."""


class Cooldown:
    """The times at which people used commands. One event loop."""

    def __init__(self, uses: int = USES, within_seconds: float = WITHIN_SECONDS) -> None:
        self._uses = uses
        self._within_seconds = within_seconds
        self._used_at: dict[int, deque[float]] = {}

    def use(self, person_id: int, now: float) -> float:
        """0: go ahead, and it is counted. Otherwise the seconds to wait, and it isn't."""
        if len(self._used_at) >= PEOPLE_MOST:
            self._used_at = {person: times for person, times in self._used_at.items() if self._is_fresh(times, now)}
        times = self._used_at.setdefault(person_id, deque(maxlen=self._uses))
        if len(times) == self._uses and self._is_fresh(deque([times[0]]), now):
            return times[0] + self._within_seconds - now
        times.append(now)
        return 0.0

    def _is_fresh(self, times: deque[float], now: float) -> bool:
        return bool(times) and now - times[-1] < self._within_seconds
