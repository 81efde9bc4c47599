"""CTranslate2's weights read back for openai-whisper, and files that are not what they should be."""

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from config.settings import Settings
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.speech_to_text import faster_whisper, openai_whisper
from workers.speech_to_text.ctranslate2_weights import WeightsRefused, read_whisper


@pytest.fixture
def tiny(models_folder: Path) -> Path:
    return models_folder / "whisper-tiny.en" / "model.bin"


def spoiled(folder: Path, data: bytes) -> Path:
    file = folder / "model.bin"
    file.write_bytes(data)
    return file


def test_sizes_and_weights_are_those_of_openais_tiny_model(tiny: Path) -> None:
    sizes, weights = read_whisper(tiny)

    assert astuple(sizes) == (80, 1500, 384, 6, 4, 51864, 448, 384, 6, 4)
    assert weights["decoder.token_embedding.weight"].shape == (51864, 384)
    assert weights["encoder.blocks.3.mlp.0.weight"].shape == (1536, 384)
    assert "decoder.blocks.0.cross_attn.key.weight" in weights
    assert "decoder.blocks.0.cross_attn.key.bias" not in weights
    assert all(np.isfinite(weight).all() for weight in weights.values())


@pytest.mark.parametrize("keep", [0, 3, 1000, 5_000_000, -1])
def test_a_truncated_file_is_refused(tiny: Path, tmp_path: Path, keep: int) -> None:
    with pytest.raises(WeightsRefused, match="ends too early"):
        read_whisper(spoiled(tmp_path, tiny.read_bytes()[:keep]))


def test_a_file_that_goes_on_is_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsRefused, match="goes on"):
        read_whisper(spoiled(tmp_path, tiny.read_bytes() + b"\0"))


def test_another_kind_of_model_is_refused(tiny: Path, tmp_path: Path) -> None:
    data = tiny.read_bytes().replace(b"WhisperSpec", b"MarianMTSpc", 1)

    with pytest.raises(WeightsRefused, match="MarianMTSpc"):
        read_whisper(spoiled(tmp_path, data))


def test_a_missing_weight_is_refused_by_name(tiny: Path, tmp_path: Path) -> None:
    data = tiny.read_bytes().replace(b"encoder/conv1/bias", b"encoder/conv9/bias", 1)

    with pytest.raises(WeightsRefused, match="encoder/conv1/bias"):
        read_whisper(spoiled(tmp_path, data))


@pytest.mark.parametrize("engine", [faster_whisper, openai_whisper], ids=lambda engine: engine.NAME)
def test_a_model_that_is_not_pulled_is_unavailable(engine, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="pull whisper-base"):
        engine.load(Settings(_env_file=None, priya_home=tmp_path))


def test_rubbish_beside_no_catalogue_is_misconfigured(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "my-own-whisper"
    folder.mkdir(parents=True)
    spoiled(folder, b"rubbish")

    with pytest.raises(EngineMisconfigured, match="my-own-whisper"):
        openai_whisper.load(Settings(_env_file=None, priya_home=tmp_path, whisper_model="my-own-whisper"))
