"""The engines of one stage in order: the first that can work serves, the next when it can't any more."""

import threading
from typing import cast

from loguru import logger

from config.settings import Settings
from workers.errors import EngineError, EngineUnavailable
from workers.registry import Stage, loader
from workers.substitutes import substitutes


class NoEngine(EngineUnavailable):
    """No engine of a stage can work. The message tells each one's cause."""

    code = "no-engine"


class Lineup[Engine]:
    """Loads engines when they are needed and keeps those that work. Any thread may ask; one loads at a time."""

    def __init__(self, stage: Stage, names: tuple[str, ...], settings: Settings) -> None:
        """Raises UnknownEngine at once when a name is wrong: a spelling mistake must not wait for a failure."""
        self._stage = stage
        self._settings = settings
        self._names = names
        for name in self._names:
            loader(stage, name)
        self._loaded: dict[str, Engine] = {}
        self._failed: dict[str, EngineError] = {}
        self._lock = threading.RLock()

    @property
    def names(self) -> tuple[str, ...]:
        """The engines in order, without those that could not be loaded."""
        with self._lock:
            return tuple(name for name in self._names if name not in self._failed)

    def candidates(self) -> tuple[str, ...]:
        """Whatever could serve: the engines in order, then the same ones with other models that were pulled."""
        return (*self._names, *self._substitutes())

    def named(self, name: str) -> Engine | None:
        """The engine of that name, loaded and warmed up; None when it can't be."""
        try:
            return self.engine(name)
        except EngineError:
            return None

    def loaded(self) -> tuple[Engine, ...]:
        """Those that serve already, the latest first. Waits for none that is being loaded."""
        return tuple(self._loaded.values())[::-1]

    def first(self) -> Engine:
        """The first engine that can be loaded, warmed up. Raises NoEngine with each one's cause."""
        for candidate in self.candidates():
            engine = self.named(candidate)
            if engine is not None:
                return engine
        causes = "; ".join(dict.fromkeys(str(error) for error in self._failed.values()))
        raise NoEngine(self._stage, causes or "no engine is left")

    def engine(self, candidate: str) -> Engine:
        """A candidate, loaded and warmed up. Raises EngineError; one that could not be loaded is not tried again."""
        with self._lock:
            if candidate in self._loaded:
                return self._loaded[candidate]
            if candidate in self._failed:
                raise self._failed[candidate]
            name, settings = self._substitutes().get(candidate, (candidate, self._settings))
            try:
                # The registry keeps engines of all stages; which Protocol this one satisfies is its row's promise.
                engine = cast("Engine", loader(self._stage, name)(settings))
            except EngineError as error:
                self._failed[candidate] = error
                logger.bind(stage=self._stage, model=candidate, success=False).error("Can't use this engine: {}", error)
                raise
            if candidate not in self._names:
                logger.bind(stage=self._stage, model=candidate).warning("Serving with {} for now", candidate)
            self._loaded[candidate] = engine
            return engine

    def _substitutes(self) -> dict[str, tuple[str, Settings]]:
        """Engines with other models than the settings name, when no engine works with that one."""
        return {
            f"{name} with {model}": (name, settings)
            for name in self._names
            for model, settings in substitutes(name, self._settings)
        }
