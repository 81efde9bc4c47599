"""Whisper on CTranslate2, by way of faster-whisper: int8 on a CPU, float16 on a GPU."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from config.settings import Settings
from workers.engines import Pcm, Transcriber
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.speech_to_text import languages
from workers.speech_to_text.cut import WINDOW_SECONDS, murmur, padding_samples, remembered
from workers.speech_to_text.listener import Listener
from workers.speech_to_text.loading import cpu_threads, pulled_folder, warm_up
from workers.speech_to_text.trust import Decoded
from workers.waiting_threads import wait_briefly

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

NAME: Final = "faster-whisper"


def load(settings: Settings) -> Transcriber:
    """Raises EngineUnavailable (not installed, not pulled) or EngineMisconfigured (a file it can't read)."""
    return Listener(NAME, load_model(settings))


def load_model(settings: Settings) -> "CTranslate2Model":
    """The speech model alone, warmed up. Raises what ``load`` raises."""
    folder = pulled_folder(NAME, settings)
    wait_briefly()
    try:
        import ctranslate2
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise EngineUnavailable(NAME, f"is not installed: {error}") from error
    on_gpu = ctranslate2.get_cuda_device_count() > 0
    try:
        model = WhisperModel(
            str(folder),
            device="cuda" if on_gpu else "cpu",
            compute_type="float16" if on_gpu else "int8",
            cpu_threads=cpu_threads(),
            local_files_only=True,
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise EngineMisconfigured(NAME, f"can't read {folder.name}: {error}") from error
    speech_model = CTranslate2Model(model)
    warm_up(speech_model)
    return speech_model


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the encoder made of an utterance: two ctranslate2.StorageView."""

    heard: Any
    """The utterance and its margin. A language is told as surely by it as with the silence, in two thirds of the time
    (docs/speech-to-text.md)."""
    whole: Any
    """With the remembered silence, without which the decoder repeats itself."""


class CTranslate2Model:
    """SpeechModel on CTranslate2. The encoder's output passes through numpy, to be joined with silence."""

    def __init__(self, model: "WhisperModel") -> None:
        self._model = model
        self._tokenizer_for = cache(self._make_tokenizer)
        self._silence = self._encode_heard(murmur(), WINDOW_SECONDS)

    def _make_tokenizer(self, language: str) -> "Tokenizer":
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=language
        )

    def encode(self, speech: Pcm, seconds: float) -> Encoded:
        heard = self._encode_heard(speech, seconds)
        if seconds >= WINDOW_SECONDS:
            whole = _view(heard)
            return Encoded(whole, whole)
        return Encoded(
            _view(heard), _view(np.concatenate([heard, self._silence[:, remembered(heard.shape[1])]], axis=1))
        )

    def _encode_heard(self, speech: Pcm, seconds: float) -> npt.NDArray[np.float32]:
        from ctranslate2 import DataType

        mel = self._model.feature_extractor(speech, padding=padding_samples(speech, seconds))
        encoded = self._model.model.encode(_view(mel[np.newaxis]), to_cpu=True).to(DataType.float32)
        return np.array(encoded)

    def language_odds(self, encoded: Encoded) -> Mapping[str, float]:
        if not self._model.model.is_multilingual:
            return {languages.FALLBACK: 1.0}
        (odds,) = self._model.model.detect_language(encoded.heard)
        return {token[2:-2]: probability for token, probability in odds}

    def decode(self, encoded: Encoded, language: str, limit: int) -> Decoded:
        tokenizer = self._tokenizer_for(language)
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        (result,) = self._model.model.generate(
            encoded.whole,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + limit,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=[-1, *tokenizer.non_speech_tokens],
        )
        tokens = result.sequences_ids[0]
        written = [token for token in tokens if token < tokenizer.eot]
        # CTranslate2 divides by the tokens it wrote; Whisper's own mean counts the end of text too.
        return Decoded(
            text=tokenizer.decode(written),
            tokens=len(written),
            mean_logprob=result.scores[0] * len(tokens) / (len(tokens) + 1),
            no_speech=result.no_speech_prob,
            ended=len(tokens) < limit,
        )


def _view(array: npt.NDArray[np.float32]) -> Any:  # noqa: ANN401 - a ctranslate2.StorageView
    from ctranslate2 import StorageView

    return StorageView.from_array(np.ascontiguousarray(array))
