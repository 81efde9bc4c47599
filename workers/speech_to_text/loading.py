"""What both Whisper engines do while they load: find the model, count the cores, make the first call."""

import os
from pathlib import Path
from typing import Final

import numpy as np

from config.audio import HEARD_RATE_HZ
from config.models import ModelRefused, verified_folder
from config.settings import Settings
from workers.engines import Pcm
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.speech_to_text.listener import SpeechModel

MOST_CPU_THREADS: Final = 4
WARM_UP_SECONDS: Final = (1.0, 3.0)


def pulled_folder(engine: str, settings: Settings) -> Path:
    """The checked folder of the Whisper model that the settings name.

    Raises EngineUnavailable (not pulled) or EngineMisconfigured (pulled, and not what it should be)."""
    try:
        return verified_folder(settings.models_folder, settings.whisper_model)
    except ModelRefused as refused:
        missing = not (settings.models_folder / settings.whisper_model).is_dir()
        raise (EngineUnavailable if missing else EngineMisconfigured)(engine, str(refused)) from refused


def cpu_threads() -> int:
    """As many as this process may run at once, up to where a model this small stops gaining."""
    return min(MOST_CPU_THREADS, len(os.sched_getaffinity(0)))


def warm_up[Encoded](model: SpeechModel[Encoded]) -> None:
    """Make every kernel and buffer that a live utterance needs, whatever there is to be heard."""
    for seconds in WARM_UP_SECONDS:
        encoded = model.encode(_murmur(seconds), seconds + 1.0)
        model.language_odds(encoded)
        model.decode(encoded, "en", 8)


def _murmur(seconds: float) -> Pcm:
    time = np.arange(round(seconds * HEARD_RATE_HZ), dtype=np.float32) / HEARD_RATE_HZ
    return (0.1 * np.sin(2 * np.pi * 150 * time) * np.sin(2 * np.pi * 4 * time)).astype(np.float32)
