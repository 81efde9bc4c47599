"""Take the hidden tags out of an answer as it grows, and remember which sentence is felt how.

Models that are told to begin a sentence with its emotion write ``[teasing] Arre, look who is here!``, and now and then
``(teasing)``, ``<teasing>``, ``[emotion: teasing]``, a word that nobody told them, or no closing bracket. None of it is
for anybody's eyes or ears. Links, ``[1]``, boxes to tick and code are text, and come through.

The filter looks at one character at a time and never ahead, so nothing depends on how the text arrived; it holds back
only what may be the beginning of a tag.
"""

import re
import unicodedata
from functools import cache
from typing import Final

from config.emotions import FILLERS, NEUTRAL, Emotions, emotions
from workers.language.emotion_guess import guess
from workers.language.sentences import CLOSERS, END_MARKS

CLOSED_BY: Final = {"[": "]", "【": "】", "(": ")", "<": ">", "{": "}"}
SQUARE: Final = frozenset("[【")
"""Brackets that are hardly used for anything else: any emotion in them is a tag, wherever it stands. In the others only
an emotion's very name is one, at the beginning of a sentence."""
LONGEST: Final = 40
"""Characters in a tag."""
SHORTEST_UNKNOWN: Final = 3
LONGEST_UNKNOWN: Final = 3
"""Words. ``[conspiratorially]``: so many in small letters that begin a sentence are a tag that nobody told of."""
BEGINNERS: Final = " \t\"'“‘*_~-•>#"
"""What may stand between the beginning of a sentence and its first word."""
SENTENCE_ENDS: Final = re.compile(rf"(?<!\.)[.!?।॥！？。](?!\.)[.!?]*[{re.escape(CLOSERS)}]*(?:\s|$)|\n")
ENDS: Final = frozenset(END_MARKS)
LOOKED_BACK: Final = 200
"""Characters, for where a sentence began: it is asked at every bracket."""
EMPHASIS: Final = frozenset("*_")
FENCE_TICKS: Final = 3


