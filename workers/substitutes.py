"""Which other models could serve when the one that the settings name is refused: better another ear than none."""

from collections.abc import Iterator, Mapping
from typing import Final

from config.catalogue import shipped_catalogue
from config.settings import Settings

MODEL_SETTING: Final[Mapping[str, str]] = {
    "faster-whisper": "whisper_model",
    "openai-whisper": "whisper_model",
    "llama.cpp": "language_model",
    "piper": "piper_voice",
}
"""The setting that names each engine's model. Engines without one bring theirs along."""


def substitutes(engine: str, settings: Settings) -> Iterator[tuple[str, Settings]]:
    """The other models of an engine that were pulled, each with settings that name it; in catalogue order."""
    field = MODEL_SETTING.get(engine)
    if field is None:
        return
    for model in shipped_catalogue().models:
        is_other = model.name != getattr(settings, field)
        if is_other and engine in model.engines and (settings.models_folder / model.name).is_dir():
            yield model.name, settings.model_copy(update={field: model.name})
