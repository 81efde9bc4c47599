import sys
from typing import Any

import numpy as np
import pytest
import soxr
from hibari import Hibari
from whisper.audio import log_mel_spectrogram

from bot.voice.mel import SAMPLES, log_mel
from bot.voice.smart_turn import SmartTurn, load_judge
from config.models import ModelRefused
from tests.fakes.hearing import to_pcm


def as_whisper_sees_it(speech: np.ndarray) -> Any:
    """Padded at the front, zero mean and unit variance, then openai-whisper's own picture."""
    padded = np.pad(speech[-SAMPLES:], (max(SAMPLES - speech.size, 0), 0)).astype(np.float64)
    normal = (padded - padded.mean()) / np.sqrt(padded.var() + 1e-7)
    return log_mel_spectrogram(normal.astype(np.float32)).numpy()


@pytest.mark.parametrize("samples", [0, 1, 159, 200, 201, 400, 16_000, 70_001, 127_800, 127_999, 128_000, 150_000])
def test_the_picture_is_whispers_for_every_length(samples):
    random = np.random.default_rng(samples)
    envelope = np.abs(np.sin(np.arange(samples) / 3000))
    speech = (0.1 * envelope * random.standard_normal(samples) + 0.01).astype(np.float32)
    assert np.abs(log_mel(speech) - as_whisper_sees_it(speech)).max() < 2e-4


@pytest.fixture(scope="module")
def judge(models_folder):
    return SmartTurn.load(models_folder)


@pytest.fixture(scope="module")
def sentence():
    spoken = np.asarray(Hibari()("What time does the train leave tomorrow morning?", seed=1))
    return soxr.resample(spoken, 24_000, 16_000).astype(np.float32)


def test_a_whole_question_is_over_and_half_of_it_is_not(judge, sentence):
    assert judge.probability(to_pcm(sentence)) > 0.9
    assert judge.probability(to_pcm(sentence[: int(sentence.size * 0.5)])) < 0.5


def test_no_sound_gives_a_probability_all_the_same(judge):
    assert 0 <= judge.probability(b"") <= 1


def test_only_the_last_eight_seconds_count(judge, sentence):
    long = np.concatenate([sentence] * 5)
    assert long.size > SAMPLES
    assert judge.probability(to_pcm(long)) == judge.probability(to_pcm(long[-SAMPLES:]))


def test_without_the_model_there_is_no_judge_but_no_crash(tmp_path):
    assert load_judge(tmp_path) is None


def test_without_onnxruntime_there_is_no_judge_but_no_crash(models_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert load_judge(models_folder) is None


def test_a_broken_model_is_refused_by_name(tmp_path):
    folder = tmp_path / "smart-turn-v3.2"
    folder.mkdir()
    (folder / "smart-turn-v3.2-cpu.onnx").write_bytes(b"half a model")
    with pytest.raises(ModelRefused, match=r"smart-turn-v3\.2"):
        SmartTurn.load(tmp_path)
    assert load_judge(tmp_path) is None
