"""Was that said to her? In a group she answers only who means her. Knows no Discord and no clock.

One ``Addressing`` a channel; one event loop.
"""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from config.words import PAUSE, bare, words_of

type Answers = Literal["addressed", "always", "never"]
"""When she answers in a server's channels: when she is meant, whatever is said, or not at all."""

GOING_ON_SECONDS: Final = 20.0
"""Who was answered needs no name for so long."""

_CALLS: Final = r"(?:hey|hay|hi|hello|ok|okay|are|ar|aure|arey|ari|oh|o|oye|yo)"
_ENDINGS: Final = "(?:ji|di|didi|jan|yar)?"
_SPELLINGS: Final = (
    "priya", "priyah", "pria", "priah", "prya", "pryia", "prieya", "priyia", "priyu", "preya", "preyah", "preia",
    "preiya", "prea", "preah", "pariya", "piriya",
)  # fmt: skip
_MISHEARINGS: Final = ("praya", "periya", "perya")
"""Whisper's, which mean something else where they are typed: "prayas" is an effort."""
_NAME: Final = re.compile(rf"{_CALLS}?(?:{'|'.join(_SPELLINGS)})(?:{_ENDINGS}|s)")
"""Her name as it is written, alone or run together with a call ("Arpreya"). Letters are never doubled here: see
``bare``."""
_HEARD_NAME: Final = re.compile(rf"{_CALLS}?(?:{'|'.join(_MISHEARINGS)}){_ENDINGS}")
_OTHER_SCRIPTS: Final = frozenset(
    map(
        bare,
        (
            "प्रिया", "प्रीया", "प्रिआ", "प्रीआ", "प्रेया", "परिया", "परीया", "पृया", "प्रियाजी", "प्रियु", "पिरिया",
            "پریا", "پریہ", "پریاہ", "প্রিয়া", "প্রিয়া", "પ્રિયા", "ਪ੍ਰਿਆ", "ਪ੍ਰੀਆ", "பிரியா", "ப்ரியா", "ప్రియా", "ಪ್ರಿಯಾ",
            "പ്രിയ", "പ്രിയാ",
        ),
    )
)  # fmt: skip
_DOUBTFUL: Final = frozenset(
    map(
        bare,
        (
            "freya", "freyja", "fria", "friya", "frea", "bria", "briya", "brea", "breya", "pray", "pre", "prius",
            "priga", "prigga", "prega", "prayer", "priest", "priests", "pariah", "प्रिय", "फ्रेया", "फ्रिया",
            "ब्रिया", "प्रेय",
        ),
    )
)  # fmt: skip
"""Whisper's mishearings of her name that are words or names of their own: hers only where somebody is called."""
_BEFORE_A_CALL: Final = frozenset(
    map(bare, ("hey", "hi", "high", "hello", "ok", "okay", "arre", "are", "arey", "oye", "o", "oh", "yo", "suno", "sun",
               "namaste", "listen", "अरे", "हे", "हाय", "सुनो", "ओये", "नमस्ते"))
)  # fmt: skip
_AFTER_A_CALL: Final = frozenset(
    map(bare, ("tell", "play", "stop", "wait", "listen", "what", "how", "why", "please", "say", "sing", "suno", "batao",
               "bolo", "kya", "kaise", "kaisi", "tum", "ruko", "बताओ", "सुनो", "क्या", "कैसी", "तुम", "रुको", "बोलो"))
)  # fmt: skip
_SOMEBODY_ELSES: Final = frozenset(
    map(bare, ("sister", "cousin", "aunt", "aunty", "behen", "behan", "bahan", "didi", "named", "called", "another",
               "doctor", "dr", "miss", "mrs", "बहन", "नामक"))
)  # fmt: skip
"""After these the name is another Priya's: "my sister Priya", "a girl named Priya"."""
_FIRST_HALVES: Final = frozenset(("pri", "pre"))
_SECOND_HALVES: Final = frozenset(("ya", "yah", "a", "ga"))
"""Of her name as Whisper divides it. "Pry a jar open" and "the prey a lion hunts" are not her."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """One thing that was said or written, and what is known about to whom."""

    text: str
    speaker_id: int
    at: float
    """Monotonic seconds at which it began."""
    listeners: int
    """People in the channel besides her, the speaker among them."""
    is_direct: bool = False
    mentions_her: bool = False
    replies_to_her: bool = False
    means_another: bool = False
    """It answers or mentions somebody else, or is a command to another bot."""
    is_typed: bool = False
    """Whoever types spells her name; Whisper writes what it sounds like."""


class Addressing:
    """Who means her in one channel. Remembers whom she answered, and when."""

    def __init__(self) -> None:
        self._answered_at: dict[int, float] = {}
        self._answering: Counter[int] = Counter()

    def is_addressed(self, occasion: Occasion, answers: Answers) -> bool:
        """Direct messages are hers always; a server's setting decides about its channels."""
        if occasion.is_direct or answers == "always":
            return True
        if answers == "never":
            return False
        return (
            occasion.listeners <= 1
            or occasion.mentions_her
            or occasion.replies_to_her
            or (self._goes_on(occasion) and not occasion.means_another)
            or names_her(occasion.text, is_typed=occasion.is_typed)
        )

    def answered(self, speaker_id: int, at: float) -> None:
        """She answered this person; ``at`` is when her answer ended."""
        self._answered_at = {
            person: when for person, when in self._answered_at.items() if at - when <= GOING_ON_SECONDS
        }
        self._answered_at[speaker_id] = at

    @contextlib.contextmanager
    def answering(self, speaker_id: int) -> Iterator[None]:
        """She is at it: whatever this person adds meanwhile is said to her."""
        self._answering[speaker_id] += 1
        try:
            yield
        finally:
            self._answering[speaker_id] -= 1
            self._answering += Counter()  # drops the zeros

    def _goes_on(self, occasion: Occasion) -> bool:
        if self._answering[occasion.speaker_id]:
            return True
        answered_at = self._answered_at.get(occasion.speaker_id)
        return answered_at is not None and occasion.at - answered_at <= GOING_ON_SECONDS


