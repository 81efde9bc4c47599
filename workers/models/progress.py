"""What a person sees while a model is pulled: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

SECONDS_BETWEEN_LINES: Final = 3.0


class Report(Protocol):
    """Told how far a pull is. One file at a time, from one thread."""

    def say(self, sentence: str) -> None:
        """Something worth a line of its own."""
        ...

    def begin(self, label: str, total: int | None) -> None:
        """A file of ``total`` bytes begins (None: nobody knows)."""
        ...

    def reached(self, done: int) -> None:
        """So many bytes of it are there."""
        ...

    def end(self) -> None:
        """The file is done with, well or not."""
        ...


class BarReport:
    """Rich's bar, on a terminal. The bar of a finished file goes away; what was said stays."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
            TimeRemainingColumn(), console=console, transient=True,
        )  # fmt: skip
        self._console = console

    def say(self, sentence: str) -> None:
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def begin(self, label: str, total: int | None) -> None:
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(label, total=total)
        self._progress.start()

    def reached(self, done: int) -> None:
        for task in self._progress.task_ids:
            self._progress.update(task, completed=done)

    def end(self) -> None:
        self._progress.stop()


class LineReport:
    """Plain lines, for logs and pipes."""

    def __init__(self) -> None:
        self._label = ""
        self._total: int | None = None
        self._next_line = 0.0

    def say(self, sentence: str) -> None:
        print(sentence, flush=True)

    def begin(self, label: str, total: int | None) -> None:
        self._label, self._total = label, total
        self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES

    def reached(self, done: int) -> None:
        now = time.monotonic()
        if now >= self._next_line:
            self._next_line = now + SECONDS_BETWEEN_LINES
            of = f" of {megabytes(self._total)}" if self._total else ""
            self.say(f"  {self._label}: {megabytes(done)}{of}")

    def end(self) -> None:
        pass


def report_for_this_terminal() -> Report:
    return BarReport(Console()) if sys.stdout.isatty() else LineReport()


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size < 10e6 else f"{size / 1e6:.0f} MB"
