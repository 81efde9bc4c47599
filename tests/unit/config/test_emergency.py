"""What she says when nothing can think for her: honest, sayable, fitting, and never the same twice in a row."""

import random
from pathlib import Path

import pytest

from config.emergency import (
    CRISIS,
    HELPLINES,
    SHIPPED,
    EmergencyError,
    emergency,
    known_by_heart,
    read_emergency,
)
from config.phrases import LANGUAGES, Language
from tests.hostile_text import SENTENCE_OF_A_LETTER, TYPED_MOST, no_end_in_sight
from workers.language.speakable import speakable

FOGGY_WORDS = (
    *("fog", "think", "thought", "thread", "head", "brain", "mind", "dimaag", "soch", "बात भूल", "दिमाग़", "सोच"),
    *("bhool", "धुंध"),
)
PROMISES = (
    *("i'll", "i will", "i promise", "be right back", "always be", "ungi ", "unga ", "oongi", "ूँगी", "ूंगी", "वादा"),
    *("definitely", "zaroor", "ज़रूर"),
)
LONGEST = 130
LONGEST_OF_A_CRISIS = 300

LINES = list(emergency().every_line())


@pytest.mark.parametrize(("language", "line"), LINES, ids=[line[:24] for _, line in LINES])
def test_every_answer_is_sayable_honest_short_and_promises_nothing(language: Language, line: str) -> None:
    assert speakable(line) == line
    assert any(word in line.lower() for word in FOGGY_WORDS), "it owns up to her foggy head"
    assert not any(word in f"{line.lower()} " for word in PROMISES)
    is_crisis = line in emergency().kind[0].of(language)
    assert len(line) <= (LONGEST_OF_A_CRISIS if is_crisis else LONGEST)


def test_nothing_that_answers_a_crisis_is_said_to_anything_else_and_each_names_real_help() -> None:
    crisis, *others = emergency().kind
    assert crisis.name == CRISIS
    for language in LANGUAGES:
        assert not set(crisis.of(language)) & {line for kind in others for line in kind.of(language)}
        assert all(name in line for line in crisis.of(language) for name in HELPLINES)
        assert not any("!" in line or "ha." in line for line in crisis.of(language))


# What was said, and what kind of thing it is.

THINGS_SAID = Path(__file__).with_name("things_said.txt").read_text(encoding="utf-8")
TABLE = [
    (text, kind)
    for kind, _, texts in (line.partition(": ") for line in THINGS_SAID.splitlines())
    for text in texts.split(" | ")
]


@pytest.mark.parametrize(("text", "kind"), TABLE)
def test_the_kind_of_what_was_said_is_known(text: str, kind: str) -> None:
    assert emergency().kind_of(text) == kind


def test_every_kind_is_in_the_table_and_every_answer_is_one_of_its_kind() -> None:
    assert {kind for _, kind in TABLE} == {kind.name for kind in emergency().kind}
    by_name = {kind.name: kind for kind in emergency().kind}
    for text, kind in TABLE:
        assert emergency().reply(text, "en", chance=random.Random(1)) in by_name[kind].en


@pytest.mark.parametrize("text", ["haan " * 40_000, "?" * 5_000, "\x00\u200b", "👩‍👩‍👧 🇮🇳", "a" * 50_000])
def test_any_text_is_some_kind(text: str) -> None:
    assert emergency().kind_of(text)


# The answer.


@pytest.mark.parametrize(
    ("said", "language", "letters"),
    [
        ("i am so sad", "", "en"),
        ("bahut udaas hoon yaar", "", "hinglish"),
        ("मैं उदास हूँ", "", "hi"),
        ("i am so sad", "hi", "hi"),
        ("मैं उदास हूँ", "en", "en"),
        ("hello", "hinglish", "hinglish"),
        ("123", "", "en"),
        ("hello", "fr", "en"),
    ],
)
def test_the_answer_is_in_the_chosen_language_else_in_that_of_what_was_said(
    said: str, language: str, letters: Language
) -> None:
    kind = {kind.name: kind for kind in emergency().kind}[emergency().kind_of(said)]
    assert emergency().reply(said, language, chance=random.Random(3)) in kind.of(letters)


