"""hibari: a small, instant English voice. Its woman's voice "heart" lies in the package itself."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np

from config.models import sha256_of
from config.settings import Settings
from workers.engines import Pcm
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.text_to_speech.expression import Knobs
from workers.text_to_speech.frames import blended, nearest, with_melody
from workers.text_to_speech.voice import CalibratedVoice

NAME: Final = "hibari"
THREADS: Final = 1
"""A second thread made it slower wherever it was measured: the model is too small to be shared out."""
SEED: Final = 2023
"""Of the breath noise in the voice: the same words sound the same each time."""
SHORTEST_IDS: Final = 3
"""A sound between the marks of beginning and end."""


class _Hibari(Protocol):
    """What we use of ``hibari.Hibari``, which carries no types."""

    sample_rate: int
    sess: Any
    """The network: from ids to the five parts of a spectrum and the pitch, in frames."""

    def stream(self, text: str, speed: float = ..., seed: int | None = ...) -> Iterator[Pcm]: ...

    def phonemize(self, text: str) -> list[str]: ...

    def ids(self, phonemes: str) -> list[int]: ...


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
    return CalibratedVoice(NAME, partial(_speak, model), model.sample_rate, "en")


def _speak(model: _Hibari, text: str, how: Knobs) -> Iterator[Pcm]:
    """As the package speaks, or, where a feeling is to be heard, from its network's frames."""
    if how.unpitched_rate == 1 and how.intonation == 1:
        yield from model.stream(text, seed=SEED)
        return
    from hibari.dsp import synth

    breath = np.random.default_rng(SEED)
    for phonemes in model.phonemize(text):
        ids = model.ids(phonemes)
        if len(ids) < SHORTEST_IDS:
            continue
        parts = model.sess.run(None, {"ids": np.array([ids], np.int64), "speed": np.ones(1, np.float32)})
        harmonics, phases, noise, rest, rest_phases, pitch_hz = (part[0] for part in parts)
        count = max(1, round(len(pitch_hz) / how.unpitched_rate))
        yield synth(
            blended(harmonics, count),
            nearest(phases, count),
            blended(noise, count),
            blended(rest, count),
            nearest(rest_phases, count),
            nearest(with_melody(pitch_hz, how.intonation), count),
            breath,
        )


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
