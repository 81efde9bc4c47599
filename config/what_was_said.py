"""What kind of thing was said: a greeting, a sad word, a question. By lists of words, without a model.

Knows no kinds of its own: see ``catalogues/emergency.toml``. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from config.words import words_of

QUESTION_MARK: Final = "?"
"""Among the words of a kind it stands for any question mark in the text."""
_QUESTION_MARKS: Final = re.compile(r"[?？؟]")
_NAMED: Final = re.compile(r"^[^:\n]{1,32}: ")
"""Among several people a message begins with the name of who said it."""
SHORTEST_GUESSED: Final = 6
"""Letters of a word that is still known with one letter wrong; shorter ones are other words too easily."""
SHORTEST_BY_SOUND: Final = 4
MOST_WORDS: Final = 4_000
"""Twice what the longest message of Discord has."""
_BEFORE: Final = 2
"""So many words before a thing said may deny it, and so many after it: "not at all bored", "gussa to nahi"."""
_DENIALS: Final = frozenset(
    words_of("not no never dont doesnt didnt isnt arent wasnt aint cant without nahi nahin nai na mat नहीं नही ना मत")
)
_DENIALS_AFTER: Final = frozenset(words_of("nahi nahin nai नहीं नही"))
_SOUNDS: Final = str.maketrans({"e": "i", "o": "u", "w": "v", "z": "j", "q": "k"})
"""Letters that people write for one another when they write Hindi in Latin letters."""


@dataclass(frozen=True, slots=True)
class KindOfTalk:
    name: str
    words: str
    """Words and phrases between bars or on lines of their own."""
    is_negatable: bool = False
    counts_anywhere: bool = False
    """Its phrases count even inside of longer ones and when they are denied: better once too often."""


class Vocabulary:
    """Kinds in the order in which they count. Made once; any thread."""

    def __init__(self, kinds: Sequence[KindOfTalk]) -> None:
        self._kinds = tuple(kinds)
        self._places: dict[tuple[str, ...], int] = {}
        for place, kind in enumerate(kinds):
            for phrase in _phrases(kind.words):
                self._places.setdefault(phrase, place)
        self._longest = max(map(len, self._places), default=0)
        self._spellings = frozenset(word for phrase in self._places for word in phrase)
        self._longest_word = max(map(len, self._spellings), default=0)
        self._by_sound: dict[str, str] = {}
        self._by_gap: dict[str, str] = {}
        for word in sorted(self._spellings):
            if len(word) >= SHORTEST_BY_SOUND:
                self._by_sound.setdefault(_sound(word), word)
            if len(word) >= SHORTEST_GUESSED:
                for gap in _gaps(word):
                    self._by_gap.setdefault(gap, word)

    def kind_of(self, text: str) -> str | None:
        """The first kind that ``text`` has words of."""
        first = min((*self._anywhere(self._words(text)), *self._said(self._words(_NAMED.sub("", text)))), default=None)
        return None if first is None else self._kinds[first].name

    def _words(self, text: str) -> list[str]:
        marks = [QUESTION_MARK] if _QUESTION_MARKS.search(text) else []
        return [*map(self._spelt, words_of(text)[:MOST_WORDS]), *marks]

    def _anywhere(self, words: list[str]) -> Iterator[int]:
        for start in range(len(words)):
            for length in range(1, self._longest + 1):
                place = self._places.get(tuple(words[start : start + length]))
                if place is not None and self._kinds[place].counts_anywhere:
                    yield place

    def _said(self, words: list[str]) -> Iterator[int]:
        """The places of the kinds that are said, the longest phrase first and each word in one phrase only: "are you
        sad" is no sadness."""
        start = 0
        while start < len(words):
            for length in range(min(self._longest, len(words) - start), 0, -1):
                place = self._places.get(tuple(words[start : start + length]))
                if place is not None:
                    if not (self._kinds[place].is_negatable and _is_denied(words, start, start + length)):
                        yield place
                    start += length
                    break
            else:
                start += 1

    def _spelt(self, word: str) -> str:
        """The word that this may be a spelling of."""
        if word in self._spellings or not SHORTEST_BY_SOUND <= len(word) <= self._longest_word + 1:
            return word
        known = self._by_sound.get(_sound(word))
        if known is None and len(word) >= SHORTEST_GUESSED:
            known = next((self._by_gap[gap] for gap in _gaps(word) if gap in self._by_gap), None)
        return known or word


def _phrases(words: str) -> Iterator[tuple[str, ...]]:
    for line in words.splitlines():
        for phrase in line.split("|"):
            if phrase.strip() == QUESTION_MARK:
                yield (QUESTION_MARK,)
            elif bare := tuple(words_of(phrase)):
                yield bare


def _is_denied(words: list[str], start: int, end: int) -> bool:
    before = words[max(0, start - _BEFORE) : start]
    after = words[end : end + _BEFORE]
    return bool(_DENIALS.intersection(before) or _DENIALS_AFTER.intersection(after))


def _sound(word: str) -> str:
    return word.replace("ph", "f").translate(_SOUNDS)


def _gaps(word: str) -> Iterable[str]:
    """The word, and the word without each of its letters: two words that differ in one letter, or in two that changed
    places, have one of these in common."""
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]
