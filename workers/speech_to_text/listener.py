"""What every local Whisper does with an utterance: check it, cut the encoder to it, decode, decide whether to believe it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from config.audio import HEARD_RATE_HZ
from workers.engines import Pcm, Transcript
from workers.errors import BadInput, EngineError, EngineUnavailable
from workers.speech_to_text import languages, trust

LONGEST_SECONDS: Final = 30.0
"""Whisper's window: 1500 positions of 20 ms."""
MARGIN_SECONDS: Final = 1.0
"""Silence that the encoder hears after the utterance, so that the decoder sees it end."""
SECOND_MARGIN_SECONDS: Final = 10.0
"""The same for the second try, when the first one gave a loop."""
NOTHING: Final = ""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder wrote, with what it thought of it."""

    text: str
    tokens: int
    """How many were written, the end of text not among them."""
    mean_logprob: float
    """Over the tokens and the end of text, as Whisper counts it."""
    no_speech: float
    """Probability of the token for "no speech" where the transcript begins."""
    ended: bool
    """Whether the decoder stopped by itself rather than at the limit."""


class SpeechModel[Encoded](Protocol):
    """The part in which the engines differ. Called from one thread at a time."""

    def encode(self, speech: Pcm, seconds: float) -> Encoded:
        """Hear ``speech`` followed by silence up to ``seconds``, and no more than that."""
        ...

    def language_odds(self, encoded: Encoded) -> Mapping[str, float]:
        """Probability of each language that the model knows."""
        ...

    def decode(self, encoded: Encoded, language: str, limit: int) -> Decoded:
        """Write down at most ``limit`` tokens."""
        ...


class Listener[Encoded]:
    """A Transcriber over one speech model. One thread at a time; keeps nothing between calls."""

    def __init__(self, name: str, model: SpeechModel[Encoded]) -> None:
        self._name = name
        self._model = model

    @property
    def name(self) -> str:
        return self._name

    def transcribe(self, speech: Pcm, *, language: str | None = None) -> Transcript:
        """Raises BadInput for what is no utterance, EngineUnavailable when the model breaks."""
        check_utterance(self._name, speech)
        try:
            return self._hear(speech, language)
        except EngineError:
            raise
        except (RuntimeError, ValueError) as error:  # what CTranslate2 and torch raise
            raise EngineUnavailable(self._name, f"broke while transcribing: {error}") from error

    def _hear(self, speech: Pcm, language: str | None) -> Transcript:
        if not trust.may_hold_speech(speech):
            return Transcript(NOTHING, language or languages.FALLBACK, 0.0)
        seconds = len(speech) / HEARD_RATE_HZ
        for margin in (MARGIN_SECONDS, SECOND_MARGIN_SECONDS):
            encoded = self._model.encode(speech, min(seconds + margin, LONGEST_SECONDS))
            spoken = language or languages.choose(self._model.language_odds(encoded))
            decoded = self._model.decode(encoded, spoken, trust.token_limit(seconds))
            verdict = trust.judge(decoded, seconds)
            if verdict is not trust.Verdict.LOOP:
                break
        if verdict is trust.Verdict.BELIEVED:
            return Transcript(decoded.text.strip(), spoken, float(np.exp(decoded.mean_logprob)))
        return Transcript(NOTHING, spoken, float(np.exp(decoded.mean_logprob)))


def check_utterance(engine: str, speech: Pcm) -> None:
    """Raises BadInput unless ``speech`` is mono float32, at most 30 s of finite samples."""
    if not isinstance(speech, np.ndarray) or speech.dtype != np.float32 or speech.ndim != 1:
        raise BadInput(engine, "speech must be a one-dimensional array of float32 samples")
    if len(speech) > LONGEST_SECONDS * HEARD_RATE_HZ:
        raise BadInput(engine, f"{len(speech) / HEARD_RATE_HZ:.1f} s of speech; {LONGEST_SECONDS:.0f} s is the most")
    if not np.isfinite(speech).all():
        raise BadInput(engine, "speech holds samples that are no numbers")