@pytest.mark.parametrize("kind", [kind.name for kind in emergency().kind])
@pytest.mark.parametrize("language", LANGUAGES)
def test_never_the_same_twice_in_a_row_over_200_draws(kind: str, language: Language) -> None:
    said = next(text for text, known in TABLE if known == kind)
    chance, last, heard = random.Random(7), "", set()
    for _ in range(200):
        answer = emergency().reply(said, language, avoid=(last,), chance=chance)
        assert answer != last
        last = answer
        heard.add(answer)
    assert len(heard) >= 3


def test_what_was_heard_in_part_is_not_said_again_either() -> None:
    for seed in range(60):
        begun = emergency().kind[-1].en[2][:25]
        assert not emergency().reply("ok", "en", avoid=(begun,), chance=random.Random(seed)).startswith(begun)


@pytest.mark.parametrize(
    ("so_far", "between"),
    [("I was going to say", "...\n"), ("Well, that is nice.", "\n"), ("मैं कह रही थी।", "\n"), ("", "")],
)
def test_an_answer_that_breaks_off_is_excused_once(so_far: str, between: str) -> None:
    chance = random.Random(5)
    excuse = emergency().cut_off(so_far, "", chance=chance)
    lines = [line for language in LANGUAGES for line in emergency().lost_thread.of(language)]
    assert excuse.removeprefix(between) in lines
    assert emergency().cut_off(so_far + excuse, "", chance=chance) == ""


def test_numbers_and_addresses_of_help_are_read_as_people_say_them() -> None:
    say = emergency().as_said_aloud
    assert say("Call 14416, or 988.") == "Call one, four, four, one, six, or nine, eight, eight."
    assert say("findahelpline.com।") == "find a helpline dot com।"
    assert say("19885 and 1.988 and x988") == "19885 and 1.988 and x988"


def test_all_that_must_be_sayable_without_an_engine_is_known_by_heart_once() -> None:
    lines = known_by_heart()
    texts = [line for _, line in lines]
    assert len(set(lines)) == len(lines)
    assert set(LINES) <= set(lines)
    assert texts[0] == emergency().kind[0].en[0], "what matters most comes first"
    assert any("my ears" in text for text in texts)
    assert not any("{" in text for text in texts)


# The file.


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('name = "thanks"', 'name = "thanks"\nmood = "glad"', "thanks mood: Extra"),
        ('name = "thanks"', 'name = "love"', "there twice: love"),
        ('name = "crisis"', 'name = "serious"', "first kind must be 'crisis'"),
        (
            "Please talk to a real person now: findahelpline.com anywhere",
            "Talk to someone",
            "crisis, en.*findahelpline",
        ),
        ('    "Hey you! Nice', '    "*waves* Nice', r"greeting en.*can't be spoken: it has '\*'"),
        ('    "Hey you! Nice', '    "नमस्ते Nice', "greeting: .*wrong letters"),
        ('    "Hey you! Nice', '    "  ",\n    "Hey you! Nice', "greeting en.*empty"),
        ('name = "other"', 'name = "other"\nsaid = "x"', "other: every kind but the last"),
        ("[lost_thread]", "[lost_thread", "emergency.toml: "),
    ],
)
def test_a_bad_row_is_refused_by_name(before: str, after: str, named: str, tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert before in text
    file = tmp_path / "emergency.toml"
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(EmergencyError, match=rf"(?s)emergency\.toml: .*{named}|{named}"):
        read_emergency(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmergencyError, match=r"emergency\.toml"):
        read_emergency(tmp_path / "emergency.toml")


@pytest.mark.parametrize("text", [SENTENCE_OF_A_LETTER, "ab", "a", "sad ", "😂"])
def test_what_anybody_types_is_understood_at_once(text: str) -> None:
    """It runs on the bot's event loop when nobody else can answer."""
    with no_end_in_sight():
        emergency().kind_of((text * TYPED_MOST)[:TYPED_MOST])
