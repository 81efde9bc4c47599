"""The last in line: answers when nobody else can, honestly and without thinking. Never fails on what was asked.

Keeps nothing between calls: what she must not repeat is read from the conversation.
"""

import random
import re
from collections.abc import Generator, Iterable
from typing import Final

from config.emergency import emergency
from config.phrases import LANGUAGES, guess_language
from config.settings import Settings
from workers.engines import ChatMessage, Conversation, Delta
from workers.errors import BadInput

NAME: Final = "emergency"
"""Whose deltas these are. What it says is shown to no model as hers: see docs/emergency.md."""
_LOOKED_BACK: Final = 2
"""So many of her last answers are not said again."""
_NAMED: Final = re.compile(r"^[^:\n]{1,32}: ")


class EmergencyChat:
    """A ChatModel. Any thread. ``chance`` chooses among wordings."""

    name = NAME

    def __init__(self, chance: random.Random | None = None) -> None:
        """Raises EmergencyError when the catalogue can't be used."""
        self._catalogue = emergency()
        self._chance = chance or random.Random()

    def reply(self, conversation: Conversation) -> Generator[Delta]:
        """See ChatModel. One that was begun by another is ended with a short excuse, and with nothing where that was
        said already. Raises BadInput for a conversation with nothing to answer."""
        asked = self._asked(conversation)
        if conversation.answer_so_far.strip():
            spoken = _language(conversation.language, (conversation.answer_so_far, asked))
            text = self._catalogue.cut_off(conversation.answer_so_far, spoken, chance=self._chance)
        else:
            said = reversed([message.text for message in conversation.messages if message.role == "user"])
            text = self._catalogue.reply(
                asked, _language(conversation.language, said), avoid=_last_answers(conversation), chance=self._chance
            )
        yield Delta(text, NAME)

    def _asked(self, conversation: Conversation) -> str:
        newest = conversation.messages[-1] if conversation.messages else ChatMessage("system", "")
        if newest.role != "user" or not newest.text.strip():
            raise BadInput(NAME, "there is nothing to answer")
        if conversation.max_tokens < 1:
            raise BadInput(NAME, "an answer of no tokens was asked for")
        return newest.text


def _last_answers(conversation: Conversation) -> list[str]:
    answers = [message.text for message in conversation.messages if message.role == "assistant" and message.text]
    return [*answers[-_LOOKED_BACK:], *([conversation.last_answer] if conversation.last_answer else [])]


def _language(chosen: str, texts: Iterable[str]) -> str:
    """The chosen one, else that of the first text that has words to tell by."""
    if chosen in LANGUAGES:
        return chosen
    return next((found for text in texts if (found := guess_language(_NAMED.sub("", text)))), "en")


def load(_: Settings) -> EmergencyChat:
    """Always there: for ``LANGUAGE_ENGINES=workers.failover.emergency:load``, where nothing else shall answer."""
    return EmergencyChat()
