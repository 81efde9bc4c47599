"""What she writes where she can't say it."""

import aiohttp
import nextcord
from loguru import logger

from bot.text.splitting import split


async def write_in(place: nextcord.abc.Messageable, text: str) -> None:
    """In as many messages as it takes. Where she may not write either, nothing can be done."""
    try:
        for part in split(text):
            await place.send(part, allowed_mentions=nextcord.AllowedMentions.none())
    except (nextcord.HTTPException, aiohttp.ClientError, OSError) as error:
        logger.bind(success=False).warning("Could neither say nor write it: {}", type(error).__name__)
