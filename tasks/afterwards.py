"""Writing down what nobody waits for: one thread, a queue that has an end, and no hurry.

While Redis is away, what comes is kept, and the oldest of it is dropped when there is no more room.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from loguru import logger
from redis import Redis
from redis.exceptions import RedisError

MOST_WAITING: Final = 1_000
LOOK_AGAIN_SECONDS: Final = 0.5
"""How soon after an outage it is noticed that Redis is back."""

type Note = Callable[[], object]


class Afterwards:
    """Any thread may add a note, which costs microseconds. They are written in their order."""

    def __init__(self, redis: Redis, name: str, most: int = MOST_WAITING) -> None:
        self._redis = redis
        self._notes: deque[Note] = deque()
        self._most: Final = most
        self._changed = threading.Condition()
        self._is_writing = False
        self._is_away = False
        self._dropped = 0
        self._ends = False
        self._every: list[tuple[float, Note]] = []
        self._thread = threading.Thread(target=self._write_for_ever, name=name, daemon=True)
        self._has_started = False

    @property
    def is_away(self) -> bool:
        """Redis did not answer lately: don't ask it while somebody waits."""
        return self._is_away

    def missed(self, error: Exception) -> None:
        """Somebody found that Redis doesn't answer. From now on this thread asks, and nobody else."""
        with self._changed:
            if not self._is_away:
                logger.warning("Nothing is known of engines while Redis is away: {}", error)
            self._is_away = True
            self._start()
            self._changed.notify_all()

    def add(self, note: Note) -> None:
        """Never blocks, never raises."""
        with self._changed:
            if len(self._notes) >= self._most:
                self._notes.popleft()
                self._dropped += 1
                if self._dropped == 1:
                    logger.bind(success=False).warning("Redis takes nothing: dropping what is known of engines")
            self._notes.append(note)
            self._start()
            self._changed.notify_all()

    def repeat(self, seconds: float, note: Note) -> None:
        """Write ``note`` now and again every so many seconds."""
        with self._changed:
            self._every.append((seconds, note))
        self.add(note)

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until all is written. False: it took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._notes and not self._is_writing, seconds)

    def close(self, seconds: float = 1.0) -> None:
        """Write what can be written, and end."""
        if not self._is_away:
            self.flush(seconds)
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        if self._has_started:
            self._thread.join(seconds)

    def _start(self) -> None:
        if not self._has_started:
            self._has_started = True
            self._thread.start()

    def _write_for_ever(self) -> None:
        due_at: dict[int, float] = {}
        while True:
            with self._changed:
                if not self._notes and not self._is_away and not self._ends:
                    self._changed.wait(LOOK_AGAIN_SECONDS)
                if self._ends:
                    return
            if self._is_away:
                self._await_redis()
                continue
            self._add_due(due_at)
            self._write_next()

    def _add_due(self, due_at: dict[int, float]) -> None:
        now = time.monotonic()
        for number, (seconds, note) in enumerate(self._every):
            if now >= due_at.setdefault(number, now + seconds):
                due_at[number] = now + seconds
                self.add(note)

    def _write_next(self) -> None:
        with self._changed:
            if not self._notes:
                return
            note = self._notes.popleft()
            self._is_writing = True
        try:
            note()
        except (RedisError, OSError) as error:
            self.missed(error)
        except Exception as error:  # noqa: BLE001 (one note that can't be written must not keep the others)
            logger.opt(exception=error).bind(success=False).error("A note on an engine could not be written")
        finally:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _await_redis(self) -> None:
        with suppress(RedisError, OSError):
            self._redis.ping()
            with self._changed:
                self._is_away = False
                dropped, self._dropped = self._dropped, 0
            logger.info("Redis is back; {} notes on engines were dropped meanwhile", dropped)
            return
        with self._changed:
            self._changed.wait_for(lambda: self._ends, LOOK_AGAIN_SECONDS)
