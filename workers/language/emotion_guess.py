"""Guess what is felt in a sentence that nobody named, by words, pictures and punctuation. Pure, and rather silent than
wrong: most sentences are said in her everyday voice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from config.emotions import NEUTRAL, Cue, Emotions, emotions

ENOUGH: Final = 2
"""What the weights of an emotion's cues must add up to."""
NEGATIONS: Final = frozenset(
    {"not", "no", "never", "without", "don't", "isn't", "wasn't", "aren't", "didn't", "doesn't", "can't", "won't"}
    | {"nahi", "nahin", "nhi", "mat", "na", "नहीं", "मत"}
)
NEGATED_AFTER: Final = 2
"""Words behind a negation that it may turn round."""
_WORD: Final = re.compile(r"""[^\s.,!?…।;:()\[\]"“”*~_—–-]+""")
_LAUGHTER: Final = re.compile(r"(?:ba|mu|a)?(?:h[aeio]){2,}h?")
_DRAWN_OUT: Final = re.compile(r"(.)\1{2,}")


@dataclass(frozen=True, slots=True)
class _Cues:
    """The catalogue's cues as they are looked up."""

    phrases: dict[tuple[str, ...], Cue]
    lengths: dict[str, tuple[int, ...]]
    """Of the phrases that begin with a word, the longest first."""
    marks: tuple[tuple[str, Cue], ...]
    pictures: tuple[tuple[str, Cue], ...]

    @classmethod
    def of(cls, catalogue: Emotions) -> "_Cues":
        phrases = {tuple(_WORD.findall(text)): cue for text, cue in catalogue.cues.items() if _has_words(text)}
        lengths: dict[str, set[int]] = {}
        for phrase in phrases:
            lengths.setdefault(phrase[0], set()).add(len(phrase))
        signs = [(text, cue) for text, cue in catalogue.cues.items() if not _has_words(text)]
        return cls(
            phrases,
            {first: tuple(sorted(kept, reverse=True)) for first, kept in lengths.items()},
            tuple(sign for sign in signs if sign[0].isascii()),
            tuple(sign for sign in signs if not sign[0].isascii()),
        )


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))


@cache
def _cues() -> _Cues:
    return _Cues.of(emotions())


def guess(text: str) -> str:
    """The name of the emotion that ``text`` shows; empty when it shows none. Of two that it shows as clearly, the
    one that is seen first. Raises EmotionsError when the catalogue can't be used."""
    scores: dict[str, int] = {}
    for cue in _seen(text.casefold().replace("’", "'")):
        scores[cue.emotion] = scores.get(cue.emotion, 0) + cue.weight
    best = max(scores, key=scores.__getitem__, default=NEUTRAL.name)
    return best if scores.get(best, 0) >= ENOUGH else ""


def _seen(text: str) -> Iterator[Cue]:
    cues = _cues()
    words = _WORD.findall(text)
    is_drawn_out = _DRAWN_OUT.search(text) or _LAUGHTER.search(text)
    behind = 0
    for at, word in enumerate(words):
        if at < behind:
            continue  # "thank you so much" is one sign, not three
        for form in _forms(word) if is_drawn_out else (word,):
            found = _longest(cues, form, words, at)
            if found:
                phrase, cue = found
                behind = at + len(phrase)
                if len(phrase) > 1 or not NEGATIONS.intersection(words[max(0, at - NEGATED_AFTER) : at]):
                    yield cue
                break
    for symbol, cue in cues.marks if text.isascii() else (*cues.marks, *cues.pictures):
        if symbol in text:
            yield cue


def _longest(cues: _Cues, first: str, words: list[str], at: int) -> tuple[tuple[str, ...], Cue] | None:
    for length in cues.lengths.get(first, ()):
        phrase = (first, *words[at + 1 : at + length])
        if phrase in cues.phrases:
            return phrase, cues.phrases[phrase]
    return None


def _forms(word: str) -> Iterator[str]:
    """As it is written, and as it is written when it isn't drawn out."""
    yield word
    if _LAUGHTER.fullmatch(word):
        yield "haha" if "ha" in word else "hehe"
    elif _DRAWN_OUT.search(word):
        yield _DRAWN_OUT.sub(r"\1\1", word)
        yield _DRAWN_OUT.sub(r"\1", word)
