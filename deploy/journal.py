"""Where the output of the stack's processes goes: the terminal, or one capped file for each of them."""

import logging
import sys
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from honcho.printer import Message, Printer

LOG_BYTES: Final = 10_000_000
OLD_LOGS: Final = 2
"""Kept beside the one being written; with it, 30 MB a process at most."""
LAST_LINES: Final = 3


class Journal:
    """Honcho's printer, and a memory of the last lines of each process. Used by the manager's thread alone."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._terminal = Printer(sys.stdout) if folder is None else None
        self._files: dict[str, RotatingFileHandler] = {}
        self._last: dict[str, deque[str]] = {}
        self.width = 0
        """Of the longest name; set by honcho."""

    def write(self, message: Message) -> None:
        """A full disk or a terminal that is gone must not end the stack: such lines are lost."""
        for line in self._lines(message):
            self._last.setdefault(message.name, deque(maxlen=LAST_LINES)).append(line)
        try:
            if self._terminal is not None:
                self._terminal.width = self.width
                self._terminal.write(message)
            else:
                self._to_file(message)
        except OSError:
            return

    def last_words(self, name: str) -> str:
        return " / ".join(self._last.get(name, ()))

    def where(self, name: str) -> str:
        return "above" if self._folder is None else str(self._folder / f"{name}.log")

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _to_file(self, message: Message) -> None:
        assert self._folder is not None
        if message.name not in self._files:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{message.name}.log"
            file = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=OLD_LOGS, encoding="utf-8")
            file.handleError = _ignore  # type: ignore[method-assign,assignment]
            self._files[message.name] = file
        for line in self._lines(message):
            self._files[message.name].emit(logging.LogRecord("", 0, "", 0, line, None, None))

    @staticmethod
    def _lines(message: Message) -> list[str]:
        data: Any = message.data
        text: str = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        return text.splitlines()


def _ignore(_: logging.LogRecord) -> None:
    """Logging's own answer, a traceback for each line, would bury the terminal."""