class FeltText:
    """One answer's text, fed as it comes. Of the thread that feeds it."""

    def __init__(self, known: Emotions | None = None) -> None:
        """``known``: the emotions that there are, else the shipped ones. Raises EmotionsError."""
        self._known = emotions() if known is None else known
        self._clean = ""
        self._held = ""
        self._marks = ""
        """Emphasis that begins a sentence, held back: it may stand around a tag alone."""
        self._opened = ""
        """Emphasis that was open before the tag, and isn't shown if it ends with it."""
        self._is_closed = False
        self._swallows_space = False
        self._tags: list[tuple[int, str]] = []
        self._code = _Code()
        self._told_to = 0
        self._in_force = ""

    def feed(self, delta: str) -> str:
        """What of the text is certain to be no tag."""
        is_plain = not any(mark in CLOSED_BY or mark in EMPHASIS for mark in delta)
        if is_plain and not (self._held or self._opened or self._swallows_space):
            return self._release(delta)
        return "".join(map(self._next, delta))

    def finish(self) -> str:
        """What was held back in case it became a tag."""
        held, self._held = self._held, ""
        if not held:
            return self._release("")
        if self._is_closed:
            self._is_closed = False
            return "" if self._take(held[1:-1]) else self._release(held)
        text = self._behind_unclosed(held)
        if text is None:
            is_cut_tag = held[0] in SQUARE and self._begins_sentence() and self._may_become(held[1:], held[0])
            return "" if is_cut_tag else self._release(held)
        return self._release(text)

    def of(self, piece: str) -> str:
        """How ``piece`` is felt, the name of an emotion; empty for her everyday voice.

        Pieces are those that a SentenceCutter made of the clean text, asked for once each and in order. A tag holds for
        its sentence, in however many pieces that is spoken; of several in one piece the first decides."""
        start = self._clean.find(piece, self._told_to)
        end = self._told_to if start < 0 else start + len(piece)
        tags = [(at, name) for at, name in self._tags if self._told_to <= at < end]
        named = self._in_force or (tags[0][1] if tags else "")
        latest_at, latest = tags[-1] if tags else (max(0, start), self._in_force)
        self._in_force = "" if SENTENCE_ENDS.search(self._clean[latest_at:end] + " ") else latest
        self._told_to = end
        felt = named or guess(piece)
        return "" if felt == NEUTRAL.name else felt

    def _next(self, letter: str) -> str:
        if self._opened and self._opened[-1] == letter:
            self._opened = self._opened[:-1]
            return ""
        if self._swallows_space and letter.isspace():
            return ""
        self._marks, self._opened = self._opened + self._marks, ""
        self._swallows_space = False
        if self._held:
            return self._closed(letter) if self._is_closed else self._inside(letter)
        if letter in CLOSED_BY and self._may_begin(letter):
            self._held = letter
            return ""
        if letter in EMPHASIS and self._begins_sentence():
            self._marks += letter
            return ""
        return self._release(letter)

    def _inside(self, letter: str) -> str:
        opener, words = self._held[0], self._held[1:]
        if letter == CLOSED_BY[opener]:
            if self._is_tag(words, opener):
                self._held += letter
                self._is_closed = True
                return ""
        elif self._may_become(words + letter, opener):
            self._held += letter
            return ""
        held, self._held = self._held, ""
        text = self._behind_unclosed(held) if letter != CLOSED_BY[opener] else None
        return self._release(held if text is None else text) + self._next(letter)

    def _closed(self, letter: str) -> str:
        """What follows the closing bracket tells a tag from a link."""
        held, self._held, self._is_closed = self._held, "", False
        is_known = self._known.knows(held[1:-1]) or self._leads(held[1:-1])
        is_text = letter == "(" or not (is_known or letter.isspace())
        if is_text or not self._take(held[1:-1]):
            return self._release(held) + self._next(letter)
        return "" if letter == ":" else self._next(letter)

    def _take(self, words: str) -> bool:
        """Remember a whole tag where the text goes on."""
        felt = words if self._known.knows(words) else words.partition(" ")[0]
        if self._known.knows(felt) and not words.startswith("/"):
            self._tags.append((len(self._clean), self._known.find(felt).name))
        self._swallows_space = not self._clean or self._clean[-1].isspace()
        self._opened, self._marks = self._marks, ""
        return True

    def _behind_unclosed(self, held: str) -> str | None:
        """The text behind a tag that was never closed, ``[teasing Arre``; None when it is no tag."""
        if held[0] not in SQUARE or not self._begins_sentence():
            return None
        first, space, text = held[1:].partition(" ")
        if not space or not self._leads(held[1:]):
            return None
        self._take(first)
        self._marks, self._opened = self._opened, ""
        self._swallows_space = False
        return text.lstrip()

    def _leads(self, words: str) -> bool:
        """Whether an emotion in small letters comes first, whatever follows it: ``[whispering to you alone]``."""
        first, _, _ = words.partition(" ")
        return first.islower() and self._known.knows(first)

    def _may_begin(self, opener: str) -> bool:
        before = self._clean[-1:]
        if self._code.is_open():
            return False
        if opener == "<":
            return True  # in the middle only to close: </teasing>
        return not (before.isalnum() or before in ("]", "\\")) and (opener in SQUARE or self._begins_sentence())

    def _begins_sentence(self) -> bool:
        if self._tags and self._tags[-1][0] == len(self._clean):
            return True
        text = self._clean[-LOOKED_BACK:].rstrip(BEGINNERS)
        return not text or text[-1] == "\n" or text.rstrip(CLOSERS)[-1:] in ENDS

    def _is_tag(self, words: str, opener: str) -> bool:
        if opener not in SQUARE:
            return words.strip("/ ") in self._known.names
        if self._known.knows(words):
            return True
        return self._begins_sentence() and (_is_unknown(words) or self._leads(words))

    def _may_become(self, words: str, opener: str) -> bool:
        if not 0 < len(words) <= LONGEST or words[-1] in "\n\r":
            return False
        if opener not in SQUARE:
            beginning = words.lstrip("/ ")
            if not (words.startswith("/") or self._begins_sentence()):
                return False
            return any(name.startswith(beginning) for name in self._known.names)
        if self._begins_sentence() and (_may_become_unknown(words) or (self._leads(words) and _is_plain(words))):
            return True
        *whole, last = re.split(r"[\s_,;:/|&+-]+", words.casefold())
        vocabulary = _vocabulary(self._known)
        return all(word in vocabulary or not word for word in whole) and any(
            word.startswith(last) for word in vocabulary
        )

    def _release(self, text: str) -> str:
        text, self._marks = self._marks + text, ""
        self._clean += text
        self._code.see(text)
        return text


class _Code:
    """Whether the text is inside code, by the backticks so far."""

    def __init__(self) -> None:
        self._ticks = 0
        self._is_fenced = False
        self._is_inline = False

    def see(self, text: str) -> None:
        if "`" not in text and not self._ticks and not self._is_inline:
            return
        for letter in text:
            if letter == "`":
                self._ticks += 1
                continue
            self._settle()
            self._is_inline = self._is_inline and letter != "\n"

    def is_open(self) -> bool:
        """Whether what comes now is code, unless it is a backtick."""
        self._settle()
        return self._is_fenced or self._is_inline

    def _settle(self) -> None:
        if self._ticks >= FENCE_TICKS:
            self._is_fenced = not self._is_fenced
        elif self._ticks and not self._is_fenced:
            self._is_inline = not self._is_inline
        self._ticks = 0


def _is_unknown(words: str) -> bool:
    return len(words) >= SHORTEST_UNKNOWN and _may_become_unknown(words) and words[-1] not in " '-"


def _may_become_unknown(words: str) -> bool:
    is_small = words == words.lower() and words[0] not in " ,'-" and "," not in words
    return is_small and _is_plain(words) and len(words.split(" ")) <= LONGEST_UNKNOWN


def _is_plain(words: str) -> bool:
    """Words and commas."""
    return all(letter in " ,'-" or unicodedata.category(letter)[0] in "LM" for letter in words)


@cache
def _vocabulary(known: Emotions) -> frozenset[str]:
    """Every word that occurs in a tag that we know, with adverbs."""
    words = {word for phrase in known.words for word in re.split(r"[\s_-]+", phrase)}
    adverbs = {f"{word.removesuffix('y')}ily" if word.endswith("y") else f"{word}ly" for word in words}
    return frozenset(words | adverbs | FILLERS)
