"""What Priya says when nothing can think for her: a short, honest answer that fits what was said, in the person's
language. Read from ``catalogues/emergency.toml`` and checked once. Workers and the bot both use it.

Pure, but for the chance that chooses among wordings. Knows nothing of engines, of sound and of Discord.
"""

import random
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.phrases import LANGUAGES, Language, language_of_text, phrases
from config.what_was_said import KindOfTalk, Vocabulary

SHIPPED: Final = Path(__file__).with_name("catalogues") / "emergency.toml"
CRISIS: Final = "crisis"
"""Somebody may be in danger: this kind is looked for before all others, and never answered lightly."""
HELPLINES: Final = ("findahelpline.com", "14416", "988")
"""Whom each answer to a crisis names: all countries, India (Tele-MANAS), the USA."""
OTHER: Final = "other"
SPOKEN_NOTICES: Final = ("failed", "no_worker", "late", "slow", "not_sent", "nothing_heard")
"""Of config/phrases.toml: what she may have to say when she has no voice."""
_TELLING: Final = 12
"""Letters that tell an emergency answer from others."""
_DEVANAGARI: Final = re.compile(r"[\u0900-\u097f]")
_UNSPEAKABLE: Final = re.compile(r"[*_`#<>{}\[\]|~^\\/\n\U0001f000-\U0001faff\u2600-\u27bf]")


class EmergencyError(Exception):
    """The catalogue can't be used. The message names the file, the row and what is wrong."""


def _one_sayable_line(text: str) -> str:
    if not text.strip() or text != " ".join(text.split()):
        raise ValueError(f"{text[:30]!r} is empty or has white space to spare")
    if odd := _UNSPEAKABLE.search(text):
        raise ValueError(f"{text[:30]!r} can't be spoken: it has {odd[0]!r}")
    if text[-1] not in ".!?।":
        raise ValueError(f"{text[:30]!r} is no whole sentence: it ends with {text[-1]!r}")
    return text


type Line = Annotated[str, AfterValidator(_one_sayable_line)]


