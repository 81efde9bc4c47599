from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tasks.history import HISTORY_TOKENS, KEPT_TURNS, PastTurn, estimated_tokens, last_turns


def past(index: int, text: str = "some words") -> PastTurn:
    return PastTurn(f"t{index}", float(index), text, text)


def test_a_short_history_is_told_whole_and_in_order() -> None:
    turns = [past(3), past(1), past(2)]
    assert [turn.at for turn in last_turns(turns)] == [1.0, 2.0, 3.0]


@given(st.lists(st.text(min_size=1, max_size=900), max_size=60))
def test_the_newest_turns_that_fit_are_kept(texts: list[str]) -> None:
    turns = [past(index, text) for index, text in enumerate(texts)]
    kept = last_turns(turns)
    cost = sum(estimated_tokens(turn.said) + estimated_tokens(turn.answered) for turn in kept)
    assert cost <= HISTORY_TOKENS
    assert list(kept) == turns[len(turns) - len(kept) :]
    assert len(kept) <= KEPT_TURNS


def test_the_beginning_stays_the_same_over_many_turns() -> None:
    """A prompt cache is worth nothing when every turn drops one from the front."""
    turns = [past(index, "word " * 20) for index in range(40)]
    beginnings = [last_turns(turns[:count])[0].turn for count in range(1, 41)]
    changes = sum(first != second for first, second in pairwise(beginnings))
    assert beginnings[-1] != beginnings[0]
    assert changes <= 40 * 2 * estimated_tokens("word " * 20) // (HISTORY_TOKENS // 2) + 1


def test_devanagari_costs_more_than_latin() -> None:
    assert estimated_tokens("नमस्ते दोस्त") > estimated_tokens("hello friend")
