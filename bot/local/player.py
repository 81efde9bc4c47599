"""Plays her answer on this machine's loudspeaker, through whichever player is installed."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterable
from typing import Final

from bot.local.wavs import decode
from bot.voice.opus import OpusDecoder
from config.audio import SPOKEN_RATE_HZ

PLAYERS: Final[dict[str, tuple[str, ...]]] = {
    "pw-play": ("--rate", str(SPOKEN_RATE_HZ), "--channels", "1", "--format", "s16", "--raw", "-"),
    "paplay": ("--raw", f"--rate={SPOKEN_RATE_HZ}", "--channels=1", "--format=s16le"),
    "aplay": ("-q", "-t", "raw", "-f", "S16_LE", "-r", str(SPOKEN_RATE_HZ), "-c", "1"),
    "ffplay": ("-loglevel", "quiet", "-nodisp", "-autoexit", "-f", "s16le", "-ar", str(SPOKEN_RATE_HZ), "-i", "-"),
    "play": ("-q", "-t", "raw", "-e", "signed", "-b", "16", "-r", str(SPOKEN_RATE_HZ), "-c", "1", "-"),
}


class NoPlayer(Exception):
    """No program that plays sound is installed. The message says which would do."""


class Player:
    """One answer's sound, written while it is made. One event loop."""

    def __init__(self) -> None:
        """Raises NoPlayer."""
        found = next((name for name in PLAYERS if shutil.which(name)), None)
        if found is None:
            raise NoPlayer("no sound player found; install one, for example: apt install alsa-utils")
        self._command: Final = (found, *PLAYERS[found])
        self._process: asyncio.subprocess.Process | None = None
        self._decoder: OpusDecoder | None = None
        """Of the answer that is playing."""

    async def play(self, packets: Iterable[bytes]) -> None:
        """Queue one segment, or part of one, behind what is playing."""
        if self._process is None:
            self._decoder = OpusDecoder(SPOKEN_RATE_HZ)
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        if self._process.stdin is not None:
            # Not drained: an answer is a few MB at most, and waiting here would hold up her words.
            self._process.stdin.write(decode(packets, self._decoder).tobytes())

    async def finish(self) -> None:
        """Wait until all is heard. A player that died lost sound, never the conversation."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                await self._process.stdin.drain()
            self._process.stdin.close()
            await self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Be quiet now."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        self._process = None
