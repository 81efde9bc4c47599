"""The conversation in a terminal: type to her, read her words as she thinks of them, or hear them."""

import asyncio
import contextlib
import random
import shlex
import sys
from pathlib import Path
from typing import Final, Protocol

from loguru import logger
from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout

from bot.by_heart import Recordings
from bot.foggy_head import FoggyHead
from bot.growing_text import GrowingText
from bot.local.player import NoPlayer, Player
from bot.local.report import describe
from bot.local.room import LocalRoom, Missing, TextError
from bot.local.speaking import speak
from bot.local.wavs import WavError, read_wav
from bot.turns import Happening, Playable, Waiting
from config.persona import Persona
from tasks.dispatch import NotSent
from tasks.messages import Heard, ReplyEnded, TurnDropped, TurnFailed, Words

HELP: Final = """\
  /wav FILE   speak a sound file to her
  /say        turn the sound of her answers on or off
  /forget     begin anew: she forgets this conversation
  /quit       leave (so does Ctrl-D; Ctrl-C interrupts her)"""


class ReadLine(Protocol):
    async def __call__(self) -> str:
        """The next line. Raises EOFError at the end."""
        ...


def line_reader(prompt: str) -> ReadLine:
    """From a terminal with editing and history, else plainly from standard input."""
    if sys.stdin.isatty():
        session: PromptSession[str] = PromptSession(prompt)
        return session.prompt_async

    async def read() -> str:
        line: str = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            raise EOFError
        return line.rstrip("\n")

    return read


class Terminal:
    """One conversation. One event loop."""

    def __init__(
        self, room: LocalRoom, persona: Persona, by_heart: Recordings, chance: random.Random | None = None
    ) -> None:
        """``by_heart`` and ``chance``: what she says when nobody is there to think or to speak, and in which words."""
        self._room = room
        self._persona = persona
        self._by_heart = by_heart
        self._head = FoggyHead(chance)
        self._said = ""
        """What is answered, as soon as it is known."""
        self._player: Player | None = None
        self._is_mid_line = False
        self._words = GrowingText()

    async def converse(self, read_line: ReadLine) -> None:
        """Until the person leaves."""
        print(f"{self._persona.name} is here. Type to her; /help shows what else there is.")
        with patch_stdout(raw=True) if sys.stdin.isatty() else contextlib.nullcontext():
            while True:
                try:
                    line = (await read_line()).strip()
                except (EOFError, KeyboardInterrupt):
                    return
                if line in {"/quit", "/exit"}:
                    return
                if line:
                    await self._answer_interruptibly(line)

    async def _answer_interruptibly(self, line: str) -> None:
        """Ctrl-C while she answers stops the answer, not the conversation."""
        answering = asyncio.create_task(self._answer(line))
        try:
            await answering
        except (KeyboardInterrupt, asyncio.CancelledError):
            answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering
            if self._player is not None:
                self._player.stop()
            self._end_line()

    async def _answer(self, line: str) -> None:
        self._said = "" if line.startswith("/") else line
        try:
            if line.startswith("/"):
                await self._command(line)
            else:
                await self._room.say(line, self._show, spoken=self._player is not None)
            if self._player is not None:
                await self._player.finish()
        except (NotSent, Missing) as problem:
            await self._answer_without_thought()
            print(f"  ({problem})")
        except (TextError, WavError, NoPlayer) as problem:
            self._end_line()
            print(f"  ({problem})")
        except Exception as bug:  # noqa: BLE001  # a bug of ours ends one answer, not the conversation
            self._end_line()
            logger.exception("A bug")
            print(f"  (Something went wrong: {type(bug).__name__}. The log has more.)")
        self._end_line()

    async def _answer_without_thought(self) -> None:
        """Nobody is there who could think."""
        self._end_line()
        if not self._said:
            print(f"{self._persona.name}: {self._persona.notices.failed}")
            return
        text = self._head.answer(self._room.who.conversation, self._said, "")
        print(f"{self._persona.name}: {text}")
        if self._player is not None:
            await self._player.play(await self._by_heart.sound_of(text))
            await self._player.finish()

    async def _command(self, line: str) -> None:
        command, _, argument = line.partition(" ")
        match command:
            case "/wav" if argument:
                recording = await asyncio.to_thread(read_wav, wav_path(argument))
                await speak(self._room, [recording], self._show, realtime=True)
            case "/say":
                self._player = Player() if self._player is None else None
                print("  (You will hear her.)" if self._player else "  (Sound off.)")
            case "/forget":
                await self._room.turns.dispatcher.forget(self._room.who.conversation)
                print("  (Forgotten.)")
            case "/wav":
                print("  (Which file? For example: /wav question.wav)")
            case "/help":
                print(HELP)
            case _:
                print(f"  (No such command.)\n{HELP}")

    async def _show(self, happening: Happening) -> None:
        match happening:
            case Heard():
                self._said = happening.text
                print(f"  (heard: {happening.text or 'nothing'})")
            case Words():
                if not self._is_mid_line:
                    print(f"{self._persona.name}: ", end="")
                    self._is_mid_line = True
                print(self._words.add(happening), end="", flush=True)
            case Playable() if self._player is not None and happening.packets:
                await self._player.play(happening.packets)
            case ReplyEnded():
                self._end_line()
            case Waiting(reason="slow"):
                print(f"  ({self._persona.notices.waiting})")
            case TurnDropped(reason="nothing-heard"):
                print(f"{self._persona.name}: {self._persona.notices.not_heard}")
            case TurnFailed(stage="generate"):
                await self._answer_without_thought()
                print(f"  ({happening.stage}: {describe(happening)})")
            case TurnFailed() | TurnDropped():
                self._end_line()
                print(f"{self._persona.name}: {self._persona.notices.failed}")
                print(f"  ({happening.stage}: {describe(happening)})")

    def _end_line(self) -> None:
        if self._is_mid_line:
            print()
            self._is_mid_line = False


def wav_path(argument: str) -> Path:
    """A path as a person types it: with quotes or spaces, and ~ for home."""
    try:
        words = shlex.split(argument)
    except ValueError:
        words = []
    return Path(words[0] if len(words) == 1 else argument).expanduser()
