"""Being logged in at Discord: again and again while it can't be reached, and never again once it has refused."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import nextcord
from loguru import logger
from nextcord.ext import commands

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
API_PATH: Final = "/api/v10"

NOT_KNOWN: Final = (
    "Discord does not know this DISCORD_TOKEN: copy it anew from the developer portal "
    "(https://discord.com/developers/applications, your application, Bot, Reset Token)."
)
MISSING_INTENT: Final = (
    "Discord does not let this bot read messages: switch on MESSAGE CONTENT INTENT in the developer portal "
    "(https://discord.com/developers/applications, your application, Bot, Privileged Gateway Intents)."
)
WRONG_SHARDS: Final = (
    "Discord refuses these shards: unset SHARD_IDS and SHARD_COUNT, or raise SHARD_COUNT in all bot processes."
)
NOT_DISCORD: Final = "What answers at DISCORD_API_BASE is no Discord: mend it, or unset it to use Discord's own."

_REFUSALS: Final = {4004: NOT_KNOWN, 4010: WRONG_SHARDS, 4011: WRONG_SHARDS, 4014: MISSING_INTENT}
"""By close code of the gateway."""
_UNREACHABLE: Final = (
    OSError, TimeoutError, aiohttp.ClientError, nextcord.HTTPException, nextcord.GatewayNotFound,
)  # fmt: skip


class Refused(Exception):
    """Discord won't have us as we are set up, and asking again won't help. The message says the mend."""


class Lost(Exception):
    """The connection ended in a way that only a fresh start mends."""


def redirect(api_base: str | None) -> None:
    """Let nextcord of this process talk to ``api_base``. The path of the interface is added to a bare address."""
    if api_base is not None:
        address = api_base.rstrip("/")
        nextcord.http.Route.BASE = address if urlsplit(address).path else address + API_PATH


async def stay_connected(
    priya: commands.AutoShardedBot, token: str, pause: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> None:
    """Log in and stay until ``priya`` is closed. Raises Refused and Lost."""
    if not token.isascii() or any(letter.isspace() or not letter.isprintable() for letter in token):
        raise Refused(NOT_KNOWN)  # no header may carry it
    try:
        await _until_reached(lambda: priya.login(token), pause)
    except (LookupError, TypeError, ValueError):
        raise Refused(NOT_DISCORD) from None  # it has an answer to "who am I?", but not one that says it
    try:
        # nextcord itself keeps a shard that is connected so: it resumes, or tries again with growing pauses.
        await _until_reached(priya.connect, pause)
    except nextcord.PrivilegedIntentsRequired:
        raise Refused(MISSING_INTENT) from None
    except nextcord.ConnectionClosed as closed:
        if closed.code in _REFUSALS:
            raise Refused(_REFUSALS[closed.code]) from None
        raise Lost(f"the gateway closed the connection with {closed.code}") from closed


async def _until_reached(attempt: Callable[[], Awaitable[None]], pause: Callable[[float], Awaitable[object]]) -> None:
    """Raises Refused, and what is no matter of reaching Discord."""
    seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except nextcord.LoginFailure:
            raise Refused(NOT_KNOWN) from None
        except nextcord.NotFound:
            raise Refused(NOT_DISCORD) from None
        except _UNREACHABLE as error:
            logger.bind(success=False).error(
                "Discord can't be reached ({}); trying again in {:.0f} s", str(error) or type(error).__name__, seconds
            )
        await pause(seconds)
        seconds = min(LONGEST_PAUSE_SECONDS, seconds * 2)
