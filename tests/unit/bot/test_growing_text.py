from dataclasses import replace

import pytest

from bot.growing_text import GrowingText
from tasks.messages import Turn, Words

TURN = Turn("t1", "replies:p", "c", "u", "Asha", deadline=1e12)


def words(text: str, offset: int, turn: Turn = TURN) -> Words:
    return Words(turn, text, offset, 0.0)


def shown(text: str) -> GrowingText:
    return GrowingText(text, TURN.id)


def test_words_appear_one_behind_the_other() -> None:
    answer = GrowingText()
    assert [answer.add(words(" You", 0)), answer.add(words(" said", 4))] == ["You", " said"]
    assert answer.text == " You said"


@pytest.mark.parametrize("again", [words("You said", 0), words("You said hello.", 0), words("hello.", 9)])
def test_words_that_come_again_change_nothing(again: Words) -> None:
    answer = shown("You said hello. And")
    assert answer.add(again) == ""
    assert answer.text == "You said hello. And"


def test_a_second_delivery_tells_what_the_first_kept_to_itself() -> None:
    answer = shown("You")
    assert answer.add(words("You said hello.", 0)) == " said hello."
    assert answer.add(words(" I am here.", 15)) == " I am here."


@pytest.mark.parametrize("before", ["\n\nYou said", "You\nsaid", " You said"])
def test_other_white_space_is_not_told_again(before: str) -> None:
    answer = shown(before)
    assert answer.add(words("You said hello.", 0)) == " hello."
    assert answer.text == "You said hello."


def test_another_ending_takes_the_place_of_the_first() -> None:
    answer = shown("Hello. I thi")
    assert answer.add(words(" You are late.", 6)) == "... You are late."
    assert answer.text == "Hello. You are late."


def test_behind_a_gap_nothing_is_shown() -> None:
    answer = shown("You")
    assert answer.add(words("hello", 9)) == ""
    assert answer.text == "You"


def test_another_turn_begins_anew_whatever_became_of_the_one_before() -> None:
    answer = shown("Half of the first ans")
    assert answer.add(words("You said hello.", 0, replace(TURN, id="t2"))) == "You said hello."
    assert answer.text == "You said hello."
