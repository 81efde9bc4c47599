"""What every ChatModel keeps, whether it follows a script or is llama.cpp."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from tests.fakes.chat_models import ScriptedChatModel, text_of
from workers.engines import ChatMessage, Conversation, Delta
from workers.errors import BadInput
from workers.registry import loader

SYSTEM = ChatMessage("system", "You are Priya, a warm and funny friend. Answer in one or two short sentences.")


@pytest.fixture(scope="module", params=["scripted", "llama.cpp"])
def model(request: pytest.FixtureRequest, models_folder: Path) -> Any:
    if request.param == "scripted":
        return ScriptedChatModel("Haan yaar, I am here. ", "Tell me all about it, ", "and do not leave anything out!")
    return loader("generate", request.param)(
        Settings(_env_file=None, priya_home=models_folder.parent, context_tokens=512)
    )


def asking(text: str, *, talk: str = "one", **more: Any) -> Conversation:
    return Conversation(talk, (SYSTEM, ChatMessage("user", text)), **{"seed": 7, "max_tokens": 24, **more})


def test_text_comes_in_pieces(model):
    deltas = [delta for delta in model.reply(asking("Tell me about your day in Mumbai.")) if delta.text]
    assert len(deltas) > 3
    assert text_of(deltas).strip()
    assert {delta.engine for delta in deltas} == {model.name}


def test_answer_begins_with_a_letter_and_not_with_white_space(model):
    text = text_of(model.reply(asking("Hello!")))
    assert text == text.lstrip()


def test_it_generates_no_token_after_it_was_closed(model):
    reply = model.reply(asking("Tell me a long story."))
    given = 0
    for delta in reply:
        given += bool(delta.text)
        if given == 2:
            break
    generated = model.tokens_generated
    reply.close()
    assert model.tokens_generated == generated
    assert text_of(model.reply(asking("Are you still there?"))), "a closed answer leaves the lane to the next"
    assert model.tokens_generated > generated


def test_the_same_seed_gives_the_same_answer(model):
    conversation = asking("What shall we cook?", talk="seeded", temperature=0.95)
    first = text_of(model.reply(conversation))
    assert text_of(model.reply(conversation)) == first


def test_no_more_tokens_than_were_asked_for(model):
    before = model.tokens_generated
    list(model.reply(asking("Tell me a long story.", max_tokens=5)))
    assert model.tokens_generated - before <= 5


def test_it_goes_on_from_what_was_said_without_repeating_it(model):
    conversation = asking("Are you there?", temperature=0, max_tokens=16)
    whole = text_of(model.reply(conversation))
    words = whole.split(" ")
    so_far = " ".join(words[:2])
    rest = text_of(model.reply(asking("Are you there?", temperature=0, max_tokens=16, answer_so_far=so_far)))
    assert rest.strip()
    assert not rest.strip().startswith(so_far)


@pytest.mark.parametrize(
    "messages",
    [(), (SYSTEM,), (SYSTEM, ChatMessage("user", "  \n")), (SYSTEM, ChatMessage("assistant", "Hi!"))],
    ids=["none", "only the system", "a blank one", "nobody asks"],
)
def test_a_conversation_with_nothing_to_answer_is_bad_input(model, messages):
    with pytest.raises(BadInput):
        list(model.reply(Conversation("bad", messages)))


def test_an_answer_of_no_tokens_is_bad_input(model):
    with pytest.raises(BadInput):
        list(model.reply(asking("Hi", max_tokens=0)))


@pytest.mark.parametrize("text", ["नमस्ते, क्या हाल है?", "👩‍👩‍👧 🇮🇳 \x00 \u200b", "haan " * 20_000])
def test_any_text_is_answered(model, text):
    for delta in model.reply(asking(text, max_tokens=3)):
        assert "\ufffd" not in delta.text


def test_many_threads_get_the_answers_they_would_get_alone(model):
    talks = [asking(f"Say something nice about number {n}.", talk=f"talk-{n}", temperature=0) for n in range(4)]
    alone = [text_of(model.reply(talk)) for talk in talks]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda talk: text_of(model.reply(talk)), talks))
    assert together == alone


def test_who_waits_for_another_answer_is_kept_alive_with_empty_deltas(model):
    first: Iterator[Delta] = model.reply(asking("Tell me a long story."))
    next(delta for delta in first if delta.text)
    second = model.reply(asking("And me?", talk="two"))
    assert next(second) is not None
    first.close()  # type: ignore[attr-defined]
    assert text_of(second).strip()
