"""What strict providers are told of a conversation."""

import pytest

from tests.fakes.recorded_exchanges import conversation, row
from workers.cloud.wording import GO_ON, OPENING, alternating, system_of, tokens_left
from workers.engines import ChatMessage, Conversation
from workers.errors import BadInput


def talk(*messages: tuple[str, str], **fields: object) -> Conversation:
    return Conversation("room", tuple(ChatMessage(role, text) for role, text in messages), **fields)  # type: ignore[arg-type]


def test_roles_alternate_and_nothing_is_lost() -> None:
    said = talk(
        ("system", "You are Priya."),
        ("user", "Asha: Hi"),
        ("user", "Ravi: Hello"),
        ("assistant", "Hey!"),
        ("assistant", " "),
        ("assistant", "You two!"),
        ("user", "Both: Yes"),
    )
    assert alternating("river", said) == [
        ("user", "Asha: Hi\n\nRavi: Hello"),
        ("assistant", "Hey!\n\nYou two!"),
        ("user", "Both: Yes"),
    ]


def test_an_answer_of_the_past_may_not_stand_first() -> None:
    said = talk(("assistant", "Hey!"), ("user", "Hi"))
    assert alternating("river", said) == [("user", OPENING), ("assistant", "Hey!"), ("user", "Hi")]


def test_whoever_takes_over_is_told_what_was_said_and_asked_to_go_on() -> None:
    said = conversation(answer_so_far="I was at the sea, and ")
    assert alternating("river", said) == [
        ("user", "Hi, how are you?"),
        ("assistant", "I was at the sea, and"),
        ("user", GO_ON),
    ]


@pytest.mark.parametrize("messages", [[], [("user", "  ")], [("system", "x")], [("user", "Hi"), ("assistant", "Yes?")]])
def test_where_nobody_asked_there_is_nothing_to_answer(messages: list[tuple[str, str]]) -> None:
    with pytest.raises(BadInput):
        alternating("river", talk(*messages))


def test_only_who_can_follow_it_is_told_how_to_name_emotions() -> None:
    said = conversation(emotions_hint="Name your emotion.")
    assert system_of(row(), said) == "You are Priya.\n\nName your emotion."
    assert system_of(row(names_emotions=False), said) == "You are Priya."
    assert system_of(row(), conversation()) == "You are Priya."


def test_an_answer_becomes_no_longer_by_being_continued_and_thoughts_have_their_own_room() -> None:
    assert tokens_left(row(), conversation(max_tokens=200)) == 200
    assert tokens_left(row(), conversation(max_tokens=200, answer_so_far="x" * 400)) == 100
    assert tokens_left(row(), conversation(max_tokens=200, answer_so_far="x" * 4_000)) == 32
    assert tokens_left(row(), conversation(max_tokens=10, answer_so_far="x" * 4_000)) == 10
    assert tokens_left(row(thinking_tokens=500), conversation(max_tokens=200)) == 700
