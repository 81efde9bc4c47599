"""Respell Hinglish for English voices, which read ``accha`` as if it ended like "attack". Pure, but for the lexicon."""

import re
from typing import Final, Literal

from config.hinglish import lexicon
from config.phrases import guess_language, phrases

ENGLISH_FIRST: Final = frozenset(
    ["are", "ate", "do", "has", "is", "main", "man", "me", "men", "so", "sun", "the", "to", "too", "us", "use"]
)
"""So common in English that they say nothing of the words beside them."""
_WORD: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_JOINED: Final = re.compile(r"[\s-]*")
"""What may lie between two words of one clause."""


def respelled(text: str, *, hindi: Literal["", "some", "all"] = "") -> str:
    """``text`` with its Hindi words as an English voice has to read them. English text comes back as it is.

    ``hindi`` tells how much of it is known to be Hindi, because it was Devanagari; where none is, its words tell.
    Words that are English too are only touched among Hindi ones: "hum dost the", but not "yaar, the movie"."""
    words = list(_WORD.finditer(text))
    if not (hindi or guess_language(text) == "hinglish" or _is_mostly_known(words)):
        return text
    said = list(text)
    for index in reversed(range(len(words))):
        word = words[index]
        respelling = _respelling(text, words, index, is_sure=hindi == "all")
        if respelling is not None:
            said[word.start() : word.end()] = _as_capital(respelling) if word[0][0].isupper() else respelling
    return "".join(said)


def _respelling(text: str, words: list[re.Match[str]], index: int, *, is_sure: bool) -> str | None:
    word = words[index][0].lower()
    known = lexicon()
    if word not in known.also_english:
        return known.words.get(word)
    before = _neighbour(text, words, index - 1, index)
    after = _neighbour(text, words, index + 1, index)
    sides = [side for side in (before, after) if side is not None]
    return known.also_english[word] if is_sure or (sides and all(map(_is_hinglish, sides))) else None


def _neighbour(text: str, words: list[re.Match[str]], other: int, index: int) -> str | None:
    """The word at ``other``, if nothing parts it from the one at ``index``."""
    if not 0 <= other < len(words):
        return None
    left, right = words[min(other, index)], words[max(other, index)]
    return words[other][0].lower() if _JOINED.fullmatch(text, left.end(), right.start()) else None


def _is_mostly_known(words: list[re.Match[str]]) -> bool:
    """Sentences whose words are too rare to be known for Hinglish by their sight alone."""
    known = sum(word[0].lower() in lexicon().words for word in words)
    return known >= 2 and 2 * known >= len(words)


def _is_hinglish(word: str) -> bool:
    known, typed = lexicon(), phrases().hinglish
    is_either = word in known.also_english or word in typed.also_english
    return word in known.words or word in typed.sure or (is_either and word not in ENGLISH_FIRST)


def _as_capital(respelling: str) -> str:
    return respelling[0].upper() + respelling[1:]
