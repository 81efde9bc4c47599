"""What every local Whisper does with an utterance: check it, hear it cut, write it down, believe it or not."""

from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np

from config.audio import HEARD_RATE_HZ
from workers.engines import Pcm, Transcript
from workers.errors import BadInput, EngineUnavailable
from workers.speech_to_text import languages, trust
from workers.speech_to_text.cut import WINDOW_SECONDS, heard_seconds
from workers.speech_to_text.trust import Decoded, Verdict

NOTHING: Final = ""


class SpeechModel[Encoded](Protocol):
    """The part in which the engines differ. Called from one thread at a time."""

    def encode(self, speech: Pcm, seconds: float) -> Encoded:
        """Hear ``speech`` and the silence after it up to ``seconds``; past that only remember silence."""
        ...

    def language_odds(self, encoded: Encoded) -> Mapping[str, float]:
        """Probability of each language that the model knows."""
        ...

    def decode(self, encoded: Encoded, language: str, limit: int) -> Decoded:
        """Write down at most ``limit`` tokens, the likeliest each time."""
        ...


class Listener[Encoded]:
    """A Transcriber over one speech model. One thread at a time; keeps nothing between calls."""

    def __init__(self, name: str, model: SpeechModel[Encoded], *, uncut: bool = False) -> None:
        """``uncut`` encodes the whole window each time: what the cut is measured against."""
        self._name = name
        self._model = model
        self._uncut = uncut

    @property
    def name(self) -> str:
        return self._name

    def transcribe(self, speech: Pcm, *, language: str | None = None) -> Transcript:
        """Raises BadInput for what is no utterance, EngineUnavailable when the model breaks."""
        check_utterance(self._name, speech)
        if language is not None and language not in languages.KNOWN:
            raise BadInput(self._name, f"{language!r} is not the code of a language that Whisper knows")
        if not trust.may_hold_speech(speech):
            return Transcript(NOTHING, language or languages.FALLBACK, 0.0)
        try:
            return self._hear(speech, language)
        except (RuntimeError, ValueError) as error:  # what CTranslate2 and torch raise
            raise EngineUnavailable(self._name, f"broke while transcribing: {error}") from error

    def _hear(self, speech: Pcm, language: str | None) -> Transcript:
        """Cut, and once more uncut if that gave a loop: the cut makes loops likelier."""
        seconds = len(speech) / HEARD_RATE_HZ
        windows = (WINDOW_SECONDS,) if self._uncut else (heard_seconds(seconds), WINDOW_SECONDS)
        for window in windows:
            encoded = self._model.encode(speech, window)
            spoken = language or languages.choose(self._model.language_odds(encoded), seconds)
            decoded = self._model.decode(encoded, spoken, trust.token_limit(seconds))
            verdict = trust.judge(decoded, last=window == WINDOW_SECONDS)
            if verdict is not Verdict.DOUBTED:
                break
        text = decoded.text.strip() if verdict is Verdict.BELIEVED else NOTHING
        return Transcript(text, spoken, min(1.0, float(np.exp(decoded.mean_logprob))))


def check_utterance(engine: str, speech: Pcm) -> None:
    """Raises BadInput unless ``speech`` is mono float32, at most 30 s of finite samples."""
    if not isinstance(speech, np.ndarray) or speech.dtype != np.float32 or speech.ndim != 1:
        raise BadInput(engine, "speech must be a one-dimensional array of float32 samples")
    if len(speech) > WINDOW_SECONDS * HEARD_RATE_HZ:
        raise BadInput(engine, f"{len(speech) / HEARD_RATE_HZ:.1f} s of speech; {WINDOW_SECONDS:.0f} s is the most")
    if not np.isfinite(speech).all():
        raise BadInput(engine, "speech holds samples that are no numbers")
