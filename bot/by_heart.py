"""What she can say aloud without any worker: recordings that lie on this machine, read when they are said.

Where no synthesize worker shares the disk, they are fetched from Redis while all is well.
"""

import asyncio
import contextlib
import time
from typing import Final, Protocol, Self

from loguru import logger
from redis.exceptions import RedisError

from config.emergency import known_by_heart
from config.settings import Settings
from tasks.cached_speech import CachedSpeech, cached_speech_folder, fetch
from tasks.connections import connect

LOOK_EVERY_SECONDS: Final = 300.0
LOOK_SOON_SECONDS: Final = 30.0
"""As long as something is missing: workers may be rehearsing, or Redis may be away."""


class Recordings(Protocol):
    """Texts that have a sound without anybody's help."""

    async def sound_of(self, text: str) -> tuple[bytes, ...]:
        """48 kHz Opus packets, 20 ms each; none when the text was never spoken. Never raises."""
        ...


class NoRecordings:
    """She knows nothing by heart."""

    async def sound_of(self, text: str) -> tuple[bytes, ...]:
        return ()


class ByHeart:
    """Use as an async context manager; one a process. Holds no sound in memory."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.broker_url
        self._fetches = settings.cached_speech_mb > 0
        self._cached = CachedSpeech(cached_speech_folder(settings), [text for _, text in known_by_heart()])
        self._fetching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._fetches:
            self._fetching = asyncio.create_task(self._fetch_for_ever(), name="by-heart")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._fetching

    async def sound_of(self, text: str) -> tuple[bytes, ...]:
        return await asyncio.to_thread(self._cached.find, text) or ()

    async def _fetch_for_ever(self) -> None:
        while True:
            is_whole = False
            try:
                is_whole = await asyncio.to_thread(self._fetch)
            except (RedisError, OSError) as error:
                logger.debug("What she knows by heart was not fetched: {}", error)
            await asyncio.sleep(LOOK_EVERY_SECONDS if is_whole else LOOK_SOON_SECONDS)

    def _fetch(self) -> bool:
        """Whether nothing is missing. Raises RedisError and OSError."""
        with connect(self._url) as redis:
            came = fetch(redis, self._cached)
        if came:
            logger.info("Fetched {} sentences that she can say without a worker", came)
        voice = self._cached.newest_voice
        if voice is None:
            return False
        self._cached.tidy(voice, time.time())
        return len(self._cached.names(voice)) == len(self._cached.texts)
