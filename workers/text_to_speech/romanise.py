"""Write other scripts in Latin letters, for voices that read nothing else.

Indic scripts are written as people type them in a chat (``kya kar rahi ho``): their Unicode names are built
alike, so one rule serves all, with the unwritten vowel left out where Hindi leaves it out. All other scripts
are anyascii's.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

from anyascii import anyascii

INDIC_SCRIPTS: Final = frozenset(
    ("DEVANAGARI", "BENGALI", "GUJARATI", "GURMUKHI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM")
)
INHERENT: Final = "ə"
"""Stands for the unwritten vowel of a consonant until it is known whether it is said."""
INHERENT_ALWAYS_SAID: Final = frozenset(("TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "ORIYA"))

_VOWELS: Final = {
    "A": "a", "AA": "aa", "I": "i", "II": "ee", "U": "u", "UU": "oo", "VOCALIC R": "ri", "VOCALIC RR": "ri",
    "VOCALIC L": "li", "VOCALIC LL": "li", "E": "e", "EE": "e", "AI": "ai", "O": "o", "OO": "o", "AU": "au",
    "CANDRA E": "e", "CANDRA O": "o", "SHORT E": "e", "SHORT O": "o", "CANDRA A": "a", "SHORT A": "a",
}  # fmt: skip
_SIGNS: Final = {"ANUSVARA": "n", "CANDRABINDU": "n", "VISARGA": "h", "BINDI": "n", "TIPPI": "n", "ADAK BINDI": "n"}
_CONSONANTS: Final = {
    "TTA": "t", "TTHA": "th", "DDA": "d", "DDHA": "dh", "NNA": "n", "NGA": "n", "NYA": "n", "CA": "ch", "CHA": "chh",
    "SSA": "sh", "LLA": "l", "LLLA": "zh", "RRA": "r", "NNNA": "n", "DDDHA": "r", "RHA": "rh", "YYA": "y", "VA": "v",
    "KHHA": "kh", "GHHA": "g", "KHANDA TA": "t",
}  # fmt: skip
_WITH_NUKTA: Final = {"k": "q", "j": "z", "ph": "f", "d": "r", "dh": "rh", "g": "g"}

_SOUND: Final = f"(?:chh|[bcdgjkprst]h|[^aeiou{INHERENT}])"
_UNSAID_INSIDE: Final = re.compile(
    f"^(.*[aeiou{INHERENT}]{_SOUND}){INHERENT}(?={_SOUND}[aeiou{INHERENT}])(.*)$", re.DOTALL
)
"""The last unwritten vowel with a vowel and one consonant on either side of it."""
_UNSAID_AT_END: Final = re.compile(f"(?<=[aeiou{INHERENT}])({_SOUND}+){INHERENT}$")


def romanise(text: str, *, kept: tuple[str, ...] = ("LATIN",)) -> str:
    """``text`` with every letter whose script is not ``kept`` (first words of Unicode names) in Latin ones."""
    if text.isascii():
        return text
    return "".join(_run(script, run, kept) for script, run in _runs(text))


def _run(script: str, run: str, kept: tuple[str, ...]) -> str:
    if script in kept or not script:
        return run
    if script in INDIC_SCRIPTS:
        return _indic_word(run, script)
    latin = anyascii(run)
    # Chinese comes out as one long word of syllables: a space between them keeps it sayable.
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", latin) if script == "CJK" else latin


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Stretches of one script; marks and joiners belong to what they follow, other characters to none."""
    held, held_script = "", ""
    for character in text:
        script = _script(character)
        if unicodedata.category(character) in ("Mn", "Mc", "Cf") and held:
            script = held_script
        if held and script != held_script:
            yield held_script, held
            held = ""
        held, held_script = held + character, script
    if held:
        yield held_script, held


@cache
def _script(character: str) -> str:
    if not unicodedata.category(character).startswith(("L", "M")):
        return ""
    return unicodedata.name(character, "").partition(" ")[0]


def _indic_word(word: str, script: str) -> str:
    said = ""
    for character in word:
        name = unicodedata.name(character, "").removeprefix(f"{script} ")
        kind, _, rest = name.partition(" ")
        if kind == "VOWEL":
            said = said.removesuffix(INHERENT) + _VOWELS.get(rest.removeprefix("SIGN "), "")
        elif kind == "LETTER" and rest in _VOWELS:
            said += _VOWELS[rest]
        elif kind == "LETTER":
            said += _CONSONANTS.get(rest, rest.removesuffix("A").lower()) + INHERENT
        elif rest == "VIRAMA":
            said = said.removesuffix(INHERENT)
        elif rest == "NUKTA":
            said = _nukta(said)
        elif name == "OM":
            said += "om"
        else:
            said += _SIGNS.get(rest, "")
    return _spoken_vowels(said, script)


def _nukta(said: str) -> str:
    stem = said.removesuffix(INHERENT)
    for plain in sorted(_WITH_NUKTA, key=len, reverse=True):
        if stem.endswith(plain):
            return stem.removesuffix(plain) + _WITH_NUKTA[plain] + said[len(stem) :]
    return said


def _spoken_vowels(said: str, script: str) -> str:
    """Hindi's rule: the unwritten vowel is not said at a word's end, nor between a vowel and a consonant
    with a vowel of its own, the last one decided first (Ohala 1983, https://en.wikipedia.org/wiki/Schwa_deletion_in_Indo-Aryan_languages)."""
    if script not in INHERENT_ALWAYS_SAID:
        said = _UNSAID_AT_END.sub(r"\1", said)
        shorter = _UNSAID_INSIDE.sub(r"\1\2", said)
        while shorter != said:
            said, shorter = shorter, _UNSAID_INSIDE.sub(r"\1\2", shorter)
    said = said.replace(INHERENT, "a")
    # A long vowel at the end is typed with one letter (kya, main, rahi), and English voices read it rightly so.
    return re.sub(r"(?<=.)aa$", "a", said)