def names_her(text: str, *, is_typed: bool = False) -> bool:
    """Whether her name is in it, in any script, as people spell it and, unless it ``is_typed``, as Whisper does."""
    words = words_of(text, with_pauses=True)
    if is_typed:
        return any(is_her_name(word) and not _is_another_s(words, place) for place, word in enumerate(words))
    return any(_is_her_at(words, place) for place in range(len(words)))


def is_her_name(word: str) -> bool:
    """Whether a word in its bare spelling is her name and nothing else."""
    return word in _OTHER_SCRIPTS or _NAME.fullmatch(word) is not None


def sounds_like_her_name(word: str) -> bool:
    """Whether a word in its bare spelling is her name, or what Whisper makes of it that is no other word."""
    return is_her_name(word) or _HEARD_NAME.fullmatch(word) is not None


def _is_another_s(words: list[str], place: int) -> bool:
    return place > 0 and words[place - 1] in _SOMEBODY_ELSES


def _is_her_at(words: list[str], place: int) -> bool:
    """By what Whisper makes of it."""
    word = words[place]
    before = words[place - 1] if place else PAUSE
    after = words[place + 1] if place + 1 < len(words) else PAUSE
    is_in_halves = word in _FIRST_HALVES and after in _SECOND_HALVES
    if is_in_halves or sounds_like_her_name(word):
        return not _is_another_s(words, place)
    if word not in _DOUBTFUL:
        return False
    is_first, is_last = place == 0, place == len(words) - 1 or (place == len(words) - 2 and after == PAUSE)
    return (
        before in _BEFORE_A_CALL
        or (is_first and (after == PAUSE or after in _AFTER_A_CALL))
        or (is_last and before == PAUSE)
    )
