"""``auto`` for hearing: measured once on a device, remembered, never trusted when it makes no sense."""

import json
import subprocess
from pathlib import Path

import pytest

from config.settings import Settings
from workers.errors import EngineUnavailable
from workers.speech_to_text import choice

FAST, SLOW = {"faster-whisper": 200.0, "openai-whisper": 400.0}, {"faster-whisper": 500.0, "openai-whisper": 90.0}
INSTALLED = {"faster-whisper": "faster-whisper 1 ctranslate2 1", "openai-whisper": "openai-whisper 1 torch 1"}


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    folder = tmp_path / "models" / "whisper-base"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"weights")
    return Settings(_env_file=None, priya_home=tmp_path)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clock is the world's edge: engines take what SLOW says. Names each measurement."""
    names: list[str] = []

    def measure_apart(_: Settings, name: str, patience_seconds: float) -> float:
        names.append(name)
        return SLOW[name]

    monkeypatch.setattr(choice, "_measure_apart", measure_apart)
    return names


def quickest(home: Settings, installed: dict[str, str] | None = None) -> str:
    return choice._quickest(home, home.models_folder / "whisper-base", installed or INSTALLED)


def memory(home: Settings) -> Path:
    return home.priya_home / "measured" / "transcribe.json"


def test_the_quickest_is_measured_once_and_remembered(home: Settings, measured: list[str]) -> None:
    assert quickest(home) == "openai-whisper"
    assert quickest(home) == "openai-whisper"
    assert measured == ["faster-whisper", "openai-whisper"]
    assert [file.name for file in memory(home).parent.iterdir()] == ["transcribe.json"]


def test_what_is_remembered_decides(home: Settings, measured: list[str]) -> None:
    quickest(home)
    (key,) = json.loads(memory(home).read_text())
    memory(home).write_text(json.dumps({key: FAST}))

    assert quickest(home) == "faster-whisper"


def test_another_version_is_measured_anew(home: Settings, measured: list[str]) -> None:
    quickest(home)
    quickest(home, {**INSTALLED, "openai-whisper": "openai-whisper 2 torch 1"})

    assert len(measured) == 4
    assert len(json.loads(memory(home).read_text())) == 2


def test_another_model_is_measured_anew(home: Settings, measured: list[str]) -> None:
    quickest(home)
    (home.models_folder / "whisper-base" / "model.bin").write_bytes(b"other weights")
    quickest(home)

    assert len(measured) == 4


@pytest.mark.parametrize("rubbish", ["", "{", "[]", "7", '{"key": 5}', '{"key": {"faster-whisper": "quick"}}', "\x00"])
def test_a_spoiled_memory_is_measured_anew(home: Settings, measured: list[str], rubbish: str) -> None:
    memory(home).parent.mkdir()
    memory(home).write_text(rubbish)

    assert quickest(home) == "openai-whisper"
    assert list(json.loads(memory(home).read_text()).values()) == [SLOW]


def test_a_home_that_can_not_be_written_only_costs_a_measurement(home: Settings, measured: list[str]) -> None:
    (home.priya_home / "measured").write_text("in the way")

    assert quickest(home) == "openai-whisper"


def test_a_single_engine_is_not_measured(home: Settings, measured: list[str]) -> None:
    assert quickest(home, {"faster-whisper": "1"}) == "faster-whisper"
    assert measured == []


def test_a_rival_that_takes_far_too_long_is_not_waited_for(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    patience: list[float] = []

    def measure_apart(_: Settings, name: str, patience_seconds: float) -> float:
        patience.append(patience_seconds)
        if name == "openai-whisper":
            raise subprocess.TimeoutExpired(name, patience_seconds)
        return 200.0

    monkeypatch.setattr(choice, "_measure_apart", measure_apart)

    assert quickest(home) == "faster-whisper"
    assert quickest(home) == "faster-whisper"
    assert len(patience) == 2  # remembered, the slow one too
    assert patience[1] < patience[0]


def test_when_nobody_answers_in_time_each_is_named(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure_apart(_: Settings, name: str, patience_seconds: float) -> float:
        raise subprocess.TimeoutExpired(name, patience_seconds)

    monkeypatch.setattr(choice, "_measure_apart", measure_apart)

    with pytest.raises(EngineUnavailable, match=r"faster-whisper: no answer.*openai-whisper: no answer"):
        quickest(home)


def test_engines_that_can_not_be_measured_are_named_with_their_reason(home: Settings) -> None:
    """In real processes: a model folder with rubbish in it."""
    with pytest.raises(EngineUnavailable, match=r"faster-whisper: .*; openai-whisper: .*"):
        quickest(home)


def test_a_model_that_is_not_pulled_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="pull whisper-base"):
        choice.load(Settings(_env_file=None, priya_home=tmp_path))


def test_both_engines_are_measured_for_real(models_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(models_folder)
    home = Settings(_env_file=None, priya_home=tmp_path, whisper_model="whisper-tiny.en")

    engine = choice.load(home)

    (took,) = json.loads(memory(home).read_text()).values()
    assert set(took) == {"faster-whisper", "openai-whisper"}
    assert engine.name == min(took, key=took.__getitem__)
