"""Failover for language over engines of this process: who answers, who goes on, who apologises."""

from typing import Any

import pytest

from tests.fakes.chat_models import Pause, ScriptedChatModel, text_of
from workers.engines import ChatMessage, ChatModel, Conversation
from workers.errors import BadInput, EngineUnavailable
from workers.failover.chat import FailoverChat, has_words
from workers.failover.local import LocalContender
from workers.failover.memory_ledger import MemoryLedger
from workers.failover.roster import Roster, Tier
from workers.lineup import NoEngine

HELLO = Conversation("talk", (ChatMessage("system", "You are Priya."), ChatMessage("user", "Tell me about your day.")))
DOWN = EngineUnavailable("somebody", "is down")


def failover(*models: ChatModel, last_resort: ChatModel | None = None) -> FailoverChat:
    ledger = MemoryLedger()
    contenders = tuple(
        LocalContender(model.name, model.reply, ledger, is_usable=has_words, patience=60.0) for model in models
    )
    return FailoverChat(Roster((Tier(contenders, ledger),)), last_resort)


def scripted(*script: Any, name: str) -> ScriptedChatModel:
    return ScriptedChatModel(*script, name=name)


def test_the_first_that_is_well_answers_and_is_named():
    first, second = scripted("It was long.", name="first"), scripted("Mine too.", name="second")
    deltas = list(failover(first, second).reply(HELLO))
    assert text_of(deltas) == "It was long."
    assert {delta.engine for delta in deltas if delta.text} == {"first"}
    assert not second.asked


def test_the_next_answers_when_the_first_can_not():
    first, second = scripted(DOWN, name="first"), scripted("It was long.", name="second")
    assert text_of(failover(first, second).reply(HELLO)) == "It was long."


def test_another_goes_on_from_the_words_that_were_said():
    first = scripted("It was long and I am", DOWN, name="first")
    second = scripted("It was long and I am tired now.", name="second")
    deltas = list(failover(first, second).reply(HELLO))
    assert text_of(deltas) == "It was long and I am tired now."
    assert second.asked[0].answer_so_far == "It was long and I "


def test_one_that_begins_anew_repeats_nothing():
    class Forgetful(ScriptedChatModel):
        def reply(self, conversation):
            return super().reply(Conversation(conversation.id, conversation.messages))

    first = scripted("It was long. I met Asha and", DOWN, name="first")
    second = Forgetful("It was long. I met Asha and we danced.", name="second")
    assert text_of(failover(first, second).reply(HELLO)) == "It was long. I met Asha and we danced."


class OnceBroken(ScriptedChatModel):
    """Breaks in its first answer, after all that it was told to say then."""

    def __init__(self, first: str, whole: str) -> None:
        super().__init__(whole, name="only")
        self._first = ScriptedChatModel(first, DOWN, name="only")

    def reply(self, conversation):
        return super().reply(conversation) if self._first.asked else self._first.reply(conversation)


def test_the_only_one_that_there_is_gets_a_second_chance():
    only = OnceBroken("It was long", "It was long and fun.")
    assert text_of(failover(only).reply(HELLO)) == "It was long and fun."


def test_one_that_broke_behind_its_last_word_needs_no_apology():
    only = OnceBroken("It was long.", "It was long.")
    answer = text_of(failover(only, last_resort=scripted("It was long. Sorry!", name="emergency")).reply(HELLO))
    assert answer == "It was long."


def test_when_nobody_can_go_on_the_last_resort_does():
    broken = scripted("It was ", DOWN, name="first")
    last = scripted("It was Sorry, I lost my thread.", name="emergency")
    deltas = list(failover(broken, last_resort=last).reply(HELLO))
    assert text_of(deltas) == "It was Sorry, I lost my thread."
    assert deltas[-1].engine == "emergency"


def test_without_a_last_resort_the_failure_names_everybody():
    first = scripted(EngineUnavailable("first", "is down"), name="first")
    second = scripted(EngineUnavailable("second", "is down too"), name="second")
    with pytest.raises(NoEngine, match="first: is down; second: is down too"):
        list(failover(first, second).reply(HELLO))


def test_bad_input_is_nobodys_fault():
    first, second = scripted("Hm.", name="first"), scripted("Hm.", name="second")
    with pytest.raises(BadInput):
        list(failover(first, second, last_resort=scripted("Hm.", name="last")).reply(Conversation("talk", ())))
    assert not second.asked


def test_whoever_waits_is_told_that_somebody_is_alive_and_may_stop():
    pause = Pause()
    model = scripted(pause, "Too late.", name="slow")
    reply = failover(model).reply(HELLO)
    assert next(reply).text == ""
    assert pause.has_begun.wait(5)
    reply.close()
    assert model.tokens_generated == 0
    pause.goes_on.set()


def test_a_bug_in_one_engine_is_survived():
    class Buggy(ScriptedChatModel):
        def reply(self, conversation):
            raise KeyError("what was said")
            yield

    first, second = Buggy(name="first"), scripted("It was long.", name="second")
    assert text_of(failover(first, second).reply(HELLO)) == "It was long."


def test_an_engine_that_failed_often_is_not_asked_for_a_while():
    first, second = scripted(DOWN, name="first"), scripted("It was long.", name="second")
    model = failover(first, second)
    for _ in range(12):
        assert text_of(model.reply(HELLO)) == "It was long."
    assert len(first.asked) < 12
