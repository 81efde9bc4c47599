"""What a Discord message asks of her: its words as a person would read them, and what hangs on it."""

import re
from dataclasses import dataclass
from typing import Final

import nextcord

from bot.text.voice_messages import voice_message_of

LONGEST_TEXT: Final = 4_000
"""What Discord lets people write at most."""
COMMAND: Final = re.compile(r"[!?./$%&;>+-][a-zA-Z]")
"""How other bots are called."""
CUSTOM_EMOJI: Final = re.compile(r"<a?(:\w+:)\d+>")


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    """Without her mention at either end, other mentions as names."""
    recording: nextcord.Attachment | None
    has_other_attachments: bool
    mentions_her: bool
    replies_to_her: bool
    means_another: bool
    """It answers or mentions somebody else, or is a command to another bot."""

    @property
    def is_nothing(self) -> bool:
        """Nothing that she could read or hear, or say that she can't: a poll, or something forwarded."""
        return not (self.text or self.recording or self.has_other_attachments or self.mentions_her)


def question_of(message: nextcord.Message, her: nextcord.ClientUser) -> Question:
    names = her_mentions(message, her)
    written = message.content
    for name in names:
        written = written.removeprefix(name).removesuffix(name).strip()
    # A turn is either read or heard. Whoever writes beside a recording has asked in writing.
    recording = None if written else voice_message_of(message)
    return Question(
        _readable(message, written),
        recording,
        any(attachment is not recording for attachment in message.attachments) or bool(message.stickers),
        any(name in message.content for name in names) or her in message.mentions,
        _answered_by(message) == her.id,
        _means_another(message, her),
    )


def her_mentions(message: nextcord.Message, her: nextcord.ClientUser) -> tuple[str, ...]:
    """How she is called by mention: herself, or the role that Discord made for her when she was let in."""
    role = message.guild.self_role if message.guild else None
    return (f"<@{her.id}>", f"<@!{her.id}>", *([f"<@&{role.id}>"] if role else []))


def _answered_by(message: nextcord.Message) -> int | None:
    """Who wrote what this is a reply to. None: it is none, or nobody knows."""
    if message.type is not nextcord.MessageType.reply or message.reference is None:
        return None
    answered = message.reference.resolved or message.reference.cached_message
    return answered.author.id if isinstance(answered, nextcord.Message) else None


def _means_another(message: nextcord.Message, her: nextcord.ClientUser) -> bool:
    answered, nobody_else = _answered_by(message), (her.id, message.author.id)
    others = any(user.id not in nobody_else for user in message.mentions)  # who is replied to too, if they are rung
    return (
        (answered is not None and answered not in nobody_else) or others or COMMAND.match(message.content) is not None
    )


def _readable(message: nextcord.Message, written: str) -> str:
    """Mentions as names, and emoji of a server as theirs."""
    names = {f"<@{user.id}>": f"@{user.display_name}" for user in message.mentions}
    names |= {f"<@!{user.id}>": f"@{user.display_name}" for user in message.mentions}
    names |= {f"<@&{role.id}>": f"@{role.name}" for role in message.role_mentions}
    names |= {f"<#{channel.id}>": f"#{channel.name}" for channel in message.channel_mentions}
    for mention, name in names.items():
        written = written.replace(mention, name)
    return CUSTOM_EMOJI.sub(r"\1", written).strip()
