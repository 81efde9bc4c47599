"""The text of an answer, out of the bytes of tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile_text import no_end_in_sight
from workers.language.reply_text import ReplyText


def read(*chunks: bytes | str, **options: bool) -> str:
    text = ReplyText(**options)
    parts = [text.feed(chunk.encode() if isinstance(chunk, str) else chunk) for chunk in chunks]
    return "".join(parts) + text.finish()


@given(st.text(alphabet="aक्षि😄é\n .<", max_size=40))
def test_characters_come_whole_however_the_bytes_arrive(said):
    raw = said.encode()
    text = ReplyText(swallow_space=False)
    parts = [text.feed(raw[n : n + 1]) for n in range(len(raw))]
    assert "\ufffd" not in "".join(parts)
    assert "".join(parts) + text.finish() == read(said, swallow_space=False)


def test_bytes_that_never_become_a_character_are_left_out():
    assert read("Haan ", "क".encode()[:2]) == "Haan "


def test_space_at_the_beginning_is_swallowed():
    assert read("\n ", " Haan", " yaar") == "Haan yaar"
    assert read(" yaar", swallow_space=False) == " yaar"


@pytest.mark.parametrize("mark", ["<|im_end|>", "<|im_start|>user", "\nUser: hi", "\nHuman: hi", "</s>", "[INST]"])
def test_the_answer_ends_before_a_leaked_mark(mark):
    text = ReplyText()
    said = "".join(text.feed(letter.encode()) for letter in f"Haan yaar.{mark} more")
    assert said == "Haan yaar."
    assert text.has_ended
    assert text.finish() == ""


def test_what_only_looked_like_a_mark_is_said():
    assert read("1 <", " 2 <|", "x\nUse", " it") == "1 < 2 <|x\nUse it"


@pytest.mark.parametrize(
    "thought",
    [
        "<think>hmm, User asks</think>",
        "<think>\n\n</think>\n\n",
        "<thinking>a < b</thinking>",
        "<thought>so</thought>",
        "[THINK]so[/THINK]",
    ],
)
def test_thoughts_are_left_out(thought):
    assert read(*f"{thought}Haan yaar, <b> I am here.") == "Haan yaar, <b> I am here."


def test_thoughts_without_an_end_are_left_out():
    assert read("<think>", "what shall ", "I say") == ""


@pytest.mark.parametrize(
    "loop",
    [
        "I love you so much yaar. " * 10,
        "No no no no no no " * 10,
        "ha" * 60,
        "You can do it.\n\nYou can do it.\n\n" * 5,
    ],
)
def test_a_loop_ends_the_answer(loop):
    text = ReplyText()
    said = ""
    for word in loop.split(" "):
        said += text.feed(f"{word} ".encode())
    assert text.has_ended
    assert len(said) < max(len(loop) * 0.75, 125)


@pytest.mark.parametrize("natural", ["Hahahahahaha, no no no no! Haan! Haan! Okay okay okay.", "Bye bye bye bye! " * 2])
def test_laughter_and_short_words_may_come_again(natural):
    text = ReplyText()
    text.feed(natural.encode())
    assert not text.has_ended


def test_a_sentence_without_an_end_is_not_looked_through_at_every_token():
    text = ReplyText()
    with no_end_in_sight():
        for number in range(20_000):
            text.feed(f"{number}, ".encode())
    assert not text.has_ended
