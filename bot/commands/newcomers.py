"""Tells those who come into a voice channel where she listens, once, that she doesn't hear them yet."""

from typing import Final

import nextcord
from loguru import logger
from nextcord.ext import commands

from bot.announcing import tell_newcomer
from bot.parts import Parts, Room, SpokenChannel

REMEMBERED_MOST: Final = 10_000


class Newcomers(commands.Cog):
    """Remembers in this process whom it told, server by server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._told: set[tuple[int, int]] = set()

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: nextcord.Member, before: nextcord.VoiceState, after: nextcord.VoiceState
    ) -> None:
        room = self._parts.rooms.of(member.guild.id)
        if room is None or after.channel is None or after.channel == before.channel:
            return
        try:
            if member == member.guild.me:
                if before.channel is not None:
                    await self._parts.rooms.moved(member.guild.id)
            else:
                await self._greet(member, room, after.channel)
        except nextcord.HTTPException as error:
            logger.bind(success=False).warning("Nobody could be told that she listens: {}", error)

    async def _greet(self, member: nextcord.Member, room: Room, channel: SpokenChannel) -> None:
        who = (member.guild.id, member.id)
        if channel.id != room.channel.id or member.bot or who in self._told:
            return
        if self._parts.consent.has_agreed(member.id):
            return
        if len(self._told) >= REMEMBERED_MOST:
            self._told.clear()
        self._told.add(who)
        try:
            await tell_newcomer(room.channel, member, self._parts.preferences, room.written_in)
        except BaseException:
            self._told.discard(who)  # the next time they come
            raise

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: nextcord.Guild) -> None:
        """She was put out of a server: let in again, she doesn't sit down by herself."""
        await self._parts.rooms.leave(guild.id)
