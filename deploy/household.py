"""The stack's processes under honcho, with what honcho leaves open: Valkey comes first and goes last, and nobody stays
behind when this process is killed.
"""

import multiprocessing
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import honcho.manager
from honcho.manager import Manager
from honcho.process import Popen, Process

from deploy.journal import Journal
from deploy.lifeline import tie_to_parent, tied

VALKEY: Final = "valkey"
LAST_RESORT_SECONDS: Final = 8
"""deploy.keep kills after 4 s, then Valkey goes; after this even the keepers are killed."""
LOOK_SECONDS: Final = 0.05


class _TiedPopen(Popen):  # type: ignore[misc]
    def __init__(self, command: str, **options: object) -> None:
        # exec: no shell stays between us and the program, to be killed in its place.
        super().__init__(f"exec {command}", preexec_fn=tied(signal.SIGTERM), **options)


class _Relay(Process):  # type: ignore[misc]
    """Honcho's process beside each program, which passes its output on."""

    def __init__(self, *arguments: object, household: int, **options: object) -> None:
        super().__init__(*arguments, **options)
        self._household = household
        self._child_ctor = _TiedPopen

    def run(self, events: object = None, ignore_signals: bool = False) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        tie_to_parent(signal.SIGKILL, self._household)
        super().run(events, ignore_signals)


class Household(Manager):  # type: ignore[misc]
    """Runs named commands until one ends or it is told to stop. All of it on the main thread."""

    def __init__(self, journal: Journal, own_pid: int) -> None:
        super().__init__(journal)
        honcho.manager.KILL_WAIT = LAST_RESORT_SECONDS
        self._own_pid = own_pid
        self._process_ctor = self._relay
        self._told: set[str] = set()
        self._when_valkey_is_up: Callable[[], bool] = lambda: True
        self._first_ended: str | None = None

    def add(self, name: str, command: str, environment: Mapping[str, str], folder: Path) -> None:
        self.add_process(name, command, env=dict(environment), cwd=str(folder))

    def run(self, valkey_answers: Callable[[], bool]) -> str | None:
        """Run all. ``valkey_answers`` is asked until it is true, before the others start.

        Returns the name of the process that ended unasked, or None when we were told to stop."""
        self._when_valkey_is_up = valkey_answers
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
        self.loop()
        return self._first_ended

    def _relay(self, *arguments: object, **options: object) -> _Relay:
        return _Relay(*arguments, household=self._own_pid, **options)

    def _start(self) -> None:
        """Honcho's, but Valkey first. What was not started when we are told to stop is forgotten."""
        everyone = sorted(self._processes, key=lambda name: name != VALKEY)
        for name in everyone:
            if self._terminating:
                del self._processes[name]
                continue
            process = self._processes[name]
            process["process"] = multiprocessing.Process(
                name=name, target=process["obj"].run, args=(self.events, True), daemon=False
            )
            process["process"].start()
            if name == VALKEY:
                self._await_valkey(process["process"])

    def _await_valkey(self, relay: BaseProcess) -> None:
        while not (self._terminating or self._when_valkey_is_up()):
            if not relay.is_alive():
                self._first_ended = VALKEY
                self.terminate()
            time.sleep(LOOK_SECONDS)

    def _killall(self, force: bool = False) -> None:
        """Called from a signal handler too, when some may not have said their pid yet: see ``_all_started``."""
        if force:
            for process in self._running().values():
                self._procmgr.kill(process["pid"])

    def _all_started(self) -> bool:
        """Honcho asks this in every round of its loop: the place to look after everyone."""
        self._notice_lost_relays()
        if self._terminating:
            self._tell_to_stop()
        return bool(super()._all_started())

    def _tell_to_stop(self) -> None:
        running = self._running()
        others = {name for name in self._processes if name != VALKEY and "returncode" not in self._processes[name]}
        for name, process in running.items():
            # Workers hand their tasks back to Valkey, so it goes when they are gone.
            if name not in self._told and not (name == VALKEY and others):
                self._told.add(name)
                self._procmgr.terminate(process["pid"])

    def _running(self) -> dict[str, dict[str, Any]]:
        return {
            name: process
            for name, process in self._processes.items()
            if process.get("pid") is not None and "returncode" not in process
        }

    def _any_stopped(self) -> bool:
        stopped = [name for name, process in self._processes.items() if process.get("returncode") is not None]
        if stopped and not self._terminating and self._first_ended is None:
            self._first_ended = stopped[0]
        return bool(stopped)

    def _notice_lost_relays(self) -> None:
        """A relay that was killed can't say so, and its program went with it."""
        for process in self._processes.values():
            relay = process.get("process")
            if relay is not None and relay.exitcode not in (None, 0) and "returncode" not in process:
                process.setdefault("pid", 0)
                process["returncode"] = relay.exitcode