class Lines(BaseModel):
    """One thing to say, in each language, in at least three wordings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: tuple[Line, ...] = Field(min_length=3)
    hi: tuple[Line, ...] = Field(min_length=3)
    hinglish: tuple[Line, ...] = Field(min_length=3)

    @model_validator(mode="after")
    def _differ_and_are_in_their_letters(self) -> Self:
        for language in LANGUAGES:
            lines = self.of(language)
            if len(set(lines)) < len(lines):
                raise ValueError(f"{language}: the same wording twice")
            for line in lines:
                if bool(_DEVANAGARI.search(line)) != (language == "hi"):
                    raise ValueError(f"{language}: {line[:30]!r} is in the wrong letters")
        return self

    def of(self, language: Language) -> tuple[str, ...]:
        return {"hi": self.hi, "hinglish": self.hinglish}.get(language, self.en)


class Kind(Lines):
    """A kind of thing that is said to her, how it is known, and what she answers."""

    name: str = Field(pattern="^[a-z][a-z_]*$")
    said: str = ""
    """Words between bars. See config/what_was_said.py."""
    negatable: bool = False
    """"Not bored" is not boredom."""


class Emergency(BaseModel):
    """The catalogue. Frozen: any thread."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    say_as: dict[str, str]
    lost_thread: Lines
    kind: tuple[Kind, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        names = [kind.name for kind in self.kind]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"there twice: {', '.join(sorted(twice))}")
        if not names or names[0] != CRISIS or names[-1] != OTHER:
            raise ValueError(f"the first kind must be {CRISIS!r}, the last {OTHER!r}")
        for kind in self.kind:
            if bool(kind.said.strip()) == (kind.name == OTHER):
                raise ValueError(f"{kind.name}: every kind but the last has words by which it is known")
        for language in LANGUAGES:
            for line in self.kind[0].of(language):
                if missing := [name for name in HELPLINES if name not in line]:
                    raise ValueError(f"{CRISIS}, {language}: {line[:30]!r} doesn't name {', '.join(missing)}")
        return self

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        """Of all kinds; a crisis is known to it by its words wherever they stand."""
        return Vocabulary(
            tuple(
                KindOfTalk(kind.name, kind.said, is_negatable=kind.negatable, counts_anywhere=kind.name == CRISIS)
                for kind in self.kind
            )
        )

    @cached_property
    def _by_name(self) -> Mapping[str, Kind]:
        return {kind.name: kind for kind in self.kind}

    def kind_of(self, said: str) -> str:
        """The name of the kind that a message is of."""
        return self._vocabulary.kind_of(said) or OTHER

    def reply(
        self, said: str, language: str = "", *, avoid: Collection[str] = (), chance: random.Random | None = None
    ) -> str:
        """What she answers. ``language`` was chosen (``en``, ``hi``, ``hinglish``); anything else follows what was
        said. ``avoid`` are answers that she gave just now."""
        return _one_of(self._by_name[self.kind_of(said)].of(_spoken(language, said)), avoid, chance)

    def cut_off(self, answer_so_far: str, language: str = "", *, chance: random.Random | None = None) -> str:
        """How she ends an answer that can't go on; empty when she has said so already. Begins with the white space, and
        the dots, that belong between."""
        if any(line in answer_so_far for line in self._lost_thread_lines()):
            return ""
        line = _one_of(self.lost_thread.of(_spoken(language, answer_so_far)), (), chance)
        begun = answer_so_far.rstrip()
        if not begun:
            return line
        # On a line of its own, so that it is spoken as it is known by heart (see docs/emergency.md).
        return f"\n{line}" if begun[-1] in ".!?…।\"'”’)" else f"...\n{line}"

    def is_hers(self, answer: str) -> bool:
        """Whether an answer, or the beginning of one that was heard, was no thought but an emergency answer."""
        begun = answer.strip()
        return any(line.startswith(begun) for line in self._by_beginning.get(begun[:_TELLING], ()))

    def without_excuse(self, answer: str) -> str:
        """``answer`` without the words with which ``cut_off`` ended it."""
        for line in self._lost_thread_lines():
            before, excuse, _ = answer.partition(line)
            if excuse and before.strip(" .\n"):
                return before.rstrip("\n")
        return answer

    @cached_property
    def _by_beginning(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for _, line in self.every_line():
            found[line[:_TELLING]] = (*found.get(line[:_TELLING], ()), line)
        return found

    def _lost_thread_lines(self) -> Iterator[str]:
        for language in LANGUAGES:
            yield from self.lost_thread.of(language)

    def every_line(self) -> Iterator[tuple[Language, str]]:
        """All that stands in the catalogue, what matters most first."""
        for lines in (*self.kind, self.lost_thread):
            for language in LANGUAGES:
                for line in lines.of(language):
                    yield language, line

    def as_said_aloud(self, text: str) -> str:
        """``text`` with numbers and addresses as a voice is to read them."""
        return self._said_aloud.sub(lambda found: self.say_as[found[0]], text)

    @cached_property
    def _said_aloud(self) -> re.Pattern[str]:
        return re.compile("|".join(rf"(?<![\w.-]){re.escape(word)}(?![\w-]|\.\w)" for word in self.say_as) or "(?!)")


def _spoken(language: str, said: str) -> Language:
    return next((known for known in LANGUAGES if known == language), None) or language_of_text(said)


def _one_of(lines: tuple[str, ...], avoid: Collection[str], chance: random.Random | None) -> str:
    """``avoid`` may hold beginnings of lines: what was heard of one that was interrupted."""
    fresh = [line for line in lines if not any(said and line.startswith(said.strip()) for said in avoid)]
    return (chance or random).choice(fresh or lines)


def _name_of_row(raw: object, place: tuple[int | str, ...]) -> str:
    """Which row an error is about, by its name where it has one."""
    here: Any = raw
    labels = []
    for step in place:
        try:
            here = here[step]
        except (LookupError, TypeError):  # a field that is missing
            here = None
        name = here.get("name") if isinstance(here, dict) else None
        labels.append(str(name or step))
    return " ".join(labels)


def read_emergency(file: Path) -> Emergency:
    """Raises EmergencyError naming the file, the row and what is wrong."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        return Emergency.model_validate(raw)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EmergencyError(f"{file.name}: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        raise EmergencyError(f"{file.name}: {_name_of_row(raw, problem['loc'])}: {problem['msg']}") from None


@cache
def emergency() -> Emergency:
    """The catalogue of this process. Raises EmergencyError."""
    return read_emergency(SHIPPED)


@cache
def known_by_heart() -> tuple[tuple[Language, str], ...]:
    """All that she must be able to say aloud without an engine, what matters most first: the emergency answers, and
    the notices of a voice channel. Raises EmergencyError and PhrasesError."""
    notices = (
        (language, line)
        for key in SPOKEN_NOTICES
        for language in LANGUAGES
        for line in phrases().every_wording(key, language)
    )
    return tuple(dict.fromkeys((*emergency().every_line(), *notices)))
