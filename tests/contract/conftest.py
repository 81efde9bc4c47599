"""What takes long to load or to speak, once for all contract tests."""

from pathlib import Path

import pytest

from config.settings import Settings
from tests.contract.speech_corpus import Clip, Voices, corpus
from tests.contract.whispers import speech_models
from workers.engines import Transcriber
from workers.speech_to_text.listener import Listener


@pytest.fixture(scope="package")
def voices(models_folder: Path) -> Voices:
    return Voices(models_folder)


@pytest.fixture(scope="package")
def clips(voices: Voices) -> list[Clip]:
    return list(corpus(voices))


@pytest.fixture(scope="package")
def whispers(models_folder: Path) -> dict[str, Transcriber]:
    """Both engines by name, on the multilingual base model."""
    home = Settings(_env_file=None, priya_home=models_folder.parent)
    return {name: Listener(name, model) for name, model in speech_models(home).items()}
