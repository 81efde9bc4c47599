"""Which engines there are, by name, and where each is made. Heavy libraries are imported only on ``load``."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Final, Literal

from config.settings import Settings

Stage = Literal["transcribe", "generate", "synthesize"]

type Load[Engine] = Callable[[Settings], Engine]
"""Makes an engine that is ready for work. Raises EngineUnavailable or EngineMisconfigured."""

ENGINES: Final[Mapping[Stage, Mapping[str, str]]] = {
    "transcribe": {
        "quickest": "workers.speech_to_text.choice:load",
        "faster-whisper": "workers.speech_to_text.faster_whisper:load",
        "openai-whisper": "workers.speech_to_text.openai_whisper:load",
    },
    "generate": {
        "llama.cpp": "workers.language.llama:load",
    },
    "synthesize": {
        "hibari": "workers.text_to_speech.hibari:load",
        "piper": "workers.text_to_speech.piper:load",
        "coqui": "workers.text_to_speech.coqui:load",
    },
}

PROVIDERS: Final = "providers"
"""Among the engines of a stage: every provider whose key is set, the best one first."""

AUTOMATIC: Final[Mapping[Stage, tuple[str, ...]]] = {
    "transcribe": ("quickest", "faster-whisper", "openai-whisper", PROVIDERS),
    "generate": ("llama.cpp", PROVIDERS),
    "synthesize": ("hibari", "piper", PROVIDERS),
}
"""What ``auto`` stands for, in order."""


def in_order(stage: Stage, names: tuple[str, ...]) -> tuple[str, ...]:
    """Each engine once, with what ``auto`` stands for in its place."""
    named = [engine for name in names for engine in (AUTOMATIC[stage] if name == "auto" else (name,))]
    return tuple(dict.fromkeys(named))


class UnknownEngine(Exception):
    """A setting names an engine that there is not."""

    def __init__(self, stage: Stage, name: str) -> None:
        known = ", ".join(ENGINES[stage])
        super().__init__(f"no {stage} engine is called {name!r}; there are: auto, {known}, {PROVIDERS}, or a provider")


def voices_of(engine: str, settings: Settings) -> Mapping[str, Settings]:
    """The voices of a synthesize engine that lie on this machine, by name, each with the settings that name it.

    An engine offers them by a function ``voices`` beside its ``load``; one without such has only the voice that it
    comes with. Raises UnknownEngine."""
    offered: Callable[[Settings], Mapping[str, Settings]] | None = getattr(
        _module("synthesize", engine), "voices", None
    )
    return {} if offered is None else offered(settings)


def loader(stage: Stage, name: str) -> Load[object]:
    """The ``load`` function of an engine. A name with a colon is a dotted path of your own engine.

    Raises UnknownEngine."""
    load: Load[object] = getattr(_module(stage, name), _path(stage, name).partition(":")[2])
    return load


def _module(stage: Stage, name: str) -> ModuleType:
    return import_module(_path(stage, name).partition(":")[0])


def _path(stage: Stage, name: str) -> str:
    path = name if ":" in name else ENGINES[stage].get(name)
    if path is None:
        raise UnknownEngine(stage, name)
    return path
