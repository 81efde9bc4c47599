"""What a voice is given to say of a written text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.language.sentences import speakable


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Arre yaar**, that's _so_ *good*!", "Arre yaar, that's so good!"),
        ("*laughs softly* You are mad 😂😂", "You are mad"),
        ("(laughs) Ah, you again! [smiles warmly]", "Ah, you again!"),
        ("I like it (a lot), yaar", "I like it (a lot), yaar"),
        ("*giggles* Sach mein?", "Sach mein?"),
        ("It was *always* you.", "It was always you."),
        ("See https://example.com/a?b=c. Okay?", "See link. Okay?"),
        ("Read [this page](https://a.in/b) first.", "Read this page first."),
        ("Use `print` here.", "Use print here."),
        ("Look: ```\nx = 1\n``` done", "Look: done"),
        ("# Title\n- one\n- two", "Title one two"),
        ("Hi <@1234> and <:wave:99>, <b>bold</b>", "Hi and, bold"),
        ("Chalo bye :) <3 xD ^_^ T_T", "Chalo bye"),
        ("(¬‿¬) I know (you know)", "I know (you know)"),
        ("¯\\_(ツ)_/¯ who knows", "who knows"),
        ("नमस्ते 👩‍👩‍👧 क्या हाल है?", "नमस्ते क्या हाल है?"),
        ("क्‍या श्री‌मान", "क्‍या श्री‌मान"),
        ("1️⃣ first, it is 30°C and 0.0 or 8:30", "1 first, it is 30°C and 0.0 or 8:30"),
        ("||secret|| ~~old~~ new", "secret old new"),
        ("5 * 3 is 15", "5 3 is 15"),
    ],
)
def test_only_words_and_punctuation_are_left(written, spoken):
    assert speakable(written) == spoken


@pytest.mark.parametrize("silent", ["", "😄", "...", "***", "```\ncode\n```", "*smiles*", "(╯°□°)", "🇮🇳 ❤️", "?!"])
def test_text_with_nothing_to_say_is_empty(silent):
    assert speakable(silent) == ""


@given(st.text())
def test_any_text_becomes_one_line(text):
    spoken = speakable(text)
    assert spoken == " ".join(spoken.split())
    assert not spoken or any(letter.isalnum() for letter in spoken)


@given(st.lists(st.sampled_from(["Haan", "yaar", "क्या", "it's", "3.5", "okay?", "no!", "(yes)"]), min_size=1))
def test_plain_words_are_left_alone(words):
    assert speakable(" ".join(words)) == " ".join(words)
