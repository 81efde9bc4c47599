"""Has the person finished, or only paused? smart-turn v3.2 on the sound of the last 8 s.

Takes some 50 ms of one core, so the caller asks from a thread, never from the event loop. Without the
model or onnxruntime there is no verdict and endpointing works on silence alone.
"""

from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np
from loguru import logger

from bot.memory import return_freed_memory
from bot.voice.mel import FRAMES, MELS, log_mel
from config.models import ModelRefused, verified_folder

MODEL: Final = "smart-turn-v3.2"
_FILE: Final = "smart-turn-v3.2-cpu.onnx"


class TurnJudge(Protocol):
    """Tells a pause from an end. May be asked from several threads at once."""

    def probability(self, pcm: bytes) -> float:
        """That the speaker has finished, 0 to 1. ``pcm`` is 16 kHz mono int16: the utterance and the pause."""
        ...


class SmartTurn:
    """The model, loaded and warmed up; about 45 MB. onnxruntime releases the GIL while it thinks."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 (onnxruntime has no types)
        self._session = session

    @classmethod
    def load(cls, models_folder: Path) -> Self:
        """Raises ModelRefused, and ImportError where onnxruntime is not installed."""
        import onnxruntime

        path = verified_folder(models_folder, MODEL) / _FILE
        options = onnxruntime.SessionOptions()
        # One thread: the cores are needed by the transcription that runs at the same moment.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # No arena, which would keep the most it ever used: 35 MB in a process that has 150.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            judge = cls(session)
            judge.probability(b"")
        except Exception as error:  # onnxruntime's errors share no base of their own
            raise ModelRefused(f"model {MODEL} can't be loaded: {error}") from error
        return judge

    def probability(self, pcm: bytes) -> float:
        speech = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
        picture = log_mel(speech).reshape(1, MELS, FRAMES)
        (answer,) = self._session.run(None, {"input_features": picture})
        return_freed_memory()
        return float(answer[0, 0])


def load_judge(models_folder: Path) -> SmartTurn | None:
    """The judge, or None with one warning in the log: endpointing then waits for a longer silence."""
    try:
        return SmartTurn.load(models_folder)
    except (ModelRefused, ImportError) as refusal:
        logger.warning("no smart-turn, ends of turns are told by silence alone: {}", refusal)
        return None
