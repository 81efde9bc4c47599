"""Long answers as messages: nothing lost, nothing torn, and what was written once stays where it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.splitting import CLOSING, FENCE, split, utf16_length

FAMILY = "👨‍👩‍👧‍👦"


def words_of(parts: list[str]) -> list[str]:
    return " ".join(parts).split()


def test_a_short_text_is_one_message() -> None:
    assert split(" namaste ") == ["namaste"]


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_nothing_is_no_message(text: str) -> None:
    assert split(text) == []


def test_it_is_cut_between_words() -> None:
    text = " ".join(f"word{number}" for number in range(60))
    parts = split(text, 100)
    assert len(parts) > 4
    assert words_of(parts) == text.split()
    assert all(len(part) <= 100 for part in parts)


def test_a_paragraph_s_end_is_preferred_to_a_word_s() -> None:
    first = "a " * 35 + "end"
    assert split(f"{first}\n\n{'b ' * 40}", 100)[0] == first


def test_a_sentence_s_end_is_preferred_to_a_word_s() -> None:
    parts = split("It was a very long day for everybody in the house yesterday. And then " + "more " * 20, 90)
    assert parts[0].endswith("yesterday.")


def test_exactly_the_limit_is_one_message() -> None:
    assert split("x" * 2_000) == ["x" * 2_000]
    assert len(split("x" * 2_001)) == 2


def test_a_word_without_end_is_cut_somewhere() -> None:
    parts = split("x" * 250, 100)
    assert "".join(parts) == "x" * 250
    assert all(len(part) <= 100 for part in parts)


def test_emoji_count_twice_as_they_do_in_utf_16() -> None:
    assert all(utf16_length(part) <= 100 for part in split("😀" * 200, 100))
    assert "".join(split("😀" * 200, 100)) == "😀" * 200


@pytest.mark.parametrize("whole", [FAMILY, "👍🏽", "🇮🇳", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "क्षि", "é"])
@pytest.mark.parametrize("offset", range(12))
def test_nothing_that_is_seen_as_one_is_torn(whole: str, offset: int) -> None:
    text = "x" * offset + whole * 60
    for part in split(text, 60):
        assert not part.strip("x").replace(whole, "")


def test_a_code_block_is_closed_and_opened_again_with_its_language() -> None:
    code = "\n".join(f"print({number})" for number in range(40))
    parts = split(f"Look:\n```python\n{code}\n```\nDone.", 120)
    assert len(parts) > 3
    for part in parts:
        assert part.count(FENCE) % 2 == 0
        assert len(part) <= 120
    inside = [block for part in parts for block in re.findall(r"```python\n(.*?)\n```", part, re.DOTALL)]
    assert "\n".join(inside) == code
    assert parts[0].startswith("Look:")
    assert parts[-1].endswith("Done.")


def test_indentation_survives_a_cut_in_code() -> None:
    code = "\n".join(f"    indented({number})" for number in range(20))
    inside = [
        block for part in split(f"```\n{code}\n```", 100) for block in re.findall(r"```\n(.*?)\n```", part, re.DOTALL)
    ]
    assert "\n".join(inside) == code


def test_a_block_that_never_ends_is_closed() -> None:
    assert split("```py\nx = 1") == [f"```py\nx = 1{CLOSING}"]


def test_a_block_that_begins_at_the_end_of_a_message_goes_to_the_next() -> None:
    parts = split("w " * 44 + "\n```py\n" + "x = 1\n" * 10 + "```", 100)
    assert "```py\n```" not in "\n".join(parts)
    assert parts[1].startswith("```py\nx = 1")


def test_a_block_that_ends_at_a_cut_is_not_opened_again() -> None:
    for length in range(60, 110):
        parts = split("```py\n" + "y" * length + "\n```\nand then some more words to fill it up " + "z " * 30, 100)
        for part in parts:
            assert not re.search(r"```(py)?\s*```", part), parts


@given(st.lists(st.sampled_from(["word ", "x" * 30, "\n", "\n\n", "```", "```py\n", "`", FAMILY, "क्ष ", "a. "])))
def test_no_part_is_too_long_empty_or_left_open(pieces: list[str]) -> None:
    text = "".join(pieces)
    parts = split(text, 80)
    for part in parts:
        assert part.strip()
        assert utf16_length(part) <= 80
        assert part.count(FENCE) % 2 == 0
    joined = "".join(parts)
    assert joined.count("word") == text.count("word")
    assert joined.count(FAMILY) == text.count(FAMILY)


@given(st.lists(st.sampled_from(["word ", "longerword ", "\n", "```py\n", "x = 1\n", "```\n", "so. "]), max_size=80))
def test_what_was_cut_once_stays_while_the_text_grows(pieces: list[str]) -> None:
    before: list[str] = []
    for count in range(len(pieces) + 1):
        parts = split("".join(pieces[:count]), 60)
        if len(parts) > len(before) > 1:
            assert parts[: len(before) - 1] == before[:-1]
        before = parts
