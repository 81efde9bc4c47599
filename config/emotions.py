"""Emotions as data: what can be felt in a sentence, each a point of valence, arousal and dominance.

Read from ``config/catalogues/emotions.toml`` and checked whole, so that a bad row stops the process and is named. What
a voice makes of a point is told in ``workers/text_to_speech/expression.py``, never here.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

SHIPPED: Final = Path(__file__).with_name("catalogues") / "emotions.toml"

FILLERS: Final = frozenset(
    {"a", "and", "be", "being", "bit", "emotion", "feel", "feeling", "feels", "in", "is", "it", "like", "little"}
    | {"mood", "of", "really", "slightly", "so", "sounding", "speaking", "style", "tone", "very", "voice", "with"}
)
"""Words that a model puts around an emotion's name: ``in a very teasing tone``."""
_WORDS: Final = re.compile(r"[^\s_,;:/|&+\-]+")


class EmotionsError(Exception):
    """The catalogue can't be used. The message names the file, the row and what is wrong."""


@dataclass(frozen=True, slots=True)
class Emotion:
    """What is felt in a sentence. The three numbers go from -1 to 1; all 0 is her everyday voice."""

    name: str
    valence: float = 0.0
    """Unpleasant to pleasant."""
    arousal: float = 0.0
    """Sleepy to agitated."""
    dominance: float = 0.0
    """Overpowered to in control."""
    tag: str = ""
    """What a model of speech that takes directions in words is told; empty for none."""


NEUTRAL: Final = Emotion("neutral")

_Axis = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
_Text = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S(.*\S)?$")]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern="^[a-z]{3,20}$")]
    point: tuple[_Axis, _Axis, _Axis]
    norm: str = ""
    aliases: tuple[_Text, ...] = ()
    cues: tuple[_Text, ...] = ()
    hints: tuple[_Text, ...] = ()
    tag: str = ""

    def emotion(self) -> Emotion:
        return NEUTRAL if self.name == NEUTRAL.name else Emotion(self.name, *self.point, tag=self.tag or self.name)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    emotion: tuple[_Row, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Cue:
    """Something in a text that shows an emotion which nobody named."""

    emotion: str
    weight: Literal[1, 2]
    """2 decides alone; of 1 it takes two."""


class Emotions:
    """The emotions by name, in the order of the file. Frozen after it was made; any thread may ask."""

    def __init__(self, rows: tuple[_Row, ...]) -> None:
        """Raises ValueError naming a row that has something which another one has already."""
        self._by_name = {row.name: row.emotion() for row in rows}
        self._by_word: dict[str, Emotion] = {}
        self._cues: dict[str, Cue] = {}
        for row in rows:
            for word in (row.name, *row.aliases):
                _add(self._by_word, _plain(word), self._by_name[row.name], row.name, "is called")
            for cue, weight in [*((cue, 2) for cue in row.cues), *((hint, 1) for hint in row.hints)]:
                _add(self._cues, cue.casefold(), Cue(row.name, 2 if weight == 2 else 1), row.name, "shows by")
        if NEUTRAL.name not in self._by_name:
            raise ValueError(f"there is no {NEUTRAL.name!r}")

    def __iter__(self) -> Iterator[Emotion]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    @property
    def words(self) -> frozenset[str]:
        """All names and aliases, in small letters, with one space between words."""
        return frozenset(self._by_word)

    @property
    def cues(self) -> Mapping[str, Cue]:
        """What shows an emotion, in small letters."""
        return self._cues

    def knows(self, words: str) -> bool:
        """Whether ``words`` name an emotion and nothing else."""
        return self._lookup(words) is not None

    def find(self, words: str) -> Emotion:
        """The emotion that a name, an alias, an adverb of one, or a few of them (``in a teasing tone``) mean;
        of several the first. NEUTRAL for everything else."""
        return self._lookup(words) or NEUTRAL

    def _lookup(self, words: str) -> Emotion | None:
        plain = _plain(words)
        if not plain:
            return None
        if plain in self._by_word:
            return self._by_word[plain]
        found = [self._word(word) for word in plain.split() if word not in FILLERS]
        return found[0] if found and all(found) else None

    def _word(self, word: str) -> Emotion | None:
        return next((self._by_word[form] for form in _forms(word) if form in self._by_word), None)


def _forms(word: str) -> Iterator[str]:
    yield word
    if word.endswith("ily"):
        yield f"{word.removesuffix('ily')}y"
    if word.endswith("ly"):
        yield word.removesuffix("ly")


def _plain(words: str) -> str:
    return " ".join(_WORDS.findall(words.casefold()))


def _add[Value](kept: dict[str, Value], key: str, value: Value, row: str, how: str) -> None:
    if key in kept:
        raise ValueError(f"{row!r} {how} {key!r}, as something before it is")
    kept[key] = value


def load_emotions(path: Path = SHIPPED) -> Emotions:
    """Read and check every row. Raises EmotionsError, naming the first bad one."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
        return Emotions(_Document.model_validate(raw).emotion)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EmotionsError(f"{path}: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        raise EmotionsError(f"{path}: {_row_label(raw, problem['loc'])}: {problem['msg']}") from None
    except ValueError as error:
        raise EmotionsError(f"{path}: {error}") from None


def _row_label(raw: Mapping[str, object], location: tuple[int | str, ...]) -> str:
    """Which row an error is about: by its name where it has one, by its place where not."""
    rows = raw.get("emotion")
    if len(location) < 2 or not isinstance(rows, list) or not isinstance(location[1], int):
        return ".".join(map(str, location))
    row = rows[location[1]]
    name = row.get("name") if isinstance(row, dict) else None
    label = f"emotion {name!r}" if isinstance(name, str) else f"emotion number {location[1] + 1}"
    return " ".join([label, *map(str, location[2:])])


@cache
def emotions() -> Emotions:
    """The emotions that come with Priya, read once per process. Raises EmotionsError."""
    return load_emotions()
