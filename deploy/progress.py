"""Run a long program and keep saying that it goes on. Standard library only."""

import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

TTY_TICK_SECONDS: Final = 1.0
LOG_TICK_SECONDS: Final = 30.0
"""Where lines pile up, as in a CI log, one in a while is enough."""


def minutes_and_seconds(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Ticker:
    """A line that shows how long something has been going on; rewritten in place on a terminal.

    Used as a context manager; its thread ends with it."""

    def __init__(self, what: str, stream: TextIO | None = None, tick_seconds: float | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._rewrites = self._stream.isatty()
        self._tick_seconds = tick_seconds or (TTY_TICK_SECONDS if self._rewrites else LOG_TICK_SECONDS)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._began_at = time.monotonic()

    def __enter__(self) -> "Ticker":
        self._began_at = time.monotonic()
        self._stream.write(self._what + (" ..." if self._rewrites else "\n"))
        self._stream.flush()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._rewrites:
            self._say("\n")

    def _tick(self) -> None:
        while not self._ended.wait(self._tick_seconds):
            self._say("" if self._rewrites else "\n")

    def _say(self, end: str) -> None:
        elapsed = minutes_and_seconds(time.monotonic() - self._began_at)
        start = "\r" if self._rewrites else ""
        self._stream.write(f"{start}{self._what} ... {elapsed}{end}")
        self._stream.flush()


def run_quietly(what: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> bool:
    """Run ``command`` with its output appended to ``log`` and a ticking line on stderr. True when it went well."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with Ticker(what), log.open("ab") as output:
        output.write(f"\n$ {' '.join(command)}\n".encode())
        output.flush()
        ended = subprocess.run(
            command, check=False, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    return ended.returncode == 0


def tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
