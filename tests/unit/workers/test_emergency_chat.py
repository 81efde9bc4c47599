"""The last in line always answers, in the person's language, and never the same twice in a row."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from config.emergency import emergency
from config.phrases import LANGUAGES, language_of_text
from tests.fakes.chat_models import text_of
from workers.engines import ChatMessage, ChatModel, Conversation
from workers.errors import BadInput
from workers.failover.emergency import NAME, EmergencyChat

SYSTEM = ChatMessage("system", "You are Priya.")
BY_NAME = {kind.name: kind for kind in emergency().kind}


def asking(*texts: str, **more: Any) -> Conversation:
    """She answered every other text."""
    roles = ("user", "assistant")
    messages = [ChatMessage(roles[number % 2], text) for number, text in enumerate(texts)]  # type: ignore[arg-type]
    return Conversation("one", (SYSTEM, *messages), **more)


@pytest.fixture
def chat() -> ChatModel:
    return EmergencyChat(random.Random(11))


def test_what_it_says_fits_and_bears_its_name(chat: ChatModel) -> None:
    [delta] = chat.reply(asking("bahut udaas hoon yaar"))
    assert delta.engine == chat.name == NAME
    assert delta.text in BY_NAME["sad"].hinglish


def test_never_the_same_twice_in_a_row_over_200_turns_of_one_conversation(chat: ChatModel) -> None:
    talk = ["hello"]
    for _ in range(200):
        answer = text_of(chat.reply(asking(*talk)))
        assert answer not in talk[-3:]
        talk += [answer, "hello"]


def test_never_the_same_twice_in_a_row_when_history_does_not_show_it(chat: ChatModel) -> None:
    last = ""
    for _ in range(200):
        answer = text_of(chat.reply(asking("hello", last_answer=last)))
        assert answer != last
        last = answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chosen_language_wins(chat: ChatModel, language: str) -> None:
    answer = text_of(chat.reply(asking("नमस्ते", language=language)))
    assert answer in BY_NAME["greeting"].of(next(known for known in LANGUAGES if known == language))


def test_the_language_is_that_of_the_newest_message_that_has_words_to_tell_by(chat: ChatModel) -> None:
    assert text_of(chat.reply(asking("क्या कर रही हो", "...", "123"))) in BY_NAME["other"].hi
    assert text_of(chat.reply(asking("क्या कर रही हो", "...", "never mind then"))) in BY_NAME["other"].en


def test_among_several_people_a_name_is_no_part_of_what_was_said(chat: ChatModel) -> None:
    assert text_of(chat.reply(asking("Joy: namaste yaar"))) in BY_NAME["greeting"].hinglish


def test_talk_of_suicide_is_answered_seriously_in_each_language(chat: ChatModel) -> None:
    for text in ("i want to die lol", "main mar jaun kya yaar", "मुझे जीना नहीं है"):
        answer = text_of(chat.reply(asking("haha", "hehe", text)))
        assert answer in BY_NAME["crisis"].of(language_of_text(text))
        assert "14416" in answer


def test_what_another_began_is_ended_with_one_short_excuse(chat: ChatModel) -> None:
    begun = asking("tell me a story", answer_so_far="Once upon a")
    excuse = text_of(chat.reply(begun))
    assert excuse.removeprefix("...\n") in emergency().lost_thread.en
    assert not text_of(chat.reply(replace(begun, answer_so_far=f"Once upon a{excuse}")))


@pytest.mark.parametrize(
    "messages",
    [(), (SYSTEM,), (SYSTEM, ChatMessage("user", "  \n")), (SYSTEM, ChatMessage("assistant", "Hi!"))],
    ids=["none", "only the system", "a blank one", "nobody asks"],
)
def test_a_conversation_with_nothing_to_answer_is_bad_input(chat: ChatModel, messages: tuple[ChatMessage, ...]) -> None:
    with pytest.raises(BadInput):
        list(chat.reply(Conversation("bad", messages)))


def test_an_answer_of_no_tokens_is_bad_input(chat: ChatModel) -> None:
    with pytest.raises(BadInput):
        list(chat.reply(asking("Hi", max_tokens=0)))


@pytest.mark.parametrize("text", ["नमस्ते, क्या हाल है?", "👩‍👩‍👧 🇮🇳 \x00 \u200b", "haan " * 20_000])
def test_any_text_is_answered(chat: ChatModel, text: str) -> None:
    assert text_of(chat.reply(asking(text))).strip()


def test_many_threads_are_answered(chat: ChatModel) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: text_of(chat.reply(asking(f"hello {number}"))), range(400)))
    assert set(answers) == set(BY_NAME["greeting"].en)
