"""The engines of one stage in order: the first that can work serves, the next when it can't any more."""

import threading
from collections.abc import Callable, Iterator
from typing import cast

from loguru import logger

from config.settings import Settings
from workers.errors import BadInput, EngineError, EngineUnavailable
from workers.registry import AUTOMATIC, Stage, loader
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
        self._names = [engine for name in names for engine in (AUTOMATIC[stage] if name == "auto" else (name,))]
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

    def named(self, name: str) -> Engine | None:
        """The engine of that name, loaded and warmed up; None when it can't be."""
        return self._load(name, name, self._settings)

    def first(self) -> Engine:
        """The engine that serves now, loaded and warmed up. Raises NoEngine."""
        return next(self.usable())

    def usable(self) -> Iterator[Engine]:
        """Every engine that can work, best first, each loaded only when asked for. Raises NoEngine at the end.

        When no engine works with the model that the settings name, other models that were pulled are tried.
        """
        for name in self._names:
            engine = self._load(name, name, self._settings)
            if engine is not None:
                yield engine
        for name in self._names:
            for model, settings in substitutes(name, self._settings):
                engine = self._load(f"{name} with {model}", name, settings)
                if engine is not None:
                    logger.bind(stage=self._stage, model=name).warning("Serving with {} for now", model)
                    yield engine
        causes = "; ".join(dict.fromkeys(str(error) for error in self._failed.values()))
        raise NoEngine(self._stage, causes or "no engine is left")

    def attempt[Result](self, work: Callable[[Engine], Result]) -> tuple[Engine, Result]:
        """The first engine that doesn't fail at ``work``, and what it made.

        Raises BadInput at once (no engine can help), else NoEngine when all failed.
        """
        causes: list[str] = []
        try:
            for engine in self.usable():
                try:
                    return engine, work(engine)
                except BadInput:
                    raise
                except EngineError as error:
                    causes.append(str(error))
                    logger.bind(stage=self._stage, model=error.engine, success=False).warning(
                        "Trying the next engine: {}", error
                    )
        except NoEngine as error:
            causes.append(str(error))
        raise NoEngine(self._stage, "; ".join(causes))

    def _load(self, label: str, name: str, settings: Settings) -> Engine | None:
        with self._lock:
            if label in self._loaded:
                return self._loaded[label]
            if label in self._failed:
                return None
            try:
                # The registry keeps engines of all stages; which Protocol this one satisfies is its row's promise.
                engine = cast("Engine", loader(self._stage, name)(settings))
            except EngineError as error:
                self._failed[label] = error
                logger.bind(stage=self._stage, model=label, success=False).error("Can't use this engine: {}", error)
                return None
            self._loaded[label] = engine
            return engine
