"""Typing while she speaks in a voice channel counts like speaking up there; "ruko" also while she only thinks."""

from collections.abc import Mapping
from enum import Enum, auto, unique
from typing import Protocol

import nextcord

from bot.addressing import Addressing
from bot.interjections import Interjection, kind_of
from bot.turns import Who


class RoomChannel(Protocol):
    """The voice channel that she is in."""

    @property
    def id(self) -> int: ...

    @property
    def voice_states(self) -> Mapping[int, object]:
        """Who is in it, herself among them, by user id."""
        ...


class SpeakingRoom(Protocol):
    """Where she may be speaking (see bot/voice/room.py)."""

    @property
    def channel(self) -> RoomChannel: ...

    @property
    def is_speaking(self) -> bool: ...

    @property
    def is_thinking(self) -> bool:
        """She is about to speak."""
        ...

    @property
    def addressing(self) -> Addressing:
        """Whom she answered there, aloud or in writing: the channel and its chat are one conversation."""
        ...

    @property
    def people(self) -> int:
        """In the channel, without bots."""
        ...

    async def typed(self, who: Who, text: str, *, is_for_her: bool) -> bool:
        """Whether it ended her answer, so that what was typed wants its own."""
        ...

    async def history_settled(self) -> None:
        """Until history keeps what was heard of what was ended, or that takes too long."""
        ...


class RoomLookup(Protocol):
    """All rooms of this process."""

    def of(self, guild_id: int) -> SpeakingRoom | None: ...


@unique
class Effect(Enum):
    """What a message is to what she says aloud."""

    NONE = auto()
    """It changes nothing; whether it is answered is to be decided as for any other."""
    ENDED_HER = auto()
    """Her answer is over for it, so it is to be answered, with or without her name."""
    WAS_ALL = auto()
    """She was told, and "ruko" and "haan" want no answer."""


async def interrupt(
    room: SpeakingRoom, message: nextcord.Message, text: str, *, is_hers: bool, means_another: bool
) -> Effect:
    """Tell the room, if it is over what she says there and for her ears: written in that channel's own chat, or to her
    by somebody in the channel. Not what plainly ``means_another``, but for "ruko"."""
    is_in_chat = message.channel.id == room.channel.id
    is_in_channel = message.author.id in room.channel.voice_states
    if not (text and (is_in_chat or (is_in_channel and is_hers))):
        return Effect.NONE
    if not (room.is_speaking or room.is_thinking):
        return Effect.NONE
    kind = kind_of(text)
    if not room.is_speaking and kind is not Interjection.STOP:
        return Effect.NONE
    if not is_in_chat and kind in (Interjection.BACKCHANNEL, Interjection.NOTHING):
        return Effect.NONE  # "haan" elsewhere is to what was written there
    if means_another and not is_hers and kind is not Interjection.STOP:
        return Effect.NONE
    who = Who(str(message.author.id), message.author.display_name, f"discord:{room.channel.id}")
    has_ended_her = await room.typed(who, text, is_for_her=is_hers)
    if kind is not Interjection.WORDS:
        return Effect.WAS_ALL
    return Effect.ENDED_HER if has_ended_her else Effect.NONE
