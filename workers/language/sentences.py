"""Cut a growing text into pieces that can be spoken, as early as they sound natural.

The first piece ends at the first clause, so that her voice begins soon; the others end with sentences. The cutter
looks at one character at a time and never ahead, so the pieces do not depend on how the text arrived.
"""

import re
import unicodedata
from typing import Final

from workers.language.speakable import speakable

__all__ = ["SentenceCutter", "speakable"]

FIRST_SHORTEST: Final = 10
"""Characters of the first piece: about 0.6 s of speech, in which the second is written and spoken (measured: 12
tokens and one synthesis take 0.3 s on two cores). A lone "Arre," would be followed by a gap."""
FIRST_WORDS: Final = 2
FIRST_LONGEST: Final = 100
SHORTEST: Final = 12
"""A later sentence that is shorter is spoken together with the next one."""
LONGEST: Final = 220
LONGEST_CODE: Final = 2000
"""Code is not spoken, so it is kept in one piece that can be left out as a whole."""
WORDS_BEFORE_CONJUNCTION: Final = 6

CLOSERS: Final = "\"'”’»)]}*_~"
END_MARKS: Final = ".!?…।॥！？。"
SENTENCE_END: Final = re.compile(rf"[{END_MARKS}]+[{re.escape(CLOSERS)}]*$")
CLAUSE_END: Final = re.compile(rf"(?:[,;:।，、；：—–]|(?<=\s)-)[{re.escape(CLOSERS)}]*$")
ELLIPSIS: Final = re.compile(rf"(?:\.{{2,}}|…+)[{re.escape(CLOSERS)}]*$")
ABBREVIATION: Final = re.compile(
    r"(?<!\w)(?:dr|mr|mrs|ms|smt|shri|sri|prof|st|jr|sr|vs|etc|e\.g|i\.e|a\.k\.a|approx|rs|ltd|dept|govt"
    r"|डॉ|श्री|प्रो|रु)\.$",
    re.IGNORECASE,
)
INITIAL: Final = re.compile(r"(?<!\w)[A-HJ-Z]\.$")
"""One capital letter, but for "I", which is more often a word."""
LIST_NUMBER: Final = re.compile(r"(?:^|\n)\s*\d{1,3}\.$")
CONJUNCTION: Final = re.compile(
    r"(?:and|but|because|so|or|while|when|if|though|although|since|which|who|aur|lekin|kyunki|kyonki|magar|toh|isliye"
    r"|warna|jabki|और|लेकिन|क्योंकि|मगर|तो|इसलिए|वरना|जबकि)",
    re.IGNORECASE,
)
FENCE: Final = "```"


class SentenceCutter:
    """One answer's text, fed as it comes. Joined together the pieces are the text, up to white space at the cuts."""

    def __init__(self) -> None:
        self._held = ""
        self._is_first = True

    def feed(self, delta: str) -> list[str]:
        """The pieces that ``delta`` finished, ready to be spoken."""
        pieces = []
        for letter in delta:
            self._held += letter
            cut = self._find_cut()
            if cut:
                pieces += self._take(cut)
        return pieces

    def finish(self) -> list[str]:
        """What is left when the text has ended: one piece, or none."""
        return self._take(len(self._held))

    def _take(self, cut: int) -> list[str]:
        piece, self._held = self._held[:cut].strip(), self._held[cut:].lstrip()
        if not piece:
            return []
        self._is_first = self._is_first and not speakable(piece)
        return [piece]

    def _find_cut(self) -> int:
        """Where the held text is to be cut now that its last character is known; 0 for nowhere."""
        held = self._held
        fences = held.count(FENCE)
        if held.endswith(FENCE) and fences == 1:
            return len(held) - len(FENCE)
        if held.endswith(FENCE) and fences:
            return len(held)
        if fences:
            return self._cut_of_overlong(LONGEST_CODE)
        if held[-1].isspace():
            cut = self._cut_at_space(held[:-1])
            if cut:
                return cut
        return self._cut_of_overlong(FIRST_LONGEST if self._is_first else LONGEST)

    def _cut_at_space(self, text: str) -> int:
        if self._held[-1] == "\n" or _ends_sentence(text):
            cut = len(text)
        elif self._is_first:
            pauses = CLAUSE_END.search(text) or ELLIPSIS.search(text)
            cut = len(text) if pauses else _before_conjunction(text)
        else:
            return 0
        return cut if self._is_long_enough(text[:cut]) else 0

    def _is_long_enough(self, text: str) -> bool:
        spoken = speakable(text)
        if self._is_first:
            return len(spoken) >= FIRST_SHORTEST and len(spoken.split()) >= FIRST_WORDS
        return len(spoken) >= SHORTEST

    def _cut_of_overlong(self, longest: int) -> int:
        if len(self._held) < longest:
            return 0
        return _latest_clause(self._held) or _latest_word(self._held) or _whole_letter(self._held)


def _ends_sentence(text: str) -> bool:
    """Whether ``text``, which white space follows, is over: not an abbreviation, an initial, "1." or a pause."""
    if not SENTENCE_END.search(text) or ELLIPSIS.search(text):
        return False
    bare = text.rstrip(CLOSERS)
    return not (ABBREVIATION.search(bare) or INITIAL.search(bare) or LIST_NUMBER.search(bare))


def _before_conjunction(text: str) -> int:
    """Before the last word, when it is a conjunction and enough was said without a pause to breathe."""
    words = text.split()
    if len(words) <= WORDS_BEFORE_CONJUNCTION or not CONJUNCTION.fullmatch(words[-1]):
        return 0
    return len(text) - len(words[-1])


def _latest_clause(text: str) -> int:
    """Behind the latest clause in the last two thirds, so that neither part is a scrap."""
    for index in range(len(text) - 1, len(text) // 3, -1):
        if text[index].isspace() and (CLAUSE_END.search(text[:index]) or SENTENCE_END.search(text[:index])):
            return index
    return 0


def _latest_word(text: str) -> int:
    for index in range(len(text) - 1, 0, -1):
        if text[index].isspace() and text[:index].strip():
            return index
    return 0


def _whole_letter(text: str) -> int:
    """The end of the text, or before its last letter when marks that belong to it may still come."""
    index = len(text) - 1
    while index > 1 and unicodedata.category(text[index])[0] in "MC":
        index -= 1
    return index if index > 1 else len(text)  # marks alone belong to nothing
