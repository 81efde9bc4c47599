"""Hidden tags come out of an answer, and each sentence is felt as its tag says."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile_text import TYPED_MOST, no_end_in_sight
from workers.language.emotion_tags import FeltText
from workers.language.sentences import SentenceCutter

PARTS = st.lists(
    st.sampled_from(
        ["[teasing]", "[sad]", "[very excited]", "[ laughing ]", "(happy)", "<angry>", "</angry>", "[1]",
         "[conspiratorially]", "[x]", "[teasing", "[emotion: sad]", "[a](b)", "[happy](c)", "【sad】", "{shy}",
         "Arre", "yaar", "haan", "3.5", "Dr", "है", "खुशी",
         ".", "!", "...", "?!", ",", "।", ":", "`", "```", "(", "[", "<", "]", ")", "*", "\n", " ", " ", " "]
    )
    | st.text(max_size=8),
    max_size=60,
).map("".join)  # fmt: skip


def heard(*deltas: str) -> tuple[str, list[tuple[str, str]]]:
    """The clean text, and each piece that is spoken of it with how it is felt."""
    felt, cutter = FeltText(), SentenceCutter()
    clean, spoken = "", []
    for delta in deltas:
        part = felt.feed(delta)
        clean += part
        spoken += [(piece, felt.of(piece)) for piece in cutter.feed(part)]
    tail = felt.finish()
    pieces = [*cutter.feed(tail), *cutter.finish()]
    return clean + tail, spoken + [(piece, felt.of(piece)) for piece in pieces]


@given(PARTS, st.lists(st.integers(0, 300)))
def test_text_and_feelings_do_not_depend_on_how_it_arrives(text, places):
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    assert heard(*(text[a:b] for a, b in pairwise(edges))) == heard(text) == heard(*text)


@given(st.text(st.characters(exclude_characters="[(<{【*_"), max_size=200), st.integers(1, 9))
def test_text_without_brackets_comes_through_unchanged_and_at_once(text, step):
    felt = FeltText()
    deltas = [text[at : at + step] for at in range(0, len(text), step)]
    assert [felt.feed(delta) for delta in deltas] == deltas
    assert felt.finish() == ""


@given(PARTS)
def test_nothing_is_made_up(text):
    letters = iter(text)
    assert all(letter in letters for letter in heard(text)[0])  # in this order


@pytest.mark.parametrize(
    ("written", "shown", "felt"),
    [
        ("[teasing] Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("[Teasing] Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("[teasing]Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("[teasing]: Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("\n[teasing]\nArre, look who is here!", "\nArre, look who is here!", "teasing"),
        ("[emotion: teasing] Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("[in a very teasing tone] Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("[teasing, excited] Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("[teasingly] Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("[teasing him about his hair] Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("(teasing) Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("<teasing>Arre, look who is here!</teasing>", "Arre, look who is here!", "teasing"),
        ("{teasing} Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("【teasing】Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("[teasing Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("[खुश] अरे, देखो कौन आया!", "अरे, देखो कौन आया!", "happy"),
        ("[udaas] Kya karun main ab.", "Kya karun main ab.", "sad"),
        ("I was [sad] waiting for you.", "I was waiting for you.", "sad"),
        ("[discombobulated] Where am I today?", "Where am I today?", ""),
        ("[neutral] I love you so much.", "I love you so much.", ""),
        ("[sad][teasing] Where were you?", "Where were you?", "sad"),
        ("**[teasing]** Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("_(teasing)_ Arre, look who is here!", "Arre, look who is here!", "teasing"),
        ("**[teasing] Arre, look who is here!**", "**Arre, look who is here!**", "teasing"),
        ("*[teasing Arre, look who is here!*", "*Arre, look who is here!*", "teasing"),
        ("Hello. **[sad]**", "Hello. ", ""),
    ],
)
def test_a_tag_is_felt_and_never_seen(written, shown, felt):
    clean, spoken = heard(*written)
    assert clean == shown
    assert [emotion for _, emotion in spoken] == [felt]


@pytest.mark.parametrize(
    "text",
    [
        "As it says in [1] and [2], it rains.",
        "[1] It rains in Pune.",
        "See [this page](https://example.com) today.",
        "[happy](https://example.com) is a word.",
        "![happy](https://example.com/a.png) is a picture.",
        "[notes][1] are below.",
        "- [x] milk\n- [ ] eggs",
        "[Love Actually] is a film.",
        "He said [redacted] to me.",
        "(yes) and (no) are words.",
        "(It was raining in Pune.)",
        "I am (happy) here.",
        "a < b and <3 you <@123> <:smile:12>",
        "Use `[happy]` in the code.",
        "```\n[happy] = 1\n```\nDone, see?",
        "row[happy] and arr[sad] are fields.",
        "\\[happy\\] is escaped.",
        "**Bold** first, then *more* of it. __Under__ it, too.",
        "* milk\n* eggs\n\n***\n_",
        "**[1]** It rains in **Pune**.",
    ],
)
def test_what_is_no_tag_comes_through(text):
    assert heard(*text)[0] == heard(text)[0] == text


def test_a_tag_holds_for_its_sentence_in_however_many_pieces():
    _, spoken = heard("[sad] I waited for you all day, and nobody came to see me. The bus is at nine today.")
    assert spoken == [
        ("I waited for you all day,", "sad"),
        ("and nobody came to see me.", "sad"),
        ("The bus is at nine today.", ""),
    ]


def test_the_next_tag_takes_over():
    _, spoken = heard("[sad] I waited for you all day. [teasing] Someone was busy with someone, no?")
    assert [emotion for _, emotion in spoken] == ["sad", "teasing"]


def test_of_several_tags_in_one_piece_the_first_decides_and_the_last_goes_on():
    _, spoken = heard(
        "Okay so. [sad] Hm. [teasing] Someone was busy with someone else, it seems to me, all of this long day."
    )
    assert spoken[0] == ("Okay so. Hm.", "sad")
    assert {emotion for _, emotion in spoken[1:]} == {"teasing"}


def test_without_a_tag_it_is_guessed():
    _, spoken = heard("Haha that is so funny yaar! The bus is at nine today.")
    assert [emotion for _, emotion in spoken] == ["laughing", ""]


def test_an_answer_that_is_cut_short_inside_a_tag_shows_nothing_of_it():
    assert heard("I will be there. [teas")[0] == "I will be there. "
    assert heard("[teasing]") == ("", [])


def test_only_what_may_be_a_tag_is_held_back():
    felt = FeltText()
    assert [felt.feed(letter) for letter in "(so) [7] hi"] == [
        "", "", "", "(so)", " ", "", "[7", "]", " ", "h", "i",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["...[", "[", "<", "(.", "*[", "[sad", "\n["])
def test_nothing_that_is_to_be_said_is_looked_at_for_long(text: str) -> None:
    whole = (text * TYPED_MOST)[:TYPED_MOST]
    felt = FeltText()
    with no_end_in_sight():
        felt.feed(whole)
        felt.finish()
