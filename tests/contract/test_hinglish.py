"""English voices say Hindi words so that they are understood."""

from pathlib import Path

import pytest

from config.settings import Settings
from tests.contract.hinglish import VOICES, Ear, errors_per_letter, sentences
from tests.contract.speech_corpus import Voice, Voices

HEARD = 20
"""Of the sentences on which nothing was tuned."""


@pytest.fixture(scope="module")
def ear(models_folder: Path) -> Ear:
    return Ear(Settings(_env_file=None, priya_home=models_folder.parent))


@pytest.mark.parametrize("voice", VOICES)
def test_whisper_hears_a_third_fewer_wrong_letters_with_the_lexicon(ear: Ear, voices: Voices, voice: Voice) -> None:
    said = [sentence for sentence in sentences() if sentence.is_held_out][:HEARD]
    without = errors_per_letter(ear, voices, voice, said, with_lexicon=False)
    with_it = errors_per_letter(ear, voices, voice, said, with_lexicon=True)

    assert with_it < 2 / 3 * without
