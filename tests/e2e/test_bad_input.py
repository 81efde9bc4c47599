"""What people get for what can't be answered: one clear sentence, an exit code, and nothing lost."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.e2e.conftest import Local, Speak
from tests.integration.running_stack import Home

RATE = 16_000

MONOLOGUE = (
    "We walked along the river in the evening and talked about the old days and the people we used to know,",
    "and my uncle had a red bicycle that he rode to work every morning even when it was raining very hard,",
    "and in the kitchen there was always somebody cooking rice and lentils for all of us and for the neighbours,",
    "and our teacher told us stories about kings and elephants until the bell rang and we had to go home,",
    "and in winter we sat on the roof in the sun and ate oranges and threw the peel down into the street,",
    "and on Sundays we went to the market with my grandmother who knew the price of everything by heart,",
    "and once a year we took the night train to the sea and nobody slept because we were much too happy,",
)


def noise(seconds: float, level: float) -> np.ndarray:
    return (np.random.default_rng(7).standard_normal(int(seconds * RATE)) * level).astype(np.float32)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda file: None, "there is no such file"),
        (lambda file: file.write_bytes(b""), "the file is empty"),
        (lambda file: soundfile.write(file, np.zeros(0, np.float32), RATE), "0.00 s long"),
        (lambda file: soundfile.write(file, np.zeros(600 * RATE, np.int16), RATE), "600 s long"),
        (lambda file: file.write_bytes(b"PK\x03\x04 this is no sound" * 50), "not a sound file"),
        (lambda file: file.write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt \x10\x00"), "not a sound file"),
        (lambda file: file.mkdir(), "that is a folder"),
    ],
    ids=["missing", "empty", "no-sound", "ten-minutes", "zip", "broken-header", "folder"],
)
def test_a_file_that_is_no_speech_is_refused_by_name(make, sentence: str, local: Local, tmp_path: Path) -> None:
    file = tmp_path / "in.wav"
    make(file)
    said = local("--wav", file, "--json")
    assert said.code == 2
    assert said.turns == []
    assert said.errors.count("\n") == 1
    assert str(file) in said.errors
    assert sentence in said.errors


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(2 * RATE, np.float32),
        noise(3, 0.001),
        noise(3, 0.1),
        np.sin(np.arange(3 * RATE) / 20).astype(np.float32),
    ],
    ids=["silence", "faint-noise", "loud-noise", "tone"],
)
def test_sound_without_words_is_not_answered(sound: np.ndarray, local: Local, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", sound, RATE)
    said = local("--wav", tmp_path / "in.wav", "--json")
    assert said.code == 4
    assert all(turn["heard"] == "" for turn in said.turns)


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "nothing in the text"), (" \n ", "nothing in"), ("x" * 100_000, "100,000")]
)
def test_a_text_that_can_not_be_answered_is_refused(text: str, sentence: str, local: Local) -> None:
    said = local("--text", text, "--json")
    assert (said.code, said.turns) == (2, [])
    assert sentence in said.errors
    assert said.errors.count("\n") == 1


def test_without_a_stack_it_says_so(local: Local) -> None:
    said = local("--text", "hi", "--json", REDIS_URL="redis://127.0.0.1:1/0")
    assert (said.code, said.turns) == (3, [])
    assert "make stack" in said.errors
    assert said.errors.count("\n") == 1


def test_a_password_is_not_shown_when_redis_is_away(local: Local) -> None:
    said = local("--text", "hi", REDIS_URL="redis://:hunter2-canary@127.0.0.1:1/0")
    assert said.code == 3
    assert "hunter2-canary" not in said.errors


def test_a_bad_setting_is_named(local: Local) -> None:
    said = local("--text", "hi", REQUEST_TIMEOUT="soon")
    assert said.code == 2
    assert "REQUEST_TIMEOUT" in said.errors


def test_an_answer_that_can_not_be_written_is_told_before_she_is_asked(local: Local, tmp_path: Path) -> None:
    said = local("--text", "hi", "--out", tmp_path / "no" / "out.wav")
    assert said.code == 2
    assert "there is no folder" in said.errors


def test_half_a_minute_without_a_pause_is_cut_and_goes_on(local: Local, speak: Speak, tmp_path: Path) -> None:
    spoken = [soundfile.read(speak(text), dtype="float32") for text in MONOLOGUE]
    rate = spoken[0][1]
    # Without the silence around each sentence nobody can tell where one ends.
    breathless = np.concatenate([sound[int(0.3 * rate) : -int(0.1 * rate)] for sound, _ in spoken])
    assert len(breathless) / rate > 33
    soundfile.write(tmp_path / "long.wav", breathless, rate)
    said = local("--wav", tmp_path / "long.wav", "--json", seconds=120)
    assert said.code == 0, said.errors
    heard = " ".join(turn["heard"] for turn in said.turns).lower()
    assert len(said.turns) >= 2
    # Words right beside the cut may suffer: Whisper likes to drop the end of speech that stops dead.
    unheard = [
        word for word in ("river", "bicycle", "kitchen", "teacher", "winter", "train", "sea") if word not in heard
    ]
    assert not unheard, heard


def test_a_stage_without_a_worker_is_named(local: Local, home: Home) -> None:
    """Its worker is frozen: to the others it is not there."""
    process = home.running_as("-m tasks.worker synthesize")
    assert process is not None
    process.suspend()
    try:
        said = local("--text", "hi", "--json", seconds=30)
    finally:
        process.resume()
    assert said.code == 3
    assert "no synthesize worker is running" in said.errors


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--text", "hi", "--out", "answer.mp3"], "ends in .wav"),
        (["--text", "hi", "--out", "."], "ends in .wav"),
        (["--wav", "a" * 300 + ".wav"], "File name too long"),
        (["--text", b"\xff"], "is not UTF-8"),
        (["--text", "hi", "--name", b"\xff"], "is not UTF-8"),
    ],
)
def test_odd_arguments_are_refused_before_she_is_asked(arguments, sentence: str, local: Local) -> None:
    said = local(*(os.fsdecode(argument) for argument in arguments))
    assert (said.code, said.turns) == (2, [])
    assert sentence in said.errors
    assert "Traceback" not in said.errors


@pytest.mark.parametrize(
    ("name", "value"),
    [("REDIS_URL", "redis://:p@localhost:notaport/0"), ("LOG_FILE", "/tmp"), ("MODEL_TIMEOUT", "inf")],
)
def test_every_bad_setting_is_named_without_a_traceback(name: str, value: str, local: Local) -> None:
    said = local("--text", "hi", **{name: value})
    assert said.code == 2
    assert name in said.errors
    assert said.errors.count("\n") == 1
