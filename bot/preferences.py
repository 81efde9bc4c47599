"""What servers and people chose: how she answers, which voice she has, which language she speaks. Kept in Redis."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from loguru import logger
from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.phrases import LANGUAGES, Language

CACHED_SECONDS: Final = 3.0
"""What another bot process changed is known here this much later at most."""
READ_SECONDS: Final = 0.5
"""A Redis that is silent must not keep everybody's messages waiting."""
CACHED_MOST: Final = 10_000
"""Servers, and people, that are remembered between questions."""

type Answers = Literal["addressed", "always", "never"]
ANSWERS: Final[tuple[Answers, ...]] = get_args(Answers.__value__)


@dataclass(frozen=True, slots=True)
class ServerPreferences:
    answers: Answers = "addressed"
    """When she answers in this server: in a group when spoken to and alone with one person always; always; or never."""
    voice: str = ""
    """A voice's name; empty: the default one."""
    language: str = ""
    """``en``, ``hi`` or ``hinglish``; empty: whatever the speaker speaks."""


class Preferences:
    """Belongs to one event loop. Reading never fails: without Redis it tells what was last known, or the defaults."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._servers = _Cache[ServerPreferences](clock)
        self._people = _Cache[Language | None](clock)

    async def of_server(self, guild_id: int | None) -> ServerPreferences:
        """Of no server (a direct message): the defaults."""
        if guild_id is None:
            return ServerPreferences()
        if (known := self._servers.fresh(guild_id)) is not None:
            return known[0]
        try:
            async with asyncio.timeout(READ_SECONDS):
                stored = await self._redis.hgetall(_server_key(guild_id))
        except (RedisError, TimeoutError) as error:
            logger.warning("Preferences of a server not read: {}", _reason(error))
            return self._servers.keep(guild_id, self._servers.old(guild_id, ServerPreferences()))
        return self._servers.keep(guild_id, _server_preferences(stored))

    async def set_server(
        self, guild_id: int, *, answers: Answers | None = None, voice: str | None = None, language: str | None = None
    ) -> None:
        """Change what is given. Raises RedisError, and ValueError for a value that can't be."""
        if answers not in (None, *ANSWERS) or language not in (None, "", *LANGUAGES):
            raise ValueError(f"not a preference: {answers}, {language}")
        given = {"answers": answers, "voice": voice, "language": language}
        changes = [part for name, value in given.items() if value is not None for part in (name, value)]
        if changes:
            await self._redis.hset(_server_key(guild_id), items=changes)
            self._servers.forget(guild_id)

    async def language_of(self, user_id: int) -> Language | None:
        """What this person chose; None: to be answered in whatever they speak."""
        if (known := self._people.fresh(user_id)) is not None:
            return known[0]
        try:
            async with asyncio.timeout(READ_SECONDS):
                stored = await self._redis.hget(_person_key(user_id), "language")
        except (RedisError, TimeoutError) as error:
            logger.warning("Preferences of a person not read: {}", _reason(error))
            return self._people.keep(user_id, self._people.old(user_id, None))
        return self._people.keep(user_id, _language(_text(stored or b"")))

    async def set_language(self, user_id: int, language: Language | None) -> None:
        """Raises RedisError."""
        if language is None:
            await self._redis.hdel(_person_key(user_id), "language")
        else:
            await self._redis.hset(_person_key(user_id), "language", language)
        self._people.keep(user_id, language)


class _Cache[Value]:
    """Values with the time at which they were read."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[int, tuple[Value, float]] = {}

    def fresh(self, key: int) -> tuple[Value, float] | None:
        found = self._kept.get(key)
        return found if found is not None and self._clock() - found[1] < CACHED_SECONDS else None

    def old(self, key: int, otherwise: Value) -> Value:
        found = self._kept.get(key)
        return otherwise if found is None else found[0]

    def keep(self, key: int, value: Value) -> Value:
        if len(self._kept) >= CACHED_MOST:
            self._kept.clear()
        self._kept[key] = (value, self._clock())
        return value

    def forget(self, key: int) -> None:
        self._kept.pop(key, None)


def _server_key(guild_id: int) -> str:
    """Hash with the fields of ServerPreferences. Lives until changed."""
    return f"preferences:server:{guild_id}"


def _person_key(user_id: int) -> str:
    """Hash: ``language``. Lives until changed."""
    return f"preferences:person:{user_id}"


def _server_preferences(stored: Mapping[bytes | str, bytes | str]) -> ServerPreferences:
    """What is stored and can't be understood counts as not chosen."""
    fields = {_text(name): _text(value) for name, value in stored.items()}
    return ServerPreferences(
        answers=next((name for name in ANSWERS if name == fields.get("answers")), "addressed"),
        voice=fields.get("voice", ""),
        language=_language(fields.get("language", "")) or "",
    )


def _language(name: str) -> Language | None:
    return next((language for language in LANGUAGES if language == name), None)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
