"""Which language a voice that has several is to speak a sentence in: its letters tell more than who is spoken with."""

import unicodedata
from collections import Counter
from collections.abc import Mapping

from config.phrases import guess_language


def tongue(sentence: str, language: str, scripts: Mapping[str, str]) -> str:
    """A language of ``scripts`` (scripts besides Latin that the voice reads, by the first word of their Unicode names,
    and the language of each), or ``hi`` or ``en``.

    The commonest script that it reads decides; Hinglish is spoken as Hindi, which names the sounds that are meant and
    leaves English words understandable. Where there are no words at all (a time, a price), the speaker's language."""
    letters = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in sentence if letter.isalpha())
    read = [script for script, _ in letters.most_common() if script in scripts]
    if read:
        return scripts[read[0]]
    guessed = guess_language(sentence) or language
    return "hi" if guessed in ("hi", "hinglish") else "en"
