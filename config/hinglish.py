"""How Hindi words in Latin letters are respelled for English voices: read from ``hinglish.toml``, checked once."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

SHIPPED: Final = Path(__file__).with_name("catalogues") / "hinglish.toml"

_Word = Annotated[str, StringConstraints(pattern=r"^[a-z]+$")]
_Respelling = Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*$")]


class HinglishError(Exception):
    """The lexicon can't be used. The message names the file, the word and what is wrong."""


class Lexicon(BaseModel):
    """Respellings by word, in small letters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: Mapping[_Word, _Respelling] = Field(min_length=1)
    also_english: Mapping[_Word, _Respelling] = Field(min_length=1)
    """Words that mean something else in English."""

    @model_validator(mode="after")
    def _says_each_word_once(self) -> "Lexicon":
        if twice := sorted(set(self.words) & set(self.also_english)):
            raise ValueError(f"in both tables: {', '.join(twice)}")
        if same := sorted(word for word, said in (*self.words.items(), *self.also_english.items()) if word == said):
            raise ValueError(f"respelled as they are: {', '.join(same)}")
        return self


def read_lexicon(file: Path = SHIPPED) -> Lexicon:
    """Raises HinglishError."""
    try:
        return Lexicon.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HinglishError(f"{file.name}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
        raise HinglishError(f"{file.name}: {re.sub('Value error, ', '', wrong)}") from None


@cache
def lexicon() -> Lexicon:
    """The lexicon of this process. Raises HinglishError."""
    return read_lexicon()
