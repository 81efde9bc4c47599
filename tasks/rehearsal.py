"""Learning by heart: a synthesize worker speaks ahead what she must be able to say when no engine works any more.

Out of the way of people: in one thread of the lowest priority, on one worker of all at a time, never while the worker
has a task, and resting as long as it spoke.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from loguru import logger
from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from config.phrases import Language
from tasks import keys
from tasks.cached_speech import CachedSpeech, Recording, fetch, share
from workers.engines import Speech
from workers.errors import EngineError
from workers.text_to_speech.packets import spoken_packets

BITS_PER_SECOND: Final = 24_000
"""Less than for what is said live: good for one voice, and all of it fits in a few megabytes."""
BEGIN_AFTER_SECONDS: Final = 2.0
LOOK_AGAIN_SECONDS: Final = 600.0
"""How soon a worker notices that another one left the rest to it, or that Redis forgot."""
TRY_AGAIN_SECONDS: Final = 35.0
"""After Redis or an engine failed, or while somebody else rehearses: longer than a dead worker's lock."""
LOCK_SECONDS: Final = 30.0
QUIET_SECONDS: Final = 0.2
"""While there are tasks, how often it is looked whether there still are."""
LONGEST_REST_SECONDS: Final = 0.5
NICENESS: Final = 19

type Speak = Callable[[str, Language], Speech]
"""Plain speakable text, as a voice is to read it. Raises EngineError."""


class Rehearsal:
    """One per synthesize worker. ``lines`` are texts and their languages; ``voice`` names who speaks them, as a
    folder may be called; ``None`` for one that only brings here what others spoke."""

    def __init__(
        self,
        redis: Redis,
        cached: CachedSpeech,
        lines: Mapping[str, Language],
        speak: Speak,
        voice: str | None,
        *,
        is_busy: Callable[[], bool],
        most_bytes: int,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._redis = redis
        self._cached = cached
        self._lines = lines
        self._speak = speak
        self._voice = voice
        self._is_busy = is_busy
        self._most_bytes = most_bytes
        self._pause = pause

    def start(self) -> None:
        """In a daemon thread: it ends with the process, whatever it does."""
        threading.Thread(target=self._rehearse_for_ever, name="rehearsal", daemon=True).start()

    def rehearse(self) -> bool:
        """Speak what is missing, and share it. Whether all that can be had is here now.

        Raises RedisError, OSError and EngineError."""
        fetch(self._redis, self._cached)
        if self._voice is None:
            return True
        lock = self._redis.lock(keys.REHEARSING, timeout=LOCK_SECONDS)
        if not lock.acquire(blocking=False):
            return False
        try:
            self._speak_missing(self._voice, lock)
            share(self._redis, self._cached, self._voice)
            self._cached.tidy(self._voice, time.time())
        finally:
            with suppress(LockError):
                lock.release()
        return True

    def _speak_missing(self, voice: str, lock: Lock) -> None:
        held = sum(self._cached.names(voice).values())
        missing = self._cached.missing(voice)
        for text in missing:
            if held >= self._most_bytes:
                logger.warning("Not all is spoken ahead: {} bytes are enough (CACHED_SPEECH_MB)", held)
                break
            recording = self._spoken(text, lock)
            self._cached.keep(voice, recording)
            held += len(recording.to_bytes())
        if missing:
            logger.bind(stage="synthesize", success=True).info("Knows by heart what to say without a voice: {} B", held)

    def _spoken(self, text: str, lock: Lock) -> Recording:
        pieces = []
        for piece in self._cached.cut(text):
            while self._is_busy():
                self._pause(QUIET_SECONDS)
                lock.reacquire()
            lock.reacquire()
            began_at = time.monotonic()
            speech = self._speak(piece, self._lines[text])
            packets, _ = spoken_packets(speech, bits_per_second=BITS_PER_SECOND)
            pieces.append((piece, tuple(packets)))
            self._pause(min(time.monotonic() - began_at, LONGEST_REST_SECONDS))
        return Recording(text, tuple(pieces))

    def _rehearse_for_ever(self) -> None:
        with suppress(OSError, AttributeError):  # elsewhere than on Linux a thread has no priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        self._pause(BEGIN_AFTER_SECONDS)
        while True:
            is_done = False
            try:
                is_done = self.rehearse()
            except (RedisError, OSError, EngineError) as error:
                logger.bind(stage="synthesize", success=False).warning("Not spoken ahead for now: {}", error)
            except Exception as error:  # noqa: BLE001  # it must not take the worker with it
                logger.bind(stage="synthesize", success=False).opt(exception=error).error("Nothing is spoken ahead")
                return
            self._pause(LOOK_AGAIN_SECONDS if is_done else TRY_AGAIN_SECONDS)
