"""``python -m deploy.keep NAME COMMAND...``: run a program and start it again whenever it ends unasked.

Asked means SIGTERM, SIGINT or SIGHUP to this process: the signal is passed on once, and whatever of the program and its
children is left after a grace is killed. Standard library only, so that it stays small.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final

from deploy.lifeline import tied

GRACE_SECONDS: Final = 4.0
"""From being asked to stop to being killed: the whole stack is to be gone within 10 s."""
STEADY_SECONDS: Final = 10.0
"""A program that lived this long can start; if it dies later, trying again is worth it."""
QUICK_ENDS: Final = 5
EX_CONFIG: Final = 78
"""sysexits.h: this program can't start as it is configured, and trying again would not help."""


@dataclass(slots=True)
class Restarts:
    """Whether and when to start again. Knows no clock and no process."""

    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 30.0
    quick_ends: int = 0
    was_steady: bool = False

    def pause_after(self, lived_seconds: float, code: int) -> float | None:
        """Seconds to wait before the next start, or None to give up."""
        if lived_seconds >= STEADY_SECONDS:
            self.was_steady, self.quick_ends = True, 0
        self.quick_ends += 1
        if code == EX_CONFIG or (self.quick_ends >= QUICK_ENDS and not self.was_steady):
            return None
        return min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** (self.quick_ends - 1))


def how_it_ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


class Keeper:
    """Owns one program. Signals come in on the main thread, which is also the one that waits."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self._name = name
        self._command = command
        self._restarts = Restarts()
        self._asked = threading.Event()
        self._program: subprocess.Popen[bytes] | None = None

    def keep(self) -> int:
        """Run until asked to stop (0) or until it is hopeless (the program's code)."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGALRM, self._kill)
        while not self._asked.is_set():
            began_at = time.monotonic()
            code = self._run_once()
            if self._asked.is_set():
                break
            pause = self._restarts.pause_after(time.monotonic() - began_at, code)
            if pause is None:
                self._say(f"{how_it_ended(code)}; giving up")
                return code if code > 0 else 1
            self._say(f"{how_it_ended(code)}; starting it again in {pause:.1f} s")
            self._asked.wait(pause)
        return 0

    def _run_once(self) -> int:
        try:
            # A session of its own, so that it gets each signal once, from here, and its children can be found.
            self._program = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=tied(signal.SIGKILL),  # noqa: PLW1509 - there are no threads here
            )
        except OSError as error:
            self._say(f"can't be started: {error}")
            return EX_CONFIG
        if self._asked.is_set():
            self._stop(signal.SIGTERM, None)
        code = self._program.wait()
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._kill(signal.SIGALRM, None)  # what it started and left behind
        return code

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked.set()
        if self._program is not None and self._program.poll() is None:
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)
            with suppress(ProcessLookupError):
                os.kill(self._program.pid, signal.SIGTERM)

    def _kill(self, _number: int, _frame: FrameType | None) -> None:
        if self._program is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._program.pid, signal.SIGKILL)

    def _say(self, what: str) -> None:
        print(f"{self._name} {what}", file=sys.stderr, flush=True)


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return os.EX_USAGE
    return Keeper(sys.argv[1], sys.argv[2:]).keep()


if __name__ == "__main__":
    sys.exit(main())
