"""How much of an answer was heard."""

import pytest

from bot.voice.heard_part import heard_part

SENTENCES = {0: "Haan, I know that song.", 1: "It is from an old film."}
WHOLE = {0: 2000, 1: 2000}


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        ({}, ""),
        ({0: 0}, ""),
        ({0: 100}, ""),
        ({0: 1000}, "Haan, I"),
        ({0: 2000}, "Haan, I know that song."),
        ({0: 2000, 1: 1000}, "Haan, I know that song. It is from"),
        ({0: 2000, 1: 2000}, "Haan, I know that song. It is from an old film."),
    ],
)
def test_what_was_sent_is_what_was_heard(sent: dict[int, int], heard: str) -> None:
    assert heard_part(SENTENCES, WHOLE, sent) == heard


def test_a_sentence_that_could_not_be_spoken_was_not_heard() -> None:
    assert heard_part(SENTENCES, {0: 0, 1: 2000}, {0: 0, 1: 2000}) == "It is from an old film."


def test_a_sentence_whose_sound_has_not_come_was_not_heard() -> None:
    assert heard_part(SENTENCES, {0: 2000}, {0: 2000}) == "Haan, I know that song."
