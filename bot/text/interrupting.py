"""Typing while she speaks in a voice channel counts like speaking up there."""

from collections.abc import Mapping
from typing import Protocol

import nextcord

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

    async def typed(self, who: Who, text: str, *, is_for_her: bool | None = None) -> None: ...


class RoomLookup(Protocol):
    """All rooms of this process."""

    def of(self, guild_id: int) -> SpeakingRoom | None: ...


async def interrupts(room: SpeakingRoom, message: nextcord.Message, text: str, *, is_hers: bool) -> bool:
    """Tell the room, if she speaks there and it is for her ears: written in that channel's own chat, or to her by
    somebody in the channel. Returns whether that was all: "ruko" and "haan" want no answer."""
    is_in_chat = message.channel.id == room.channel.id
    is_in_channel = message.author.id in room.channel.voice_states
    if not (room.is_speaking and text and (is_in_chat or (is_in_channel and is_hers))):
        return False
    who = Who(str(message.author.id), message.author.display_name, f"discord:{room.channel.id}")
    kind = kind_of(text)
    await room.typed(who, text, is_for_her=is_hers)
    return kind is not Interjection.WORDS
