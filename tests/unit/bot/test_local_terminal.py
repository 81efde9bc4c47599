"""The conversation in a terminal, when nobody is there who could answer."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.local.room import Missing
from bot.local.terminal import Terminal
from bot.turns import Happening, Waiting, Who
from config.emergency import emergency
from config.persona import persona
from tasks.dispatch import NotSent
from tasks.messages import Heard, Turn, TurnFailed, Work

TURN = Turn("t", "replies", "local:1", "1", "Asha", deadline=0.0)
WORK = Work("played", "played", 0.0, 0.0, 0.0, 0.0)
BY_NAME = {kind.name: kind for kind in emergency().kind}


@dataclass
class EmptyRoom:
    """Nobody works in it."""

    trouble: Exception | list[Happening]
    who: Who = field(default_factory=lambda: Who("1", "Asha", "local:1"))

    async def say(self, text: str, show: Callable[[Happening], Awaitable[None]], *, spoken: bool) -> None:
        if isinstance(self.trouble, Exception):
            raise self.trouble
        for happening in self.trouble:
            await show(happening)


@dataclass
class Loudspeaker:
    played: list[tuple[bytes, ...]] = field(default_factory=list)

    async def play(self, packets: tuple[bytes, ...]) -> None:
        self.played.append(packets)

    async def finish(self) -> None:
        """All was heard."""


class Heart:
    async def sound_of(self, text: str) -> tuple[bytes, ...]:
        return (text.encode(),)


async def converse(room: EmptyRoom, *lines: str, loudspeaker: Loudspeaker | None = None) -> None:
    left = iter(lines)

    async def read_line() -> str:
        line = next(left, None)
        if line is None:
            raise EOFError
        return line

    terminal = Terminal(room, persona(), Heart(), random.Random(4))  # type: ignore[arg-type]
    terminal._player = loudspeaker  # type: ignore[assignment]
    await terminal.converse(read_line)


@pytest.mark.parametrize(
    "trouble",
    [
        NotSent("no Redis"),
        Missing(Waiting("generate", "missing")),
        Missing(Waiting("generate", "redis")),
        [TurnFailed(TURN, "generate", "no-engine", "all failed")],
    ],
)
async def test_what_was_typed_is_answered_and_the_cause_is_told(
    trouble: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await converse(EmptyRoom(trouble), "I had a bad day", "I had a bad day")
    first, cause, second, _ = capsys.readouterr().out.splitlines()[1:]
    assert {first, second} <= {f"Priya: {line}" for line in BY_NAME["sad"].en}
    assert first != second
    assert cause.startswith("  (")


async def test_it_is_heard_where_she_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    loudspeaker = Loudspeaker()
    await converse(EmptyRoom(NotSent("no Redis")), "namaste yaar", loudspeaker=loudspeaker)
    [[sound]] = loudspeaker.played
    assert sound.decode() in BY_NAME["greeting"].hinglish


async def test_what_was_heard_is_what_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    heard = Heard(TURN, "मैं बहुत उदास हूँ", "hi", 1.0, WORK)
    await converse(EmptyRoom([heard, TurnFailed(TURN, "generate", "no-engine", "x")]), "hello")
    out = capsys.readouterr().out
    assert any(line in out for line in BY_NAME["sad"].hi)
