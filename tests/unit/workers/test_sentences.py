"""The cutting of a growing answer into pieces that can be spoken."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.language.sentences import LONGEST, LONGEST_CODE, SentenceCutter

TEXTS = st.lists(
    st.sampled_from(
        ["Arre", "yaar", "haan", "Dr", "Rs", "e.g", "3.5", "1", "A", "I", "and", "lekin", "क्या", "है", "😄", "👩‍👩‍👧", "https://a.in/b?c=1",
         ".", "...", "!", "?!", ",", "।", ":", "—", " - ", '"', ")", "*", "```", "\n", " ", " ", " ", "x" * 60]
    )
    | st.text(max_size=12),
    max_size=120,
).map("".join)  # fmt: skip


def cut(*deltas: str) -> list[str]:
    cutter = SentenceCutter()
    pieces = [piece for delta in deltas for piece in cutter.feed(delta)]
    return pieces + cutter.finish()


@given(TEXTS, st.lists(st.integers(0, 400)))
def test_pieces_do_not_depend_on_how_the_text_arrives(text, places):
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    assert cut(*(text[a:b] for a, b in pairwise(edges))) == cut(text)


@given(TEXTS)
def test_nothing_is_lost_but_white_space_at_the_cuts(text):
    assert "".join("".join(cut(text)).split()) == "".join(text.split())


@given(TEXTS)
def test_pieces_are_in_the_text_as_they_are_and_in_order(text):
    at = 0
    for piece in cut(text):
        at = text.index(piece, at) + len(piece)


@given(TEXTS)
def test_pieces_have_a_bounded_length(text):
    for piece in cut(text):
        assert 0 < len(piece) <= (LONGEST_CODE if "```" in piece else LONGEST)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Arre yaar, what happened today? Tell me!", ["Arre yaar,", "what happened today?", "Tell me!"]),
        ("Arre, I was just thinking of you. Kya haal?", ["Arre, I was just thinking of you.", "Kya haal?"]),
        ("Hmm... acha, so you went there. And then what?", ["Hmm... acha,", "so you went there.", "And then what?"]),
        (
            "I was thinking about what you said yesterday and it made me smile.",
            ["I was thinking about what you said yesterday", "and it made me smile."],
        ),
        ("अरे यार क्या हुआ। बताओ ना मुझे अभी।", ["अरे यार क्या हुआ।", "बताओ ना मुझे अभी।"]),
        ("Haan ji bolo!\nMain sun rahi hoon yaar", ["Haan ji bolo!", "Main sun rahi hoon yaar"]),
    ],
)
def test_first_piece_ends_at_the_first_clause_that_sounds_natural(text, pieces):
    assert cut(text) == pieces


@pytest.mark.parametrize(
    "sentence",
    [
        "It was 3.5 km from there.",
        "Then Dr. Rao and Mrs. Iyer came.",
        "Bring some fruit, e.g. mangoes, today.",
        "I listened to A. R. Rahman again.",
        "Open https://example.com/a.b?c=d. now please.",
        "Well... I don't know about that.",
        "It costs Rs. 500 at the shop.",
        "Are you serious?! Really sure about that?!",
        'She said "come home now!"',
        "(It was raining in Pune.)",
    ],
)
def test_a_sentence_is_not_cut_inside(sentence):
    pieces = cut(f"So that is how it was. {sentence} What do you think of it?")
    assert sentence in pieces or any(piece.endswith(sentence[-16:]) for piece in pieces)
    assert pieces[0] == "So that is how it was."
    assert len(pieces) in {3, 4}
    assert sentence.replace(" ", "") == "".join(pieces[1:-1]).replace(" ", "")


def test_a_sentence_ends_at_no_and_at_i():
    assert cut("That is how it is. Oh my god, no. I forgot it. So am I. Okay then, bye!") == [
        "That is how it is.", "Oh my god, no.", "I forgot it.", "So am I. Okay then, bye!",
    ]  # fmt: skip


def test_a_piece_is_ready_with_the_space_behind_it():
    cutter = SentenceCutter()
    assert cutter.feed("Haan yaar,") == []
    assert cutter.feed(" tell") == ["Haan yaar,"]


def test_an_overlong_sentence_is_cut_at_a_clause():
    clause = "and then we walked along the sea for a very long time, "
    pieces = cut("Okay so listen. " + clause * 8)
    assert all(piece.endswith(",") for piece in pieces[1:])


def test_code_is_one_piece_of_its_own():
    code = "```python\nprint('a. b')\nprint('c')\n```"
    assert cut(f"Look at this one:\n{code}\nNice, isn't it?") == ["Look at this one:", code, "Nice, isn't it?"]


def test_nothing_gives_no_piece():
    assert cut("") == cut("  \n ") == []


@pytest.mark.parametrize("mark", ["\u0301", "\u200b", "\x01"])
def test_marks_without_letters_are_cut_like_letters(mark: str) -> None:
    """Each used to be a sentence of its own, and a task in front of everybody else's."""
    cutter = SentenceCutter()
    assert len([*cutter.feed(mark * 1_000), *cutter.finish()]) <= 10
