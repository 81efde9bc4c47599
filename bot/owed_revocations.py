"""Revocations that Redis does not know yet, kept over a restart: whoever took it back while Redis was away is not heard
by the next process either. An empty file a person, named by their Discord user id; no more is known of them here."""

import contextlib
from pathlib import Path

from loguru import logger


class OwedRevocations:
    """A folder. Never raises: where it can't be written, they are owed for as long as this process lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> set[int]:
        try:
            return {int(file.name) for file in self._folder.iterdir() if file.name.isdecimal()}
        except OSError:
            return set()

    def add(self, user_id: int) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / str(user_id)).touch()
        except OSError as error:
            logger.bind(success=False).error("A revocation is not kept for the next start: {}", error)

    def discard(self, user_id: int) -> None:
        with contextlib.suppress(OSError):
            (self._folder / str(user_id)).unlink(missing_ok=True)
