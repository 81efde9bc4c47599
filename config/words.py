"""What was said, as bare words: for telling who was meant, and whether anything was meant. Knows no vocabulary."""

import re
import unicodedata
from typing import Final

PAUSE: Final = ","
"""Stands for any punctuation at which a speaker pauses, where it is asked for."""

_PAUSES: Final = frozenset(",.!?;:…।،؟\n—–")
_JOINING: Final = frozenset("'’`´\u200b\u200c\u200d\ufe0f")
"""Dropped without a gap: apostrophes, and what is invisible between letters."""
_DROPPED_MARKS: Final = frozenset("़়ːْ")
"""Nuktas: Whisper writes them or leaves them out as it likes."""
_RUNS: Final = re.compile(r"(.)\1+")


def bare(text: str) -> str:
    """One spelling for all that sound the same at a glance: no case, no accents, no doubled letters."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = (letter for letter in letters if not ("\u0300" <= letter <= "\u036f" or letter in _DROPPED_MARKS | _JOINING))
    return _RUNS.sub(r"\1", "".join(kept).replace("ँ", "ं"))


def words_of(text: str, *, with_pauses: bool = False) -> list[str]:
    """Its words in their bare spelling; with ``PAUSE`` between them where the writing has one, if asked for."""
    spaced = "".join(_spaced(letter) for letter in text)
    words = [PAUSE if word == PAUSE else bare(word) for word in spaced.split()]
    return [word for word in words if word and (with_pauses or word != PAUSE)]


def _spaced(letter: str) -> str:
    if letter in _PAUSES:
        return f" {PAUSE} "
    if letter in _JOINING or unicodedata.category(letter)[0] in "LMN":
        return letter
    return " "
