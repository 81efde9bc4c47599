"""Voices by name: those that lie on this machine, and the few that were asked for lately, kept loaded."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, cast

from loguru import logger

from config.settings import Settings
from workers.engines import Synthesizer
from workers.errors import EngineError
from workers.lineup import Lineup
from workers.registry import loader, voices_of

KEPT_VOICES: Final = 2
"""Voices kept loaded besides the default one. One of hibari takes 90 MB and one of Piper 160, and both are loaded
again in less than a second."""
REST_SECONDS: Final = 60.0
"""A voice that could not be loaded is not tried again for so long."""


class Voices:
    """The voices of a line-up's engines. Any thread may ask; one loads at a time."""

    def __init__(
        self, lineup: Lineup[Synthesizer], settings: Settings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lineup = lineup
        self._settings = settings
        self._clock = clock
        self._kept: OrderedDict[str, Synthesizer] = OrderedDict()
        self._rests_until: dict[str, float] = {}
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """What can be asked for, the best engine's first. Looks at the disk."""
        return tuple(dict.fromkeys(name for engine in self._lineup.names for name in voices_of(engine, self._settings)))

    def find(self, name: str) -> Synthesizer | None:
        """The voice, loaded and warm, or None when it is not here or can't be loaded. Never raises."""
        kept = self._recall(name)
        if kept is not None:
            return kept
        with self._loading:
            kept = self._recall(name)
            return self._load(name) if kept is None else kept

    def _recall(self, name: str) -> Synthesizer | None:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def _load(self, name: str) -> Synthesizer | None:
        if self._clock() < self._rests_until.get(name, 0.0):
            return None
        for engine in self._lineup.names:
            settings = voices_of(engine, self._settings).get(name)
            if settings is None:
                continue
            if settings == self._settings and (own := self._lineup.named(engine)) is not None:
                return own
            try:
                voice = cast("Synthesizer", loader("synthesize", engine)(settings))
            except EngineError as error:
                logger.bind(stage="synthesize", success=False).error("Can't use the voice {!r}: {}", name, error)
                self._rests_until[name] = self._clock() + REST_SECONDS
                continue
            self._keep(name, voice)
            return voice
        logger.bind(stage="synthesize", success=False).warning("No voice is called {!r} here", name)
        return None

    def _keep(self, name: str, voice: Synthesizer) -> None:
        with self._lock:
            self._kept[name] = voice
            while len(self._kept) > KEPT_VOICES:
                # Whoever speaks with it right now has it in hand.
                self._kept.popitem(last=False)
