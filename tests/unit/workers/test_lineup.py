import shutil
from pathlib import Path

import pytest

from config.emotions import NEUTRAL, Emotion
from config.settings import Settings
from workers.engines import Speech, Synthesizer
from workers.errors import EngineUnavailable
from workers.lineup import Lineup, NoEngine
from workers.registry import UnknownEngine

HERE = "tests.unit.workers.test_lineup"


class Voice:
    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self._error = error

    def synthesize(self, sentence: str, *, language: str, emotion: Emotion = NEUTRAL) -> Speech:
        if self._error is not None:
            raise self._error
        raise AssertionError("not asked to speak here")


LOADED: list[str] = []


def load_good(settings: Settings) -> Voice:
    LOADED.append("good")
    return Voice("good")


def load_other(settings: Settings) -> Voice:
    LOADED.append("other")
    return Voice("other")


def load_broken(settings: Settings) -> Voice:
    LOADED.append("broken")
    raise EngineUnavailable("broken", "its model is not pulled")


@pytest.fixture(autouse=True)
def nothing_loaded() -> None:
    LOADED.clear()


def lineup(settings: Settings, *names: str) -> Lineup[Synthesizer]:
    return Lineup("synthesize", tuple(f"{HERE}:load_{name}" for name in names), settings)


def test_only_the_first_that_works_is_loaded(settings: Settings) -> None:
    assert lineup(settings, "broken", "good", "other").first().name == "good"
    assert LOADED == ["broken", "good"]


def test_an_engine_is_loaded_once(settings: Settings) -> None:
    voices = lineup(settings, "broken", "good")
    assert voices.first() is voices.first()
    assert LOADED == ["broken", "good"]


def test_when_none_can_be_loaded_every_cause_is_told(settings: Settings) -> None:
    with pytest.raises(NoEngine, match="broken: its model is not pulled"):
        lineup(settings, "broken").first()


def test_one_that_can_not_be_loaded_is_not_tried_again(settings: Settings) -> None:
    voices = lineup(settings, "broken", "good")
    for _ in range(2):
        with pytest.raises(EngineUnavailable, match="not pulled"):
            voices.engine(f"{HERE}:load_broken")
    assert LOADED == ["broken"]
    assert voices.names == (f"{HERE}:load_good",)


def test_a_misspelt_engine_stops_the_start_and_names_the_others(settings: Settings) -> None:
    with pytest.raises(UnknownEngine, match=r"'pipper'.*hibari, piper"):
        Lineup("synthesize", ("pipper",), settings)


@pytest.fixture
def damaged_home(models_folder: Path, tmp_path: Path) -> Path:
    """A home whose Whisper model has one flipped bit, and another whole one beside it."""
    (tmp_path / "models").mkdir()
    for name in ("whisper-base", "whisper-tiny.en"):
        shutil.copytree(models_folder / name, tmp_path / "models" / name)
    model = tmp_path / "models" / "whisper-base" / "model.bin"
    with model.open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)
        file.seek(1_000_000)
        file.write(bytes([byte[0] ^ 1]))
    return tmp_path


def test_a_damaged_model_is_refused_by_name_and_another_serves(damaged_home: Path) -> None:
    settings = Settings(_env_file=None, priya_home=damaged_home)
    ears: Lineup[Synthesizer] = Lineup("transcribe", ("faster-whisper",), settings)
    assert ears.first().name == "faster-whisper"
    shutil.rmtree(damaged_home / "models" / "whisper-tiny.en")
    with pytest.raises(NoEngine, match=r"whisper-base/model\.bin: sha256 is .*pull whisper-base"):
        Lineup[Synthesizer]("transcribe", ("faster-whisper",), settings).first()
