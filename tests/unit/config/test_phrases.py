import random
from pathlib import Path

import pytest

from config.phrases import (
    FIELDS,
    KEYS,
    LANGUAGES,
    PHRASES_FILE,
    Language,
    PhrasesError,
    guess_language,
    language_of_text,
    phrases,
    read_phrases,
)

LONGEST_BUTTON_LABEL = 80
DISCORD_MESSAGE = 2_000


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", sorted(KEYS))
def test_everything_can_be_said_in_every_language_and_every_wording(key: str, language: Language) -> None:
    fields: dict[str, object] = dict.fromkeys(FIELDS.get(key, ()), "x")
    for seed in range(len(phrases().phrases[key].of(language)) * 4):
        said = phrases().say(key, language, random.Random(seed), **fields)
        assert said.strip() == said
        assert "{" not in said
        assert len(said) < DISCORD_MESSAGE / 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_hindi_is_written_in_devanagari_and_the_others_in_latin_letters(language: Language) -> None:
    for key, wordings in phrases().phrases.items():
        for wording in wordings.of(language):
            has_devanagari = any("\u0900" <= letter <= "\u097f" for letter in wording)
            assert has_devanagari == (language == "hi") or key.startswith("name_of_"), wording


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_fit_on_buttons_and_into_command_lists(language: Language) -> None:
    for key, wordings in phrases().phrases.items():
        if key.startswith("consent_button_"):
            assert all(len(wording) <= LONGEST_BUTTON_LABEL for wording in wordings.of(language))
        if key.startswith("help_"):
            assert all(len(wording) <= 100 for wording in wordings.of(language))


def test_wordings_change_with_chance_and_repeat_with_the_same_chance() -> None:
    said = {phrases().say("slow", "en", random.Random(seed)) for seed in range(50)}
    assert said == set(phrases().phrases["slow"].en)
    assert phrases().say("slow", "hi", random.Random(3)) == phrases().say("slow", "hi", random.Random(3))


def test_a_stage_is_called_by_its_name() -> None:
    for seed in range(9):
        assert "my ears" in phrases().say("no_worker", "en", random.Random(seed), stage="transcribe")


def test_what_is_filled_in_is_taken_as_it_is() -> None:
    assert "{voices}" in phrases().say("voice_unknown", "en", voice="{voices}", voices="heart")


def test_an_unknown_key_and_a_missing_field_are_told() -> None:
    with pytest.raises(KeyError):
        phrases().say("no such thing", "en")
    with pytest.raises(KeyError):
        phrases().say("cooldown", "en")


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('[phrases.late]\nen = ["', '[phrases.later]\nen = ["', "late, later"),
        ('[phrases.late]\nen = ["', '[phrases.late]\nen = ["{mood} ', "late, en.*mood"),
        ('[phrases.slow]\nen = ["', '[phrases.slow]\nen = [" ", "', "slow, en: a wording is empty"),
        ("[stages]", "[stages", "not TOML"),
        ('[phrases.slow]\nen = ["', '[phrases.slow]\nta = ["x"]\nen = ["', r"phrases\.slow\.ta"),
    ],
)
def test_a_spoilt_file_is_refused_by_name(before: str, after: str, named: str, tmp_path: Path) -> None:
    text = PHRASES_FILE.read_text(encoding="utf-8")
    assert before in text
    file = tmp_path / "phrases.toml"
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(PhrasesError, match=rf"(?s)phrases\.toml.*{named}"):
        read_phrases(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhrasesError, match=r"phrases\.toml can't be read"):
        read_phrases(tmp_path / "phrases.toml")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("what are you doing tonight", "en"),
        ("Priya can you say namaste to my mom please", "en"),
        ("do you like chai yaar?", "en"),
        ("is it so", "en"),
        ("join me in the main room", "en"),
        ("tu", "en"),
        ("kya kar rahi ho", "hinglish"),
        ("Main market jaa raha hoon", "hinglish"),
        ("priya tum kaisi ho", "hinglish"),
        ("chal theek hai", "hinglish"),
        ("ok yaar", "hinglish"),
        ("HAAN", "hinglish"),
        ("bro kya scene hai aaj", "hinglish"),
        ("तुम कैसी हो", "hi"),
        ("एक second please", "hi"),
        ("", "en"),
    ],
)
def test_the_language_of_a_text_is_guessed(text: str, language: Language) -> None:
    assert language_of_text(text) == language


@pytest.mark.parametrize("text", ["", "   ", "123 !!", "🙂"])
def test_nothing_to_tell_by_is_no_guess(text: str) -> None:
    assert guess_language(text) is None
