"""The mark at her name while she listens, so that nobody in the server can miss it."""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
import nextcord
from loguru import logger

MARK: Final = " 🎧"
MOST_CHARACTERS: Final = 32
"""Of a nickname, by Discord."""


class Nickname:
    """Her name in one server, from joining a voice channel to leaving it. One event loop."""

    def __init__(self, guild: nextcord.Guild) -> None:
        self._guild = guild
        self._before = guild.me.nick
        self._plain = plain(self._before)
        self._marked = with_mark(self._plain or plain(guild.me.display_name) or "")
        self._is_marked = False
        self._changing = asyncio.Lock()
        """Discord may take its time; who leaves at once waits for the mark, to take it away."""

    async def mark(self) -> None:
        """Not being allowed to is no harm: she also says it in the text channel."""
        async with self._changing:
            self._is_marked = await self._change(self._marked)

    async def restore(self, is_wanted: Callable[[], bool]) -> None:
        """Who renamed her meanwhile has the last word; only the mark goes. ``is_wanted`` is asked when it is this one's
        turn: she may listen again by then."""
        async with self._changing:
            if not is_wanted():
                return
            now = self._guild.me.nick
            is_ours = now in (self._before, self._marked)  # or the gateway has not told of the mark yet
            if self._is_marked and (is_ours or (now or "").endswith(MARK)):
                self._is_marked = not await self._change(self._plain if is_ours else plain(now))

    async def _change(self, nick: str | None) -> bool:
        try:
            await self._guild.me.edit(nick=nick)
        except (nextcord.HTTPException, aiohttp.ClientError, OSError) as error:
            logger.debug("The nickname stays as it is: {}", type(error).__name__)
            return False
        return True


def with_mark(name: str) -> str:
    return name[: MOST_CHARACTERS - len(MARK)] + MARK


def plain(nick: str | None) -> str | None:
    """The nickname without the mark that an earlier process may have left."""
    return nick.removesuffix(MARK).strip() or None if nick else None
