"""What one model said and another goes on with, joined without saying anything twice."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.failover.seam import Seam, letters_of, whole_words

SAID = "I was at the market this morning. There were so many mangoes, and I"


def joined(said: str, more: str, pieces: int = 1) -> str:
    seam = Seam(said)
    size = max(1, len(more) // pieces)
    parts = [more[start : start + size] for start in range(0, len(more), size)]
    return said + "".join(map(seam.feed, parts)) + seam.finish()


@pytest.mark.parametrize("pieces", [1, 7, 1000])
@pytest.mark.parametrize(
    ("said", "more", "whole"),
    [
        (SAID, " bought three of them.", f"{SAID} bought three of them."),
        (SAID, "bought three of them.", f"{SAID} bought three of them."),
        (SAID, "and I bought three of them.", f"{SAID} bought three of them."),
        (SAID, "I bought three of them.", f"{SAID} bought three of them."),
        (SAID, "There were so many mangoes, and I ate two.", f"{SAID} ate two."),
        (SAID, f"{SAID} ate two.", f"{SAID} ate two."),
        (SAID, f"{SAID.upper()} ATE TWO.", f"{SAID} ATE TWO."),
        ("I think we sho", "should go.", "I think we should go."),
        ("I think we sho", "we should go.", "I think we should go."),
        ("I think we sho", "I think we should go.", "I think we should go."),
        ("I love you", "You so much!", "I love you so much!"),
        ("Come here. ", "Right now.", "Come here. Right now."),
        ("Come here.", "Right now.", "Come here. Right now."),
        ("Come here.", " Right now.", "Come here. Right now."),
        ("How was your whole day?", "How was your whole day? Mine was long.", "How was your whole day? Mine was long."),
        ("यह बहुत अच्छा दिन था। मैं बाज़ार", "मैं बाज़ार गई थी।", "यह बहुत अच्छा दिन था। मैं बाज़ार गई थी।"),
        ("मैं बाज़ार से आम लाई, पर मेरा", "मैं बाज़ार से आम लाई, पर मेरा दिन लंबा था।", "मैं बाज़ार से आम लाई, पर मेरा दिन लंबा था।"),
        ("It rained,", "It rained, so we danced.", "It rained, so we danced."),
        ("It rained, ", "It rained, so we danced.", "It rained, so we danced."),
        ("It rained,", "It rained so we danced.", "It rained, so we danced."),
        ('He said "come home"', 'He said "come home" and hung up.', 'He said "come home" and hung up.'),
        ("We ate mangoes 🥭!", "We ate mangoes 🥭! They were sweet.", "We ate mangoes 🥭! They were sweet."),
        ("We ate mangoes 🥭!", "We ate mangoes 🥭!", "We ate mangoes 🥭!"),
        ("Haan!", "Haan! We ate mangoes.", "Haan! We ate mangoes."),
        ("", "Hello there.", "Hello there."),
        ("[happy] I was there. [sad] It", "It rained.", "[happy] I was there. [sad] It rained."),
        (
            "[happy] I was there. [sad] It",
            "[happy] I was there. [sad] It rained.",
            "[happy] I was there. [sad] It rained.",
        ),
        ("[happy] I was there. [sad] It", "I was there. It rained.", "[happy] I was there. [sad] It rained."),
    ],
)
def test_nothing_is_said_twice_and_nothing_is_lost(said, more, whole, pieces):
    assert joined(said, more, pieces) == whole


def test_a_whole_sentence_that_comes_again_later_is_left_out():
    said = "I was at the market this morning. "
    more = "Let me tell you. I was at the market this morning. It rained."
    assert joined(said, more) == said + "Let me tell you. It rained."


def test_a_model_that_repeats_itself_is_heard_once():
    text = "That is so good to hear. That is so good to hear. Tell me more!"
    assert joined("", text) == "That is so good to hear. Tell me more!"


def test_a_sentence_that_was_the_rest_of_another_is_left_out():
    said = "Did you sleep, my day was long and good. And you? "
    assert joined(said, "Did you sleep? My day was long and good. Bye!") == said + "Did you sleep? Bye!"
    text = "Did you sleep, my day was long and good. My day was long and good. Bye!"
    assert joined("", text) == "Did you sleep, my day was long and good. Bye!"


def test_short_sentences_may_come_again():
    assert joined("", "Haan. Haan. Bilkul.") == "Haan. Haan. Bilkul."


def test_text_that_repeats_nothing_is_not_held_back():
    seam = Seam()
    assert [seam.feed(word) for word in ("Arre", ", what", " a day")] == ["Arre", ", what", " a day"]


def test_an_answer_of_nothing_but_what_was_said_adds_nothing():
    assert joined(SAID, "There were so many mangoes") == SAID


@pytest.mark.parametrize(
    ("said", "kept"),
    [("I think we sho", "I think we "), ("I think.", "I think."), ("Hm", ""), ("", ""), ("so ", "so ")],
)
def test_a_last_word_that_may_be_cut_off_is_written_again(said, kept):
    assert whole_words(said) == kept


@given(st.text("ab .,\n!", max_size=60), st.text("ab .,\n!", max_size=60), st.integers(0, 2**32))
def test_how_the_text_arrives_makes_no_difference(said, more, seed):
    chance = random.Random(seed)
    seam = Seam(said)
    out, rest = "", more
    while rest:
        size = chance.randint(1, 5)
        out, rest = out + seam.feed(rest[:size]), rest[size:]
    assert said + out + seam.finish() == joined(said, more)


@given(st.text("abc ", min_size=1, max_size=40))
def test_going_on_never_loses_new_letters_of_a_new_sentence(more):
    said = "This was said before, and it is over."
    assert letters_of(joined(said, more)) == letters_of(said) + letters_of(more)
