"""What both Whisper engines do while they load: find the model, count the cores, make the first call."""

import os
import wave
from pathlib import Path
from typing import Final

import numpy as np

from config.audio import HEARD_RATE_HZ
from config.models import ModelNotPulled, ModelRefused, verified_folder
from config.settings import Settings
from workers.engines import Pcm
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.speech_to_text.cut import heard_seconds
from workers.speech_to_text.languages import FALLBACK
from workers.speech_to_text.listener import SpeechModel

MOST_CPU_THREADS: Final = 4
WARM_UP_TOKENS: Final = 8


def pulled_folder(engine: str, settings: Settings) -> Path:
    """The checked folder of the Whisper model that the settings name.

    Raises EngineUnavailable (not pulled) or EngineMisconfigured (pulled, and not what it should be)."""
    try:
        return verified_folder(settings.models_folder, settings.whisper_model)
    except ModelNotPulled as refused:
        raise EngineUnavailable(engine, str(refused)) from refused
    except ModelRefused as refused:
        raise EngineMisconfigured(engine, str(refused)) from refused


def cpu_threads() -> int:
    """As many as this process may run at once, up to where a model this small stops gaining."""
    return min(MOST_CPU_THREADS, len(os.sched_getaffinity(0)))


def warm_up[Encoded](model: SpeechModel[Encoded]) -> None:
    """Make every kernel and buffer that a live utterance needs, on speech of two lengths."""
    sample = spoken_sample()
    for speech in (sample[: len(sample) // 2], sample):
        encoded = model.encode(speech, heard_seconds(len(speech) / HEARD_RATE_HZ))
        model.language_odds(encoded)
        model.decode(encoded, FALLBACK, WARM_UP_TOKENS)


def spoken_sample() -> Pcm:
    """Two seconds of a voice (hibari) that says: Hello, how are you doing today?"""
    with wave.open(str(Path(__file__).with_name("sample.wav"))) as sample:
        unsigned = np.frombuffer(sample.readframes(sample.getnframes()), dtype=np.uint8)
    return (unsigned.astype(np.float32) - np.float32(128)) / np.float32(128)
