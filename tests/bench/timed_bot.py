"""The bot with a stopwatch: ``python -m tests.bench.timed_bot FILE`` is ``python -m bot`` that notes when it decides.

What nobody outside can see is noted as it is called, one line of JSON each: 10 µs, on the thread that decides.
"""

import functools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

DECISIONS: Final = {
    "vad": ("bot.voice.talker", "Talker", "speech_started"),
    "paused": ("bot.voice.talker", "Talker", "speculated"),
    "endpoint": ("bot.voice.talker", "Talker", "turn_taken"),
    "pause": ("bot.voice.playback", "Player", "pause"),
    "resume": ("bot.voice.playback", "Player", "resume"),
    "stop": ("bot.voice.playback", "Player", "stop"),
    "cancel": ("tasks.dispatch", "Dispatcher", "cancel"),
}
"""What a mark is called, and the method at whose beginning it is made."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something was decided in the bot's process."""

    name: str
    at: float
    """``time.monotonic()``, which all processes of a machine share."""
    turn: str
    """The turn that it is about, where the method is given one."""


def marks_in(file: Path) -> list[Mark]:
    """In the order in which they were made."""
    return [Mark(**json.loads(line)) for line in file.read_text().splitlines()]


def timed(method: Callable[..., Any], name: str, file: TextIO) -> Callable[..., Any]:
    @functools.wraps(method)
    def called(*arguments: Any, **named: Any) -> Any:
        at = time.monotonic()
        turn = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], str) else ""
        file.write(json.dumps({"name": name, "at": at, "turn": turn}) + "\n")
        return method(*arguments, **named)

    return called


def main() -> int:
    from importlib import import_module

    from bot.__main__ import main as run_bot

    with Path(sys.argv[1]).open("a", buffering=1) as file:
        for name, (module, owner_name, method_name) in DECISIONS.items():
            owner = getattr(import_module(module), owner_name)
            setattr(owner, method_name, timed(getattr(owner, method_name), name, file))
        return run_bot([])


if __name__ == "__main__":
    sys.exit(main())
