"""What she says herself when nobody can think for her: fitted to what was said, and never the same twice in a row.

One per process; one event loop. Knows nothing of where it is said.
"""

import random
from collections import OrderedDict
from typing import Final

from config.emergency import emergency

REMEMBERED: Final = 2_000
"""Conversations whose last answer is kept in mind."""


def emergency_words() -> None:
    """Read the catalogue, and make all that knows what was said: a tenth of a second, before somebody waits. Raises
    EmergencyError."""
    emergency().reply("hello")


class FoggyHead:
    """``chance`` chooses among wordings."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance
        self._said_last: OrderedDict[str, str] = OrderedDict()

    def answer(self, conversation: str, said: str, language: str) -> str:
        """``language`` was chosen; anything unknown follows what was said."""
        last = self._said_last.pop(conversation, "")
        text = emergency().reply(said, language, avoid=(last,), chance=self._chance)
        self._said_last[conversation] = text
        if len(self._said_last) > REMEMBERED:
            self._said_last.popitem(last=False)
        return text

    def excuse(self, so_far: str, language: str) -> str:
        """How an answer that breaks off is ended; empty when that was said already."""
        return emergency().cut_off(so_far, language, chance=self._chance).lstrip(".\n")
