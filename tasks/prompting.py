"""A conversation as the messages that a language model is shown. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from config.emergency import emergency
from config.persona import Persona, plain_name
from tasks.history import PastTurn, last_turns
from tasks.messages import SaidText
from workers.engines import ChatMessage

MOST_NAME_BYTES: Final = 240
"""Of all names in the system message together; a byte may be a token."""


def messages_for(said: SaidText, past_turns: Iterable[PastTurn], persona: Persona) -> tuple[ChatMessage, ...]:
    """The persona, the last turns and what was said now.

    Among several people each message says whose it is. They are named in the order in which they first spoke, so that
    the beginning of the prompt changes only when somebody new does. What was answered without a thought is not shown,
    or a model would take it for her way to speak: what was said then stands before what was said next.
    """
    kept = last_turns(past_turns)
    speaker = said.turn.speaker_name
    people = tuple(dict.fromkeys([*(past.speaker for past in kept if past.speaker), speaker]))
    messages = [ChatMessage("system", persona.system_prompt(_introduced(people), said.turn.language))]
    unanswered: list[str] = []
    for past in kept:
        unanswered.append(_as_said_by(past.speaker, past.said, people))
        if emergency().is_hers(past.answered):
            continue
        messages.append(ChatMessage("user", "\n".join(unanswered)))
        messages.append(ChatMessage("assistant", emergency().without_excuse(past.answered)))
        unanswered.clear()
    messages.append(ChatMessage("user", "\n".join([*unanswered, _as_said_by(speaker, said.text, people)])))
    return tuple(messages)


def _introduced(people: Sequence[str]) -> tuple[str, ...]:
    """The names that the system message tells, which no engine shortens: the newest, and of the others those that came
    first, as long as there is room. Anybody may take a dozen names of the rarest letters."""
    *others, newest = people
    room = MOST_NAME_BYTES - len(plain_name(newest).encode())
    known: list[str] = []
    for name in others:
        room -= len(plain_name(name).encode())
        if room < 0:
            break
        known.append(name)
    return (*known, newest)


def _as_said_by(speaker: str, text: str, people: Sequence[str]) -> str:
    return f"{plain_name(speaker)}: {text}" if speaker and len(people) > 1 else text
