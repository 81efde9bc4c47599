"""What she writes where she can't say it."""

import uuid
from collections.abc import Awaitable, Callable

import nextcord
from loguru import logger

from bot.text.splitting import split
from bot.text.writing import CannotWrite, ChannelPaper, Paper, nonce_of


async def paper_in(place: nextcord.abc.Messageable) -> Paper:
    """Paper in the channel behind ``place``."""
    channel = await place._get_channel()  # noqa: SLF001  # what ``send`` asks for first
    return ChannelPaper(channel._state.http, channel.id)  # noqa: SLF001  # nextcord has no public way to enforce a nonce


async def write_in(
    place: nextcord.abc.Messageable,
    text: str,
    turn_id: str = "",
    paper_for: Callable[[nextcord.abc.Messageable], Awaitable[Paper]] = paper_in,
) -> None:
    """In as many messages as it takes. What is written of a turn is written once, however often Discord is asked; so
    is what belongs to none. Where she may not write either, nothing can be done."""
    writing_id = turn_id or uuid.uuid4().hex
    try:
        paper = await paper_for(place)
        for number, part in enumerate(split(text)):
            await paper.post(part, nonce_of(writing_id, number))
    except (CannotWrite, nextcord.HTTPException) as error:
        logger.bind(success=False).warning("Could neither say nor write it: {}", error)
