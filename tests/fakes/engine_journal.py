"""What the instant engines of ``stages`` were asked and made, written to a file for the test to read.

Each process of a test's stack appends to the same file, a line a happening, as soon as it happens.
"""

import os
from pathlib import Path
from typing import Final

JOURNAL: Final = "ENGINE_JOURNAL"
"""The environment variable that names the file. Without it nothing is written."""


def note(what: str, about: str) -> None:
    """``what`` happened: ``hear``, ``think``, ``token``, ``ahead``, ``say``; ``about`` is a line that tells which."""
    path = os.environ.get(JOURNAL)
    if path:
        with Path(path).open("a", encoding="utf-8") as journal:
            journal.write(f"{what}\t{' '.join(about.split())}\n")


class EngineJournal:
    """The test's side of it."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        path.touch()

    def about(self, what: str, part: str = "") -> list[str]:
        """What was written about all that happened so, and holds ``part``."""
        lines = [line.partition("\t") for line in self.path.read_text(encoding="utf-8").splitlines()]
        return [about for found, _, about in lines if found == what and part in about]
