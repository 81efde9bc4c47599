"""Which of Piper's voices she speaks with where nobody chose one."""

from pathlib import Path

import pytest

from config.settings import Settings
from workers.text_to_speech.piper import HERS, load, preferred

JOE = "piper-en_US-joe-medium"


@pytest.fixture
def home(tmp_path: Path, models_folder: Path) -> Settings:
    """A home of its own with the starter's voice."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / JOE).symlink_to(models_folder / JOE)
    return Settings(_env_file=None, priya_home=tmp_path)


def test_the_starter_has_only_a_man_s_voice(home: Settings) -> None:
    assert preferred(home) == (JOE,)


def test_a_woman_s_voice_is_taken_once_it_is_pulled(home: Settings) -> None:
    (home.models_folder / HERS[0]).mkdir()
    assert preferred(home) == (HERS[0], JOE)


def test_whoever_chose_a_voice_gets_it(home: Settings) -> None:
    (home.models_folder / HERS[0]).mkdir()
    assert preferred(Settings(_env_file=None, priya_home=home.priya_home, piper_voice=JOE)) == (JOE,)
    assert preferred(home.model_copy(update={"piper_voice": "piper-hi_IN-priyamvada-medium"})) == (
        "piper-hi_IN-priyamvada-medium",
    )


def test_a_damaged_one_leaves_her_the_starter_s(home: Settings) -> None:
    damaged = home.models_folder / HERS[0]
    damaged.mkdir()
    (damaged / "en_US-amy-medium.onnx").write_bytes(b"half of it")
    spoken = load(home).synthesize("Hello there.", language="en")
    assert len(spoken.pcm) / spoken.rate_hz > 0.3
