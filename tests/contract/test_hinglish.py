"""English voices say Hindi words so that they are understood."""

from pathlib import Path

import pytest

from config.settings import Settings
from tests.contract.hinglish import VOICES, Ear, errors_per_letter, sentences, voice_of

HEARD = 20
"""Of the sentences on which nothing was tuned."""


@pytest.fixture(scope="module")
def home(models_folder: Path) -> Settings:
    return Settings(_env_file=None, priya_home=models_folder.parent)


@pytest.fixture(scope="module")
def ear(home: Settings) -> Ear:
    return Ear(home)


@pytest.mark.parametrize("name", VOICES)
def test_whisper_hears_a_quarter_fewer_wrong_letters_with_the_lexicon(ear: Ear, home: Settings, name: str) -> None:
    voice = voice_of(name, home)
    said = [sentence for sentence in sentences() if sentence.is_held_out][:HEARD]
    without = errors_per_letter(ear, voice, said, with_lexicon=False)
    with_it = errors_per_letter(ear, voice, said, with_lexicon=True)

    assert with_it < 3 / 4 * without
