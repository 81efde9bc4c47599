"""A person talks with Priya through ``python -m bot.local``: real processes, real models, real sound."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tests.e2e.conftest import Local, Speak
from tests.integration.running_stack import Home

TIMINGS = ("endpoint", "transcribe", "first_token", "first_sentence", "first_audio", "total")


def test_a_typed_turn_is_answered_and_spoken(local: Local, tmp_path: Path) -> None:
    said = local("--text", "hi", "--json", "--out", tmp_path / "out.wav")
    assert said.code == 0, said.errors
    [turn] = said.turns
    assert turn["heard"] == "hi"
    assert turn["reply"]
    assert turn["engines"] == {"generate": "llama.cpp", "synthesize": "hibari"}
    assert turn["failure"] is None
    spoken, rate = soundfile.read(tmp_path / "out.wav")
    assert rate == 48_000
    assert np.abs(spoken).max() > 0.05
    assert len(spoken) / rate == pytest.approx(sum(segment["ms"] for segment in turn["segments"]) / 1000, abs=0.1)


def test_a_spoken_turn_is_heard_answered_and_timed(local: Local, speak: Speak, tmp_path: Path) -> None:
    wav = speak("What did you eat for lunch today?")
    said = local("--wav", wav, "--out", tmp_path / "out.wav", "--realtime", "--json")
    assert said.code == 0, said.errors
    [turn] = said.turns
    assert "lunch" in turn["heard"].lower()
    assert turn["language"] == "en"
    assert set(turn["engines"]) == {"transcribe", "generate", "synthesize"}
    timings = turn["timings"]
    assert all(timings[name] > 0 for name in TIMINGS)
    assert timings["transcribe"] <= timings["first_token"] <= timings["first_sentence"] <= timings["first_audio"]
    assert [segment["index"] for segment in turn["segments"]] == list(range(len(turn["segments"])))


def test_her_answer_can_be_understood_again(local: Local, speak: Speak, tmp_path: Path) -> None:
    """The sound that comes out says the words of the reply: played back to her, she hears them."""
    answered = local("--wav", speak("Tell me about your day."), "--out", tmp_path / "out.wav", "--json")
    first_segment = answered.turns[0]["segments"][0]
    sound, rate = soundfile.read(tmp_path / "out.wav", dtype="float32")
    soundfile.write(tmp_path / "first.wav", sound[: first_segment["ms"] * rate // 1000], rate)
    heard = local("--wav", tmp_path / "first.wav", "--json").turns[0]["heard"]
    written = {word.strip(".,!?'\"").lower() for word in first_segment["text"].split()}
    spoken = {word.strip(".,!?'\"").lower() for word in heard.split()}
    assert len(written & spoken) >= len(written) / 2


def test_several_recordings_are_one_conversation(local: Local, speak: Speak) -> None:
    first, second = speak("My name is Asha.", "first.wav"), speak("What is my name?", "second.wav")
    said = local("--wav", first, second, "--json")
    assert said.code == 0, said.errors
    assert len(said.turns) == 2
    assert "name" in said.turns[1]["heard"].lower()


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (22_050, 1), (44_100, 2), (48_000, 2), (96_000, 1)])
def test_any_common_wav_is_taken(rate: int, channels: int, local: Local, speak: Speak, tmp_path: Path) -> None:
    sound, own_rate = soundfile.read(speak("Good morning, my friend."), dtype="float32")
    resampled = soxr.resample(sound, own_rate, rate)
    file = tmp_path / "other.wav"
    soundfile.write(file, np.column_stack([resampled] * channels), rate)
    said = local("--wav", file, "--json")
    assert said.code == 0, said.errors
    assert "morning" in said.turns[0]["heard"].lower()


def test_two_sentences_with_a_long_pause_are_two_turns(local: Local, speak: Speak, tmp_path: Path) -> None:
    first, rate = soundfile.read(speak("Good morning, my friend."), dtype="float32")
    second, _ = soundfile.read(speak("What is the weather like?"), dtype="float32")
    pause = np.zeros(int(rate * 2.0), np.float32)
    soundfile.write(tmp_path / "both.wav", np.concatenate([first, pause, second]), rate)
    said = local("--wav", tmp_path / "both.wav", "--json")
    assert [turn["failure"] for turn in said.turns] == [None, None]
    assert "morning" in said.turns[0]["heard"].lower()
    assert "weather" in said.turns[1]["heard"].lower()


def test_a_conversation_is_remembered_over_two_calls(local: Local, home: Home) -> None:
    for text in ("I like mangoes", "what do I like?"):
        assert local("--text", text, "--json", "--conversation", "test:remembered").code == 0
    from tasks import keys
    from tasks.connections import connect

    with connect(home.redis_url) as connection:
        assert connection.hlen(keys.history("test:remembered")) == 2


def test_without_json_her_words_are_printed(local: Local) -> None:
    said = local("--text", "hi")
    assert said.code == 0
    assert said.turns == []
