"""Which language an utterance is taken to be in."""

import pytest

from workers.speech_to_text.languages import EXPECTED, KNOWN, PHANTOMS, choose


@pytest.mark.parametrize(
    ("odds", "seconds", "language"),
    [
        ({"en": 0.9, "hi": 0.1}, 3.0, "en"),
        ({"hi": 0.5, "en": 0.4}, 3.0, "hi"),
        ({"ur": 0.8, "hi": 0.1, "en": 0.1}, 3.0, "hi"),
        ({"ur": 0.3, "hi": 0.2, "en": 0.4}, 3.0, "hi"),
        ({"es": 0.95, "en": 0.05}, 3.0, "es"),
        ({"es": 0.6, "en": 0.3, "hi": 0.1}, 3.0, "en"),
        ({"zh": 0.91, "en": 0.05}, 0.8, "en"),
        ({"mi": 0.95, "en": 0.03, "hi": 0.01}, 3.0, "en"),
        ({"ta": 0.5, "hi": 0.2, "en": 0.1}, 3.0, "hi"),
        ({"en": 1.0}, 1.0, "en"),
        ({}, 1.0, "en"),
    ],
    ids=["English", "Hindi", "Urdu is Hindi", "Urdu counts for Hindi", "sure Spanish", "unsure Spanish", "bye bye",
         "Maori", "unsure Tamil", "a model for English", "no odds"],
)  # fmt: skip
def test_the_language_is(odds: dict[str, float], seconds: float, language: str) -> None:
    assert choose(odds, seconds) == language


def test_all_languages_named_are_known_to_whisper() -> None:
    from whisper.tokenizer import LANGUAGES

    assert set(LANGUAGES) == KNOWN
    assert PHANTOMS | set(EXPECTED) <= KNOWN
