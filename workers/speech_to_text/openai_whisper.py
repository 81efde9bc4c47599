"""Whisper on torch, by way of openai-whisper: float32 on a CPU, float16 on a GPU."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.audio import HEARD_RATE_HZ
from config.settings import Settings
from workers.engines import Pcm, Transcriber
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.speech_to_text import languages
from workers.speech_to_text.ctranslate2_weights import WeightsRefused, read_whisper
from workers.speech_to_text.listener import Decoded, Listener
from workers.speech_to_text.loading import cpu_threads, pulled_folder, warm_up

if TYPE_CHECKING:
    from torch import Tensor
    from whisper.model import Whisper
    from whisper.tokenizer import Tokenizer

NAME: Final = "openai-whisper"


def load(settings: Settings) -> Transcriber:
    """Raises EngineUnavailable (not installed, not pulled) or EngineMisconfigured (a file it can't read)."""
    folder = pulled_folder(NAME, settings)
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
    return Listener(NAME, speech_model)


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


class TorchModel:
    """SpeechModel over a ``whisper.model.Whisper``, whose encoder is given only the audio there is."""

    def __init__(self, model: "Whisper") -> None:
        self._model = model
        self._tokenizer_for = cache(self._make_tokenizer)

    def _make_tokenizer(self, language: str) -> "Tokenizer":
        from whisper.tokenizer import get_tokenizer

        return get_tokenizer(
            self._model.is_multilingual,
            num_languages=self._model.num_languages,
            language=language,
            task="transcribe",
        )

    def encode(self, speech: Pcm, seconds: float) -> "Tensor":
        import torch
        from torch.nn.functional import gelu
        from whisper.audio import log_mel_spectrogram

        model = self._model
        padding = max(0, round(seconds * HEARD_RATE_HZ) - len(speech))
        with torch.inference_mode():
            mel = log_mel_spectrogram(torch.from_numpy(speech), model.dims.n_mels, padding, model.device)
            dtype = model.encoder.conv1.weight.dtype
            hidden = gelu(model.encoder.conv1(mel[None].to(dtype)))
            hidden = gelu(model.encoder.conv2(hidden)).permute(0, 2, 1)
            # AudioEncoder.forward, but for the positions: it insists on all 1500 of them.
            hidden = (hidden + model.encoder.positional_embedding[: hidden.shape[1]]).to(dtype)
            for block in model.encoder.blocks:
                hidden = block(hidden)
            encoded: Tensor = model.encoder.ln_post(hidden)
            return encoded

    def language_odds(self, encoded: "Tensor") -> Mapping[str, float]:
        import torch

        if not self._model.is_multilingual:
            return {languages.FALLBACK: 1.0}
        tokenizer = self._tokenizer_for(languages.FALLBACK)
        with torch.inference_mode():
            start = torch.tensor([[tokenizer.sot]], device=encoded.device)
            logits = self._model.decoder(start, encoded)[0, 0]
            odds = logits[list(tokenizer.all_language_tokens)].softmax(dim=-1).tolist()
        return dict(zip(tokenizer.all_language_codes, odds, strict=True))

    def decode(self, encoded: "Tensor", language: str, limit: int) -> Decoded:
        import torch

        tokenizer = self._tokenizer_for(language)
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        with torch.inference_mode():
            written, logprob, no_speech, ended = self._greedy(encoded, tokenizer, prompt, limit)
        return Decoded(
            text=tokenizer.decode(written),
            tokens=len(written),
            mean_logprob=logprob / (len(written) + 1),
            no_speech=no_speech,
            ended=ended,
        )

    def _greedy(
        self, encoded: "Tensor", tokenizer: "Tokenizer", prompt: list[int], limit: int
    ) -> tuple[list[int], float, float, bool]:
        import torch

        never = [*tokenizer.non_speech_tokens, tokenizer.transcribe, tokenizer.translate, tokenizer.sot]
        never += [tokenizer.sot_prev, tokenizer.sot_lm, tokenizer.no_speech]
        cache, hooks = self._model.install_kv_cache_hooks()
        try:
            step = torch.tensor([prompt], device=encoded.device)
            logits = self._model.decoder(step, encoded, kv_cache=cache)[0]
            start = prompt.index(tokenizer.sot)
            no_speech = float(logits[start].softmax(dim=-1)[tokenizer.no_speech])
            written: list[int] = []
            logprob = 0.0
            while True:
                last = logits[-1]
                last[never] = -torch.inf
                last[tokenizer.timestamp_begin :] = -torch.inf
                if not written:
                    last[[*tokenizer.encode(" "), tokenizer.eot]] = -torch.inf
                token = int(last.argmax())
                logprob += float(last.log_softmax(dim=-1)[token])
                if token == tokenizer.eot or len(written) == limit:
                    return written, logprob, no_speech, token == tokenizer.eot
                written.append(token)
                step = torch.tensor([[token]], device=encoded.device)
                logits = self._model.decoder(step, encoded, kv_cache=cache)[0]
        finally:
            for hook in hooks:
                hook.remove()
