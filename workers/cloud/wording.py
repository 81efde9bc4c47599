"""A conversation as strict providers take it: one system message, a user first and last, no role twice in a row."""

from typing import Final, Literal

from config.providers import ChatProvider
from workers.engines import Conversation
from workers.errors import BadInput

type Role = Literal["user", "assistant"]

GO_ON: Final = (
    "(Your last message broke off exactly there. Go on from where it stops, in the same language and script, as if "
    "there had been no break. Write only what comes next: repeat nothing of it, greet nobody, don't mention this.)"
)
"""Most providers answer an assistant's unfinished message with a new one; so they are asked, which works with all."""
OPENING: Final = "..."
"""Stands where a user's message must be and history was cut in between."""
CHARACTERS_PER_TOKEN: Final = 4
"""Roughly, in Latin letters."""
SHORTEST_REST: Final = 32
"""Tokens that are left at least for an answer that goes on."""


def system_of(row: ChatProvider, conversation: Conversation) -> str:
    """Who she is and, for those who can follow it, how she names her emotions."""
    texts = [message.text for message in conversation.messages if message.role == "system"]
    if row.names_emotions and conversation.emotions_hint:
        texts.append(conversation.emotions_hint)
    return "\n\n".join(text for text in texts if text.strip())


def alternating(engine: str, conversation: Conversation) -> list[tuple[Role, str]]:
    """All that was said, the words of an unfinished answer and the request to go on included.

    Raises BadInput when there is nothing to answer."""
    said: list[tuple[Role, str]] = [
        (message.role, message.text)
        for message in conversation.messages
        if message.role != "system" and message.text.strip()
    ]
    if not said or said[-1][0] != "user":
        raise BadInput(engine, "there is nothing to answer")
    if conversation.answer_so_far.strip():
        # Some refuse an assistant's message that ends with white space.
        said += [("assistant", conversation.answer_so_far.rstrip()), ("user", GO_ON)]
    if said[0][0] == "assistant":
        said.insert(0, ("user", OPENING))
    merged: list[tuple[Role, str]] = []
    for role, text in said:
        if merged and merged[-1][0] == role:
            merged[-1] = (role, f"{merged[-1][1]}\n\n{text}")
        else:
            merged.append((role, text))
    return merged


def tokens_left(row: ChatProvider, conversation: Conversation) -> int:
    """How long the answer may become, its thoughts included where the model can't be kept from thinking."""
    spoken = len(conversation.answer_so_far) // CHARACTERS_PER_TOKEN
    left = max(min(SHORTEST_REST, conversation.max_tokens), conversation.max_tokens - spoken)
    return left + row.thinking_tokens


def everything_said(conversation: Conversation) -> tuple[str, ...]:
    """What must not get into a log."""
    return (*(message.text for message in conversation.messages), conversation.answer_so_far)
