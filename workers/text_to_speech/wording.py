"""Make any text sayable by one voice: no control characters or emoji, and only scripts that it can read."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal

from workers.text_to_speech.respelling import respelled
from workers.text_to_speech.romanise import romanise

LONGEST_PIECE: Final = 300
"""Characters that a model is given at once: its memory grows with the square of that."""

NATIVE_SCRIPTS: Final = {
    **dict.fromkeys(("hi", "mr", "ne", "sa"), ("DEVANAGARI",)),
    **dict.fromkeys(("ru", "uk", "bg", "sr", "kk", "mk"), ("CYRILLIC",)),
    **dict.fromkeys(("ar", "fa", "ur"), ("ARABIC",)),
    "bn": ("BENGALI",),
    "el": ("GREEK",),
    "gu": ("GUJARATI",),
    "he": ("HEBREW",),
    "hy": ("ARMENIAN",),
    "ka": ("GEORGIAN",),
    "kn": ("KANNADA",),
    "ko": ("HANGUL",),
    "ml": ("MALAYALAM",),
    "pa": ("GURMUKHI",),
    "ta": ("TAMIL",),
    "te": ("TELUGU",),
    "th": ("THAI",),
    "zh": ("CJK",),
    "ja": ("CJK", "HIRAGANA", "KATAKANA"),
}
"""The scripts that voices of a language read besides Latin, by the first word of their characters' Unicode
names. Languages that are not here are written in Latin letters alone."""

_DROPPED = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "So", "Sk"))
"""Unicode categories that have no sound: controls, formats, half characters, emoji and other pictures."""
_JOINERS = frozenset("‌‍")
_VARIATION = re.compile("[︀-️⃐-⃿]")
_MARKUP = re.compile(r"[\[\]*_`|\\~^]+")
"""``[`` begins raw phonemes for piper and links for hibari; the others are what markdown leaves."""
_DEVANAGARI = re.compile("[\u0900-\u097f]")
_LATIN = re.compile("[A-Za-z]")
_SPACES = re.compile(r"\s+")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{3,}")
"""``soooooo``: three letters say it as well, and hundreds would be spelled out one by one."""
_LONG_NUMBER = re.compile(r"\d{16,}")
"""Past quadrillions nobody reads a number as one, and hibari's reader breaks."""
_ENDLESS_WORD = re.compile(r"(\S{40})(?=\S)")
"""Longer than any word: hibari's reader of unknown ones gives up after about that and leaves the rest out."""
MOST_UNFOLDED: Final = 4
"""Letters that one character stands for."""
_CLAUSE_END = re.compile(r"(?<=[.!?…।,;:—])\s+")


def sayable(text: str, language: str) -> str:
    """``text`` as a voice of ``language`` (ISO 639-1) can read it; empty when there is nothing to say.

    Letters of a script that is not the voice's become Latin ones that sound alike, so that no voice goes
    silent on what another was meant to say; English voices are given Hindi words as they have to read them."""
    plain = unicodedata.normalize("NFKC", "".join(map(_unfolded, text)))
    plain = _VARIATION.sub("", plain)
    plain = "".join(map(_sounding, plain))
    plain = _SPACES.sub(" ", _MARKUP.sub(" ", plain)).strip()
    plain = _DRAWN_OUT.sub(r"\1\1\1", plain)
    plain = _LONG_NUMBER.sub(lambda number: " ".join(number.group()), plain)
    hindi: Literal["", "some", "all"] = "some" if _DEVANAGARI.search(plain) else ""
    if hindi and not _LATIN.search(plain):
        hindi = "all"
    plain = romanise(plain, kept=("LATIN", *NATIVE_SCRIPTS.get(language, ())))
    if language == "en":
        plain = respelled(plain, hindi=hindi)
    plain = _ENDLESS_WORD.sub(r"\1 ", plain)
    return plain if any(character.isalnum() for character in plain) else ""


def pieces(text: str, longest: int = LONGEST_PIECE) -> Iterator[str]:
    """``text`` cut at clauses, else at spaces, else anywhere, to what a model takes at once."""
    held = ""
    for part in _parts(text, longest):
        if held and len(held) + 1 + len(part) > longest:
            yield held
            held = part
        else:
            held = f"{held} {part}" if held else part
    if held:
        yield held


def _parts(text: str, longest: int) -> Iterator[str]:
    if len(text) <= longest:
        yield text
        return
    for clause in _CLAUSE_END.split(text):
        words = [clause] if len(clause) <= longest else clause.split(" ")
        for word in words:
            for start in range(0, len(word), longest):
                yield word[start : start + longest]


def _unfolded(character: str) -> str:
    """Without the ligatures that are whole sentences: a line of "\ufdfa" would be minutes of sound."""
    return " " if character > "\u2000" and len(unicodedata.normalize("NFKC", character)) > MOST_UNFOLDED else character


def _sounding(character: str) -> str:
    if unicodedata.category(character) in _DROPPED:
        return character if character in _JOINERS else " "
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.digit(character))
    return "." if character in "।॥" else character
