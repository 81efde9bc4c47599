"""Read the weights out of a CTranslate2 Whisper ``model.bin``, named as openai-whisper names them.

One pulled model so serves both engines. The layout of the file is that of ``ModelSpec._serialize`` in
ctranslate2's ``specs/model_spec.py``, binary version 6, all little-endian:

    uint32 binary version, string "WhisperSpec", uint32 revision, uint32 count of variables,
    each: string name, uint8 rank, uint32 x rank dimensions, uint8 type, uint32 bytes, the bytes,
    uint32 count of aliases, each: string alias, string name          (string: uint16 length, text, NUL)
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

type Weights = dict[str, npt.NDArray[Any]]

BINARY_VERSION: Final = 6
SPEC: Final = "WhisperSpec"
SPEC_REVISION: Final = 3
TYPES: Final = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}

FRONT: Final = {
    "encoder.conv1.weight": "encoder/conv1/weight",
    "encoder.conv1.bias": "encoder/conv1/bias",
    "encoder.conv2.weight": "encoder/conv2/weight",
    "encoder.conv2.bias": "encoder/conv2/bias",
    "encoder.positional_embedding": "encoder/position_encodings/encodings",
    "encoder.ln_post.weight": "encoder/layer_norm/gamma",
    "encoder.ln_post.bias": "encoder/layer_norm/beta",
    "decoder.token_embedding.weight": "decoder/embeddings/weight",
    "decoder.positional_embedding": "decoder/position_encodings/encodings",
    "decoder.ln.weight": "decoder/layer_norm/gamma",
    "decoder.ln.bias": "decoder/layer_norm/beta",
}


class WeightsRefused(Exception):
    """The file is not a whole CTranslate2 Whisper model in a number format that can be read back."""


@dataclass(frozen=True, slots=True)
class WhisperSizes:
    """The fields of ``whisper.model.ModelDimensions``, in its order."""

    n_mels: int
    n_audio_ctx: int
    n_audio_state: int
    n_audio_head: int
    n_audio_layer: int
    n_vocab: int
    n_text_ctx: int
    n_text_state: int
    n_text_head: int
    n_text_layer: int


class _Reader:
    """Walks over the file's bytes; every step past the end is a refusal."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def take(self, count: int) -> memoryview:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise WeightsRefused("the file ends too early")
        self._at += count
        return piece

    def number(self, code: str) -> int:
        (value,) = struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}")))
        return int(value)

    def string(self) -> str:
        text = bytes(self.take(self.number("H")))
        if not text.endswith(b"\0"):
            raise WeightsRefused("a name in the file has no end")
        return text[:-1].decode("utf-8", "replace")

    def ended(self) -> bool:
        return self._at == len(self._data)


def read_whisper(file: Path) -> tuple[WhisperSizes, Weights]:
    """Sizes and weights (as stored, mostly fp16) of the model. Raises WeightsRefused, OSError."""
    variables = _read_variables(_Reader(file.read_bytes()))
    try:
        sizes = _sizes(variables)
        return sizes, _rename(variables, sizes)
    except KeyError as error:
        raise WeightsRefused(f"{error} is missing") from error


def _read_variables(reader: _Reader) -> Weights:
    version, spec, revision = reader.number("I"), reader.string(), reader.number("I")
    if (version, spec, revision) != (BINARY_VERSION, SPEC, SPEC_REVISION):
        raise WeightsRefused(
            f"{spec!r} {revision} in format {version}, not {SPEC!r} {SPEC_REVISION} in {BINARY_VERSION}"
        )
    variables: Weights = {}
    for _ in range(reader.number("I")):
        name = reader.string()
        shape = tuple(reader.number("I") for _ in range(reader.number("B")))
        variables[name] = _read_array(reader, name, shape)
    for _ in range(reader.number("I")):
        alias, name = reader.string(), reader.string()
        if name not in variables:
            raise WeightsRefused(f"{alias} stands for {name}, which is not there")
        variables[alias] = variables[name]
    if not reader.ended():
        raise WeightsRefused("the file goes on after its end")
    return variables


