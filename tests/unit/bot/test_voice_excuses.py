"""What is said when a turn goes wrong, and her name with the mark."""

import random

import pytest

from bot.foggy_head import FoggyHead
from bot.turns import Happening, Waiting
from bot.voice.excuses import Excuse, answer_or_excuse, excuse_for, in_words
from bot.voice.nickname import MARK, MOST_CHARACTERS, plain, with_mark
from config.emergency import emergency
from config.phrases import phrases
from tasks.dispatch import NotSent
from tasks.messages import Turn, TurnDropped, TurnFailed

TURN = Turn("t", "replies", "discord:1", "1", "Asha", deadline=0.0)


@pytest.mark.parametrize(
    ("trouble", "excuse"),
    [
        (NotSent("no Redis"), Excuse("not_sent", can_be_said=False, is_foggy=True)),
        (Waiting("generate", "redis"), Excuse("not_sent", can_be_said=False, is_foggy=True)),
        (Waiting("generate", "missing"), Excuse("no_worker", "generate", can_be_said=False, is_foggy=True)),
        (Waiting("transcribe", "missing"), Excuse("no_worker", "transcribe")),
        (Waiting("synthesize", "missing"), Excuse("no_worker", "synthesize", can_be_said=False)),
        (Waiting("generate", "slow"), None),
        (TurnFailed(TURN, "transcribe", "no-engine", "detail"), Excuse("failed")),
        (TurnFailed(TURN, "generate", "no-engine", "detail"), Excuse("failed", is_foggy=True)),
        (TurnFailed(TURN, "synthesize", "no-engine", "detail"), Excuse("failed", can_be_said=False)),
        (TurnFailed(TURN, "synthesize", "no-engine", "detail", index=2), None),
        (TurnDropped(TURN, "generate", "late"), Excuse("late")),
        (TurnDropped(TURN, "generate", "cancelled"), None),
        (TurnDropped(TURN, "transcribe", "nothing-heard"), None),
    ],
)
def test_people_are_told_what_they_must_know(trouble: Happening | NotSent, excuse: Excuse | None) -> None:
    assert excuse_for(trouble) == excuse


@pytest.mark.parametrize(
    ("chosen", "said", "language"),
    [("", "what is this", "en"), ("", "क्या है", "hi"), ("hinglish", "what is this", "hinglish"), ("hi", "", "hi")],
)
def test_an_excuse_is_in_the_language_of_the_person(chosen: str, said: str, language: str) -> None:
    wording = in_words(Excuse("failed"), chosen, said, random.Random(1))
    assert wording in phrases().phrases["failed"].of(
        next(known for known in ("en", "hi", "hinglish") if known == language)
    )


def test_what_was_said_is_answered_where_nobody_could_think_and_excused_where_it_is_unknown() -> None:
    head, foggy = FoggyHead(random.Random(2)), Excuse("failed", is_foggy=True)
    sad = next(kind for kind in emergency().kind if kind.name == "sad")
    last = ""
    for _ in range(20):
        text = answer_or_excuse(foggy, head, "discord:1", "", "I had a bad day", None)
        assert text in sad.en
        assert text != last
        last = text
    assert answer_or_excuse(foggy, head, "discord:1", "hi", "", None) in phrases().phrases["failed"].hi
    assert answer_or_excuse(Excuse("late"), head, "discord:1", "", "hello", None) in phrases().phrases["late"].en


def test_a_missing_stage_is_named_in_words() -> None:
    assert "my ears" in in_words(Excuse("no_worker", "transcribe"), "en", "", random.Random(1)).lower()


def test_her_name_with_the_mark_is_never_too_long() -> None:
    assert with_mark("Priya") == "Priya" + MARK
    assert len(with_mark("P" * 40)) == MOST_CHARACTERS
    assert with_mark("P" * 40).endswith(MARK)


@pytest.mark.parametrize(("nick", "without"), [(None, None), ("", None), ("Priya 🎧", "Priya"), ("Pri", "Pri")])
def test_the_mark_comes_off_again(nick: str | None, without: str | None) -> None:
    assert plain(nick) == without
