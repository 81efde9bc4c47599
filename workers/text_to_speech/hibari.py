"""hibari: a small, instant English voice. Its woman's voice "heart" lies in the package itself."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final, Protocol, cast

from config.models import sha256_of
from config.settings import Settings
from workers.engines import Pcm
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.text_to_speech.voice import CalibratedVoice

NAME: Final = "hibari"
THREADS: Final = 1
"""A second thread made it slower wherever it was measured: the model is too small to be shared out."""
SEED: Final = 2023
"""Of the breath noise in the voice: the same words sound the same each time."""


class _Hibari(Protocol):
    """What we use of ``hibari.Hibari``, which carries no types."""

    sample_rate: int

    def stream(self, text: str, speed: float = ..., seed: int | None = ...) -> Iterator[Pcm]: ...


def load(settings: Settings) -> CalibratedVoice:
    """Loaded, measured and warm. Raises EngineUnavailable when hibari-tts is not installed, and
    EngineMisconfigured when the voice is unknown, not there or damaged. Nothing is ever downloaded."""
    try:
        from hibari import Hibari
    except ImportError as error:
        raise EngineUnavailable(NAME, f"hibari-tts is not installed ({error})") from error
    file = _voice_file(settings.hibari_voice)
    try:
        model = cast("_Hibari", Hibari(voice=settings.hibari_voice, model=str(file), threads=THREADS))
    except Exception as error:
        raise EngineMisconfigured(NAME, f"can't load {file.name}: {error}") from error
    return CalibratedVoice(NAME, partial(model.stream, seed=SEED), model.sample_rate, "en")


def voices(settings: Settings) -> dict[str, Settings]:
    """Those whose files are here, by name, each with the settings that name it."""
    try:
        from hibari.voices import VOICES, voice_path
    except ImportError:
        return {}

    def is_here(name: str) -> bool:
        try:
            return Path(voice_path(name, download_missing=False)).is_file()
        except OSError:
            return False

    return {name: settings.model_copy(update={"hibari_voice": name}) for name in VOICES if is_here(name)}


def _voice_file(name: str) -> Path:
    """The voice's file, checked against the package's own list. Raises EngineMisconfigured."""
    from hibari.voices import VOICES, cache_dir, voice_path

    if name not in VOICES:
        raise EngineMisconfigured(NAME, f"HIBARI_VOICE={name!r} is unknown; there are: {', '.join(VOICES)}")
    try:
        file = Path(voice_path(name, download_missing=False))
        actual = sha256_of(file)
    except OSError as error:
        raise EngineMisconfigured(
            NAME, f"the voice {name} is not here; put {VOICES[name]['file']} into {cache_dir()} ({error.strerror})"
        ) from error
    if actual != VOICES[name]["sha256"]:
        raise EngineMisconfigured(NAME, f"{file.name} is damaged: sha256 {actual}; install hibari-tts again")
    return file
