"""A language model that says what it was told to: for tests of everything but language."""

import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from threading import Event

from workers.engines import Conversation, Delta
from workers.errors import BadInput, EngineError


@dataclass(slots=True)
class Pause:
    """A model that thinks until it is told to go on."""

    has_begun: Event = field(default_factory=Event)
    goes_on: Event = field(default_factory=Event)


class ScriptedChatModel:
    """A ChatModel that goes through its script in each reply: says a text word by word, pauses (giving empty
    strings meanwhile), or fails with an error. What was said already (``answer_so_far``) is not said again."""

    def __init__(self, *script: str | Pause | EngineError, name: str = "scripted") -> None:
        self._script = script
        self._name = name
        self.asked: list[Conversation] = []
        """Every conversation that was answered."""
        self.tokens_generated = 0
        """Words said, in all replies together."""

    @property
    def name(self) -> str:
        return self._name

    def reply(self, conversation: Conversation) -> Generator[Delta]:
        newest = conversation.messages[-1] if conversation.messages else None
        if newest is None or newest.role != "user" or not newest.text.strip() or conversation.max_tokens < 1:
            raise BadInput(self.name, "there is nothing to answer")
        self.asked.append(conversation)
        already_said = len(conversation.answer_so_far.split())
        left = conversation.max_tokens
        for step in self._script:
            if isinstance(step, EngineError):
                raise step
            if isinstance(step, Pause):
                yield from self._wait(step)
                continue
            for word in re.findall(r"\s*\S+", step):
                if already_said:
                    already_said -= 1
                elif left:
                    left -= 1
                    self.tokens_generated += 1
                    yield Delta(word, self.name)

    def _wait(self, pause: Pause) -> Generator[Delta]:
        pause.has_begun.set()
        while not pause.goes_on.wait(0.001):
            yield Delta("", self.name)


def text_of(deltas: Iterable[Delta]) -> str:
    """The answer as a whole."""
    return "".join(delta.text for delta in deltas)
