"""Join what one model said to what another one goes on with, so that nothing is said twice. Pure.

Whoever takes over is asked to go on from the words that were said. Some do; some begin with the last words again, some
with the whole answer, some with a sentence from its middle. What repeats is held back while it may be a repetition, and
left out when it is one. Compared is by letters and digits alone: models change commas and capitals.
"""

import re
import unicodedata
from typing import Final

from workers.language.reply_text import REPEATED_LETTERS

_TERMINALS: Final = ".!?…।॥！？。"
_PAUSES: Final = ",;:–—"
_NO_SOUND: Final = "\ufe0e\ufe0f"
"""Only choose how an emoji looks."""
_TAG: Final = re.compile(r"\[[^\]\n]{0,40}(?:\]|$)")
_CLOSERS: Final = "\"'”’»)]}*_~"


def letters_of(text: str) -> str:
    """What sentences are compared by. The vowel signs of Devanagari count, which are no letters to Unicode."""
    return "".join(letter for letter in _untagged(text).casefold() if _is_letter(letter))


def _untagged(text: str) -> str:
    """The same text, as long, with spaces in place of tags: one model names what is felt, another doesn't."""
    return _TAG.sub(lambda tag: " " * len(tag[0]), text) if "[" in text else text


def _is_letter(letter: str) -> bool:
    return letter.isalnum() or (unicodedata.category(letter) in ("Mn", "Mc") and letter not in _NO_SOUND)


def whole_words(said: str) -> str:
    """``said`` without a last word that may have been cut off: whoever goes on writes it again."""
    if not said or not _is_letter(said[-1]):
        return said
    return said[: max((index + 1 for index, letter in enumerate(said) if letter.isspace()), default=0)]


def is_over(text: str) -> bool:
    """Whether ``text`` ends with the end of a sentence."""
    bare = text.rstrip().rstrip(_CLOSERS)
    return not bare or bare[-1] in _TERMINALS


class Seam:
    """A filter for one stretch of an answer, fed as it comes. Also leaves out sentences that a model repeats itself."""

    def __init__(self, said: str = "") -> None:
        """``said`` is the answer so far."""
        self._said = said
        self._is_opening = bool(said.strip())
        self._held = ""
        self._letters = ""
        """Of the sentence that is being fed."""
        self._clauses: list[int] = []
        """Where in it clauses begin."""
        self._previous = ""
        self._is_in_tag = False
        self._sentences: set[str] = set()
        if self._is_opening:
            self._learn(said)
        self._is_holding = bool(self._sentences)

    def feed(self, delta: str) -> str:
        """What of it, and of what was held, is new."""
        if self._is_opening:
            self._held += delta
            return self._open(is_last=False)
        return "".join(map(self._pass, delta))

    def finish(self) -> str:
        """What was held and is new after all, now that no more comes."""
        opened = self._open(is_last=True) if self._is_opening else ""
        held, self._held = self._held, ""
        if self._is_holding and self._letters in self._sentences:
            return opened
        return opened + held

    def _learn(self, said: str) -> None:
        start = 0
        for index, letter in enumerate(said):
            if letter.isspace() and is_over(said[start:index]):
                self._remember(letters_of(said[start:index]), _clause_starts(said[start:index]))
                start = index
        rest = said[start:]
        if is_over(rest):
            self._remember(letters_of(rest), _clause_starts(rest))
        else:
            self._letters, self._clauses = letters_of(rest), _clause_starts(rest)

    def _remember(self, letters: str, clauses: list[int]) -> None:
        """A sentence, and what follows each comma in it: one that lost its beginning is a sentence, too."""
        self._sentences.update(letters[start:] for start in (0, *clauses) if len(letters) - start >= REPEATED_LETTERS)

    def _open(self, *, is_last: bool) -> str:
        """Find the longest end of ``said`` with which the new text begins; empty while that can't be told."""
        new, said = letters_of(self._held), letters_of(self._said)
        if not new and not is_last:
            return ""
        shortest = REPEATED_LETTERS if is_over(self._said) else 1
        # All of it from its first word on is a repetition, however short it is.
        starts = [start for start in _word_starts(self._said) if start == 0 or len(said) - start >= shortest]
        growing = [start for start in starts if len(new) < len(said) - start and said.startswith(new, start)]
        whole = [start for start in starts if new.startswith(said[start:])]
        if not is_last and growing and (not whole or growing[0] < whole[0]):
            return ""
        rest = _behind(self._held, len(said) - whole[0]) if whole else self._held
        if whole and (tail := _behind(self._said, len(said))):
            if not letters_of(rest) and not is_last:
                return ""  # its comma, its emoji, or the rest of its full stop may still come again
            rest = rest[_length_of_same(rest, tail) :]
        if whole and is_over(self._said):
            rest = rest.lstrip(_TERMINALS + _CLOSERS)
        self._held, self._is_opening = "", False
        if not whole and is_last and growing and len(new) >= REPEATED_LETTERS:
            return ""
        if is_over(self._said) or not whole:
            self._begin_sentence()
            is_apart = self._said[-1].isspace() or rest[:1].isspace() or not rest
            return self._pass_all(rest if is_apart else f" {rest}")
        self._is_holding = False
        return self._pass_all(rest)

    def _begin_sentence(self) -> None:
        """What comes may be a sentence that was said, though the one before it was never finished."""
        self._letters, self._clauses, self._is_holding = "", [], bool(self._sentences)

    def _pass_all(self, text: str) -> str:
        return "".join(map(self._pass, text))

    def _pass(self, letter: str) -> str:
        ends = letter == "\n" or (letter.isspace() and self._letters != "" and is_over(self._previous))
        self._previous = (self._previous + letter)[-8:]
        if letter in "[]\n":
            self._is_in_tag = letter == "["
        elif not self._is_in_tag:
            self._letters += letters_of(letter)
            if letter in _PAUSES:
                self._clauses.append(len(self._letters))
        if self._is_holding:
            self._held += letter
        if ends:
            return self._end_sentence(letter)
        if not self._is_holding:
            return letter
        if not self._letters or any(sentence.startswith(self._letters) for sentence in self._sentences):
            return ""
        self._is_holding = False
        held, self._held = self._held, ""
        return held

    def _end_sentence(self, letter: str) -> str:
        is_said = self._is_holding and self._letters in self._sentences
        out = "" if is_said else self._held if self._is_holding else letter
        self._remember(self._letters, self._clauses)
        self._held = ""
        self._begin_sentence()
        return out


def _word_starts(text: str) -> list[int]:
    """Where words begin, counted in letters; the earliest first."""
    starts, letters, was_letter = [], 0, False
    for character in _untagged(text):
        count = len(letters_of(character))
        if count and not was_letter:
            starts.append(letters)
        was_letter = bool(count)
        letters += count
    return starts


def _clause_starts(sentence: str) -> list[int]:
    """Behind each comma, counted in letters."""
    return [len(letters_of(sentence[:index])) for index, letter in enumerate(sentence) if letter in _PAUSES]


def _length_of_same(text: str, other: str) -> int:
    """How long both begin alike."""
    return next((at for at, (here, there) in enumerate(zip(text, other, strict=False)) if here != there),
                min(len(text), len(other)))  # fmt: skip


def _behind(text: str, letters: int) -> str:
    """What follows that many letters of ``text``."""
    end, counted = 0, _untagged(text)
    while letters:
        letters -= len(letters_of(counted[end]))
        end += 1
    return text[end:]
