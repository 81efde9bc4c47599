"""Voice channels without voice: joined and left in memory, announced as the real ones are."""

import asyncio

from nextcord.abc import Messageable

from bot.announcing import announce
from bot.parts import SpokenChannel
from bot.preferences import Preferences
from bot.turns import Who


class FakeRoom:
    def __init__(self, channel: SpokenChannel) -> None:
        self.channel = channel
        self.written_in: Messageable | None = None
        self.is_speaking = False
        self.said: list[tuple[Who, str]] = []
        self.fails_with: Exception | None = None

    async def say(self, who: Who, text: str) -> None:
        if self.fails_with is not None:
            raise self.fails_with
        self.is_speaking = True
        self.said.append((who, text))

    async def stop(self) -> bool:
        was_speaking, self.is_speaking = self.is_speaking, False
        return was_speaking


class FakeRooms:
    def __init__(self, preferences: Preferences) -> None:
        self._preferences = preferences
        self.joined: dict[int, FakeRoom] = {}
        self.refuses_with: Exception | None = None
        self.opens = asyncio.Event()
        """Joining waits for it."""
        self.opens.set()
        self.asked = asyncio.Event()

    async def join(self, channel: SpokenChannel, announce_in: Messageable | None) -> FakeRoom:
        self.asked.set()
        await self.opens.wait()
        if self.refuses_with is not None:
            raise self.refuses_with
        self.joined[channel.guild.id] = room = FakeRoom(channel)
        room.written_in = announce_in
        await announce(announce_in or channel, channel, self._preferences)
        return room

    async def leave(self, guild_id: int) -> bool:
        return self.joined.pop(guild_id, None) is not None

    async def moved(self, guild_id: int) -> None:
        room = self.joined[guild_id]
        await announce(room.channel, room.channel, self._preferences)

    def of(self, guild_id: int) -> FakeRoom | None:
        return self.joined.get(guild_id)
