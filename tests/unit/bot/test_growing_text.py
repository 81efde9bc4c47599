import pytest

from bot.growing_text import GrowingText
from tasks.messages import Turn, Words

TURN = Turn("t1", "replies:p", "c", "u", "Asha", deadline=1e12)


def words(text: str, offset: int) -> Words:
    return Words(TURN, text, offset, 0.0)


def test_words_appear_one_behind_the_other() -> None:
    answer = GrowingText()
    assert [answer.add(words(" You", 0)), answer.add(words(" said", 4))] == ["You", " said"]
    assert answer.text == " You said"


@pytest.mark.parametrize("again", [words("You said", 0), words("You said hello.", 0), words("hello.", 9)])
def test_words_that_come_again_change_nothing(again: Words) -> None:
    answer = GrowingText("You said hello. And")
    assert answer.add(again) == ""
    assert answer.text == "You said hello. And"


def test_a_second_delivery_tells_what_the_first_kept_to_itself() -> None:
    answer = GrowingText("You")
    assert answer.add(words("You said hello.", 0)) == " said hello."
    assert answer.add(words(" I am here.", 15)) == " I am here."


def test_another_ending_takes_the_place_of_the_first() -> None:
    answer = GrowingText("Hello. I thi")
    answer.add(words(" You are late.", 6))
    assert answer.text == "Hello. You are late."


def test_behind_a_gap_nothing_is_shown() -> None:
    answer = GrowingText("You")
    assert answer.add(words("hello", 9)) == ""
    assert answer.text == "You"
