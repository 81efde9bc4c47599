"""Cut a long text into Discord messages: between words, outside of emoji, with code blocks closed and opened again.

Pure. What was cut once stays cut there while the text grows: a part depends only on what comes before its end.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

LONGEST_MESSAGE: Final = 2_000
"""Counted as UTF-16 counts, which is never less than what Discord counts."""
FENCE: Final = "```"
CLOSING: Final = "\n" + FENCE
LANGUAGE: Final = re.compile(r"[\w+#.-]{1,20}(?=\n)")
"""The word behind an opening fence that Discord takes for a language."""
BREAKS: Final = (("\n\n", 0.5), ("\n", 0.5), (". ", 0.6), ("? ", 0.6), ("! ", 0.6), ("। ", 0.6))
"""Where to cut rather than between two words, and how full the message has to be by then."""

JOINER: Final = "\u200d"
SKIN_TONES: Final = ("\U0001f3fb", "\U0001f3ff")
REGIONAL: Final = ("\U0001f1e6", "\U0001f1ff")
TAGS: Final = ("\U000e0020", "\U000e007f")
VIRAMA_CLASS: Final = 9
"""Unicode's combining class of the sign that joins two consonants of Devanagari and its sisters."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block that is open at some place."""

    start: int
    """Where its opening fence begins."""
    inside: int
    """Where its code begins."""
    opener: str
    """What opens it again in the next message."""


def split(text: str, most: int = LONGEST_MESSAGE) -> list[str]:
    """The messages of ``text``, none of them empty or longer than ``most``. A block that was never closed is."""
    parts: list[str] = []
    rest = text.strip()
    while rest:
        fence = open_fence(rest)
        if utf16_length(rest) + (len(CLOSING) if fence else 0) <= most:
            parts.append(_closed(rest) if fence else rest)
            break
        part, rest = _cut(rest, most)
        parts.append(part)
    return parts


def utf16_length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def open_fence(text: str, end: int | None = None) -> Fence | None:
    """The code block that is open at ``end``, or where ``text`` ends."""
    end = len(text) if end is None else end
    fence: Fence | None = None
    at = text.find(FENCE)
    while 0 <= at < end:
        inside = at + len(FENCE)
        if fence is None:
            language = LANGUAGE.match(text, inside)
            name = language.group() if language else ""
            inside += len(name)
            has_line = text.startswith("\n", inside)
            fence = Fence(at, inside + has_line, f"{FENCE}{name}\n")
        else:
            fence = None
        at = text.find(FENCE, inside)
    return fence


def _closed(text: str) -> str:
    return text.rstrip() + CLOSING


def _cut(text: str, most: int) -> tuple[str, str]:
    """The first message of a text that is too long for one, and the rest as the next one begins."""
    end = _end_within(text, most - len(CLOSING))
    begin = len(reopened.opener) if (reopened := _fence_at_start(text)) else 0
    cut = _word_boundary(text, begin, end) or _grapheme_boundary(text, begin, end)
    cut = _outside_of_fence_marks(text, cut, begin)
    fence = open_fence(text, cut)
    if fence is None:
        return text[:cut].strip(), text[cut:].strip()
    if not text[fence.inside : cut].strip() and fence.start > begin:
        return text[: fence.start].strip(), text[fence.start :].strip()
    rest = text[cut:]
    if rest.lstrip().startswith(FENCE):
        return _closed(text[:cut]), rest.lstrip().removeprefix(FENCE).strip()
    return _closed(text[:cut]), fence.opener + rest.removeprefix("\n")


def _fence_at_start(text: str) -> Fence | None:
    return open_fence(text, len(FENCE)) if text.startswith(FENCE) else None


def _end_within(text: str, most: int) -> int:
    """How many characters of ``text`` take at most ``most`` UTF-16 units."""
    units = 0
    for index, character in enumerate(text):
        units += 2 if character > "\uffff" else 1
        if units > most:
            return index
    return len(text)


def _word_boundary(text: str, begin: int, end: int) -> int | None:
    """The best place to cut between words, behind ``begin`` and not behind ``end``."""
    for mark, fullness in BREAKS:
        at = text.rfind(mark, begin, end)
        cut = at + len(mark.rstrip())
        if at >= 0 and cut > begin + (end - begin) * fullness:
            return cut
    if text[end : end + 1].isspace():
        return end
    return next((at for at in range(end - 1, begin, -1) if text[at].isspace()), None)


def _grapheme_boundary(text: str, begin: int, end: int) -> int:
    """The last place up to ``end`` between two things that people see as one; ``end`` when there is none."""
    return next((at for at in range(end, begin, -1) if _is_boundary(text, at)), end)


def _outside_of_fence_marks(text: str, cut: int, begin: int) -> int:
    """Not between the backticks of a fence."""
    for offset in (2, 1):
        at = cut - offset
        if at > begin and text.startswith(FENCE, at):
            return at
    return cut


def _is_boundary(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if JOINER in (before, after) or unicodedata.category(after) in ("Mn", "Mc", "Me"):
        return False
    if unicodedata.combining(before) == VIRAMA_CLASS:
        return False
    if _within(after, SKIN_TONES) or _within(after, TAGS):
        return False
    return not (_within(after, REGIONAL) and _flags_before(text, at) % 2)


def _within(character: str, bounds: tuple[str, str]) -> bool:
    return bounds[0] <= character <= bounds[1]


def _flags_before(text: str, at: int) -> int:
    """How many regional indicators stand before ``at`` in a row: two of them are a flag."""
    count = 0
    while at > count and _within(text[at - 1 - count], REGIONAL):
        count += 1
    return count
