"""Priya's account on Discord: what the gateway tells her, handed to whom it concerns. One event loop."""

import sys
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import nextcord
from loguru import logger
from nextcord.ext import commands

from bot.parts import Chat
from bot.text.rate_limits import keep_channels_apart

PREFIX: Final = "!"
SEEN_MOST: Final = 1_000
"""Messages that are known when they come again."""

type Context = commands.Context[commands.AutoShardedBot]
type OnReady = Callable[["Priya"], Awaitable[None]]


def needed_intents() -> nextcord.Intents:
    """These and no others: the less is sent here, the less has to be read, kept and guarded."""
    return nextcord.Intents(
        guilds=True,  # servers, channels and permissions: where she may speak, and what was deleted
        voice_states=True,  # who sits in which voice channel; no voice connection is made without it
        guild_messages=True,
        dm_messages=True,
        message_content=True,  # "!" commands, her name, replies: privileged, to be granted in the developer portal
    )


class Priya(commands.AutoShardedBot):
    """Takes messages until it is told to take no more; a command is carried out, anything else is the chat's."""

    def __init__(
        self, chat: Chat, on_ready: OnReady, shard_ids: Sequence[int] = (), shard_count: int | None = None
    ) -> None:
        super().__init__(
            command_prefix=prefixes,
            help_command=None,
            case_insensitive=True,
            intents=needed_intents(),
            shard_ids=list(shard_ids) or None,
            shard_count=shard_count,
            allowed_mentions=nextcord.AllowedMentions.none(),
            # Memory: nobody is asked about old messages, and of the members only those in voice channels.
            max_messages=None,
            member_cache_flags=nextcord.MemberCacheFlags.from_intents(needed_intents()),
            chunk_guilds_at_startup=False,
        )
        keep_channels_apart(self.http)
        self._chat = chat
        self._once_ready = on_ready
        self._takes_messages = True
        self._seen: deque[int] = deque(maxlen=SEEN_MOST)

    def take_no_more(self) -> None:
        """What is said from now on is for whoever comes after this process."""
        self._takes_messages = False

    async def on_ready(self) -> None:
        """Every shard knows its servers. Comes again when a session could not be resumed."""
        logger.info("Here as {}, in {} servers", self.user, len(self.guilds))
        await self._once_ready(self)

    async def on_message(self, message: nextcord.Message) -> None:
        if not self._takes_messages or message.author.bot or message.webhook_id is not None:
            return
        if message.id in self._seen:  # a resumed gateway may tell of it again
            return
        self._seen.append(message.id)
        context: Context = await self.get_context(message)
        if context.command is not None or is_meant_as_command(context):
            await self.invoke(context)
        else:
            await self._chat.take(message)

    async def on_error(self, event_method: str, *_: Any, **__: Any) -> None:  # noqa: ANN401 - whatever the event has
        """Called inside an ``except``: nextcord would print it."""
        logger.opt(exception=sys.exception()).bind(success=False).error("{} was not dealt with", event_method)


def prefixes(bot: commands.Bot | commands.AutoShardedBot, _message: nextcord.Message) -> list[str]:
    """``!``, alone or after mentioning her."""
    me = bot.user.id if bot.user is not None else 0
    return [PREFIX, *(f"<@{mark}{me}>{gap}{PREFIX}" for mark in ("", "!") for gap in (" ", ""))]


def is_meant_as_command(context: Context) -> bool:
    """An unknown one is hers to answer where nobody else is called by ``!``: directly, or after a mention."""
    if context.prefix is None or not context.invoked_with or not context.invoked_with.isalpha():
        return False
    return context.guild is None or context.prefix != PREFIX