def _read_array(reader: _Reader, name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    kind, size = TYPES.get(reader.number("B")), reader.number("I")
    if kind is None:
        raise WeightsRefused(f"{name} has numbers of an unknown type")
    data = reader.take(size)
    if size != np.dtype(kind).itemsize * int(np.prod(shape, dtype=np.int64)):
        raise WeightsRefused(f"{name} has {size} bytes, which is not its shape {shape}")
    return np.frombuffer(data, dtype=kind).reshape(shape)


def _sizes(variables: Weights) -> WhisperSizes:
    n_audio_state, n_mels, _ = _shaped(variables, "encoder/conv1/weight", 3)
    n_audio_ctx, _ = _shaped(variables, "encoder/position_encodings/encodings", 2)
    n_vocab, n_text_state = _shaped(variables, "decoder/embeddings/weight", 2)
    n_text_ctx, _ = _shaped(variables, "decoder/position_encodings/encodings", 2)
    return WhisperSizes(
        n_mels=n_mels,
        n_audio_ctx=n_audio_ctx,
        n_audio_state=n_audio_state,
        n_audio_head=int(variables["encoder/num_heads"]),
        n_audio_layer=_count_layers(variables, "encoder"),
        n_vocab=n_vocab,
        n_text_ctx=n_text_ctx,
        n_text_state=n_text_state,
        n_text_head=int(variables["decoder/num_heads"]),
        n_text_layer=_count_layers(variables, "decoder"),
    )


def _shaped(variables: Weights, name: str, rank: int) -> tuple[int, ...]:
    shape = variables[name].shape
    if len(shape) != rank:
        raise WeightsRefused(f"{name} has shape {shape}")
    return shape


def _count_layers(variables: Weights, side: str) -> int:
    layers = {
        name.split("/")[1]
        for name in variables
        if name.startswith(f"{side}/layer_") and name.split("/")[1] != "layer_norm"
    }
    return len(layers)


def _rename(variables: Weights, sizes: WhisperSizes) -> Weights:
    weights = {ours: variables[theirs] for ours, theirs in FRONT.items()}
    for side, count in (("encoder", sizes.n_audio_layer), ("decoder", sizes.n_text_layer)):
        for index in range(count):
            weights.update(_layer(variables, f"{side}/layer_{index}", f"{side}.blocks.{index}"))
    for name, weight in weights.items():
        if weight.dtype not in (np.float16, np.float32):
            raise WeightsRefused(f"{name} is quantized to {weight.dtype}; pull the float16 model")
    return weights


def _layer(variables: Mapping[str, npt.NDArray[Any]], theirs: str, ours: str) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    def linear(source: str, target: str) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        for part in ("weight", "bias"):
            yield f"{ours}.{target}.{part}", variables[f"{theirs}/{source}/{part}"]

    def norm(source: str, target: str) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        yield f"{ours}.{target}.weight", variables[f"{theirs}/{source}/layer_norm/gamma"]
        yield f"{ours}.{target}.bias", variables[f"{theirs}/{source}/layer_norm/beta"]

    def stacked(source: str, targets: tuple[str, ...]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        for part in ("weight", "bias"):
            whole = variables[f"{theirs}/{source}/{part}"]
            if whole.shape[0] % len(targets):
                raise WeightsRefused(f"{theirs}/{source}/{part} has shape {whole.shape}")
            for target, piece in zip(targets, np.split(whole, len(targets)), strict=True):
                if (target.endswith("key"), part) != (True, "bias"):  # openai-whisper's keys have no bias
                    yield f"{ours}.{target}.{part}", piece

    yield from norm("self_attention", "attn_ln")
    yield from stacked("self_attention/linear_0", ("attn.query", "attn.key", "attn.value"))
    yield from linear("self_attention/linear_1", "attn.out")
    if theirs.startswith("decoder"):
        yield from norm("attention", "cross_attn_ln")
        yield from linear("attention/linear_0", "cross_attn.query")
        yield from stacked("attention/linear_1", ("cross_attn.key", "cross_attn.value"))
        yield from linear("attention/linear_2", "cross_attn.out")
    yield from norm("ffn", "mlp_ln")
    yield from linear("ffn/linear_0", "mlp.0")
    yield from linear("ffn/linear_1", "mlp.2")
