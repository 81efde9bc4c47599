"""Priya as data: read from ``persona.toml`` and checked once, at the start of a process."""

import tomllib
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

PERSONA_FILE: Final = Path(__file__).with_name("persona.toml")


class PersonaError(Exception):
    """The persona file can't be used. The message names the file and the field."""


class Notices(BaseModel):
    """What she says when something behind her fails."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    waiting: str = Field(min_length=1)
    failed: str = Field(min_length=1)
    not_heard: str = Field(min_length=1)


class AnswerIn(BaseModel):
    """What she is told about the language of her answer when it was chosen for her."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str = Field(min_length=1)
    hi: str = Field(min_length=1)
    hinglish: str = Field(min_length=1)


class Persona(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    age: int = Field(ge=18)
    prompt: str = Field(min_length=40)
    among_friends: str
    """Follows the prompt when several people speak with her."""
    emotions_hint: str = Field(min_length=1)
    """Follows the prompt for models that can name the emotion of each sentence."""
    spoken_sentences: int = Field(ge=1)
    """After so many she stops talking: a friend on the phone leaves room for the other."""
    answer_in: AnswerIn
    notices: Notices

    @field_validator("emotions_hint")
    @classmethod
    def _is_stripped(cls, hint: str) -> str:
        return hint.strip()

    @field_validator("prompt")
    @classmethod
    def _names_the_speaker(cls, prompt: str) -> str:
        if "{speaker}" not in prompt:
            raise ValueError("must say where {speaker} goes")
        return prompt.strip()

    @field_validator("among_friends")
    @classmethod
    def _names_the_speakers(cls, line: str) -> str:
        if "{speakers}" not in line:
            raise ValueError("must say where {speakers} go")
        return line.strip()

    def system_prompt(self, speakers: Sequence[str], language: str = "") -> str:
        """What the language model is told about itself. ``speakers`` are display names, taken as plain words: of who
        speaks, or of several whose messages will begin with their names.

        The line of a chosen ``language`` comes last of all: everything before it is the same as without one, so
        that models need not read it again."""
        first, *others = [plain_name(speaker) for speaker in speakers] or [plain_name("")]
        prompt = self.prompt.replace("{speaker}", first)
        if others:
            names = f"{', '.join([first, *others[:-1]])} and {others[-1]}"
            prompt = f"{prompt}\n{self.among_friends.replace('{speakers}', names)}"
        chosen = self.answer_in.model_dump().get(language)
        return f"{prompt}\n{chosen}" if chosen else prompt


def plain_name(name: str) -> str:
    """A display name as one short line of letters and digits, so that a name can't give orders to the model."""
    kept = "".join(letter for letter in name if unicodedata.category(letter)[0] in "LMN" or letter in " .-'_")
    return " ".join(kept.split())[:32] or "a friend"


def read_persona(file: Path) -> Persona:
    """Raises PersonaError naming what is wrong in ``file``."""
    try:
        return Persona.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise PersonaError(f"{file.name} can't be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise PersonaError(f"{file.name} is not TOML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
        raise PersonaError(f"{file.name}: {wrong}") from None


@cache
def persona() -> Persona:
    """The persona of this process."""
    return read_persona(PERSONA_FILE)
