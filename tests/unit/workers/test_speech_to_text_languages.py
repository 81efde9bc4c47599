"""Which language an utterance is taken to be in."""

import pytest

from workers.speech_to_text.languages import EXPECTED, KNOWN, NEIGHBOURS, PHANTOMS, choose, code_of, likely


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
    assert NEIGHBOURS <= KNOWN


def test_whispers_own_names_are_understood() -> None:
    from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

    assert {code_of(name) for name in LANGUAGES.values()} == KNOWN
    assert all(code_of(name.title()) == code for name, code in TO_LANGUAGE_CODE.items())


@pytest.mark.parametrize(
    ("name", "code"), [("hi", "hi"), ("hi-IN", "hi"), (" Hindi ", "hi"), ("", None), ("dothraki", None)]
)
def test_a_language_is_named_by(name: str, code: str | None) -> None:
    assert code_of(name) == code


@pytest.mark.parametrize(
    ("heard", "seconds", "spoken"),
    [("en", 0.3, "en"), ("ur", 3.0, "hi"), ("es", 3.0, "es"), ("es", 1.0, "en"), ("pa", 1.0, "hi"), ("mi", 9.0, "en"),
     ("ta", 3.0, "ta")],
)  # fmt: skip
def test_without_odds_the_language_is(heard: str, seconds: float, spoken: str) -> None:
    assert likely(heard, seconds) == spoken
