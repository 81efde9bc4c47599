"""Whisper on torch, by way of openai-whisper: float32 on a CPU, float16 on a GPU."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.settings import Settings
from workers.engines import Pcm, Transcriber
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.speech_to_text import languages
from workers.speech_to_text.ctranslate2_weights import WeightsRefused, read_whisper
from workers.speech_to_text.cut import WINDOW_SECONDS, murmur, padding_samples, remembered
from workers.speech_to_text.listener import Listener
from workers.speech_to_text.loading import cpu_threads, pulled_folder, warm_up
from workers.speech_to_text.trust import Decoded
from workers.waiting_threads import wait_briefly

if TYPE_CHECKING:
    from torch import Tensor
    from whisper.model import Whisper
    from whisper.tokenizer import Tokenizer

    from workers.speech_to_text.torch_decoder import Reading

NAME: Final = "openai-whisper"


def load(settings: Settings) -> Transcriber:
    """Raises EngineUnavailable (not installed, not pulled) or EngineMisconfigured (a file it can't read)."""
    return Listener(NAME, load_model(settings))


def load_model(settings: Settings) -> "TorchModel":
    """The speech model alone, warmed up. Raises what ``load`` raises."""
    folder = pulled_folder(NAME, settings)
    wait_briefly()
    try:
        import torch
        import whisper  # noqa: F401 - found missing here rather than on the first utterance
    except ImportError as error:
        raise EngineUnavailable(NAME, f"is not installed: {error}") from error
    on_gpu = torch.cuda.is_available()
    if not on_gpu:
        torch.set_num_threads(cpu_threads())
    try:
        model = _read_model(folder).requires_grad_(requires_grad=False).eval()
    except (WeightsRefused, RuntimeError, ValueError, KeyError, OSError, EOFError) as error:
        raise EngineMisconfigured(NAME, f"can't read {folder.name}: {error}") from error
    speech_model = TorchModel(model.to("cuda").half() if on_gpu else model.float())
    warm_up(speech_model)
    return speech_model


def _read_model(folder: Path) -> "Whisper":
    """OpenAI's own checkpoint when the folder has one, else CTranslate2's weights under OpenAI's names."""
    import torch
    from whisper.model import ModelDimensions, Whisper

    checkpoints = sorted(folder.glob("*.pt"))
    if checkpoints:
        checkpoint = torch.load(checkpoints[0], map_location="cpu", weights_only=True)
        sizes, weights = checkpoint["dims"], checkpoint["model_state_dict"]
    else:
        found, arrays = read_whisper(folder / "model.bin")
        sizes, weights = asdict(found), {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    model = Whisper(ModelDimensions(**sizes))
    model.load_state_dict(weights, strict=True)
    return model


@dataclass(frozen=True, slots=True)
class Beginning:
    """An utterance as the decoder stands before its first word: all that languages and no-speech are read from."""

    reading: "Reading"
    logits: "Tensor"
    """After the start of transcript, over the vocabulary."""


class TorchModel:
    """SpeechModel over a ``whisper.model.Whisper``, whose encoder is given only the audio there is."""

    def __init__(self, model: "Whisper") -> None:
        self._model = model
        self._tokenizer_for = cache(self._make_tokenizer)
        self._silence = self._encode_heard(murmur(), WINDOW_SECONDS)

    def _make_tokenizer(self, language: str) -> "Tokenizer":
        from whisper.tokenizer import get_tokenizer

        model = self._model
        return get_tokenizer(
            model.is_multilingual, num_languages=model.num_languages, language=language, task="transcribe"
        )

    def encode(self, speech: Pcm, seconds: float) -> Beginning:
        import torch

        from workers.speech_to_text.torch_decoder import begin, write

        with torch.inference_mode():
            heard = self._encode_heard(speech, seconds)
            if seconds < WINDOW_SECONDS:
                heard = torch.cat([heard, self._silence[:, remembered(heard.shape[1])]], dim=1)
            reading = begin(self._model, heard)
            return Beginning(reading, write(self._model, reading, [self._tokenizer_for(languages.FALLBACK).sot])[0])

    def _encode_heard(self, speech: Pcm, seconds: float) -> "Tensor":
        import torch
        from torch.nn.functional import gelu
        from whisper.audio import log_mel_spectrogram

        model, encoder = self._model, self._model.encoder
        with torch.inference_mode():
            mel = log_mel_spectrogram(
                torch.tensor(speech), model.dims.n_mels, padding_samples(speech, seconds), model.device
            )
            dtype = encoder.conv1.weight.dtype
            state = gelu(encoder.conv2(gelu(encoder.conv1(mel[None].to(dtype))))).permute(0, 2, 1)
            # AudioEncoder.forward, but for the positions: it insists on all 1500 of them.
            state = (state + encoder.positional_embedding[: state.shape[1]]).to(dtype)
            for block in encoder.blocks:
                state = block(state)
            encoded: Tensor = encoder.ln_post(state)
            return encoded

    def language_odds(self, encoded: Beginning) -> Mapping[str, float]:
        if not self._model.is_multilingual:
            return {languages.FALLBACK: 1.0}
        tokenizer = self._tokenizer_for(languages.FALLBACK)
        odds = encoded.logits[list(tokenizer.all_language_tokens)].softmax(dim=-1).tolist()
        return dict(zip(tokenizer.all_language_codes, odds, strict=True))

    def decode(self, encoded: Beginning, language: str, limit: int) -> Decoded:
        import torch

        from workers.speech_to_text.torch_decoder import write

        tokenizer, reading = self._tokenizer_for(language), encoded.reading.fork()
        never = _never_written(tokenizer)
        written: list[int] = []
        logprob = 0.0
        with torch.inference_mode():
            after_start = [*tokenizer.sot_sequence[1:], tokenizer.no_timestamps]
            logits = write(self._model, reading, after_start)[-1]
            logits[[*tokenizer.encode(" "), tokenizer.eot]] = -torch.inf  # something is said, and not a blank
            while True:
                logits[never] = -torch.inf
                logits[tokenizer.timestamp_begin :] = -torch.inf
                token = int(logits.argmax())
                logprob += float(logits.log_softmax(dim=-1)[token])
                if token == tokenizer.eot or len(written) == limit:
                    break
                written.append(token)
                logits = write(self._model, reading, [token])[-1]
        return Decoded(
            text=tokenizer.decode(written),
            tokens=len(written),
            mean_logprob=logprob / (len(written) + 1),
            no_speech=float(encoded.logits.softmax(dim=-1)[tokenizer.no_speech]),
            ended=token == tokenizer.eot,
        )


def _never_written(tokenizer: "Tokenizer") -> list[int]:
    """The tokens that ``whisper.decoding`` suppresses: sounds in brackets, notes, and all special ones."""
    return [
        *tokenizer.non_speech_tokens,
        *(tokenizer.transcribe, tokenizer.translate, tokenizer.sot),
        *(tokenizer.sot_prev, tokenizer.sot_lm, tokenizer.no_speech),
    ]
