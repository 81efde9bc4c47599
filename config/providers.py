"""Providers as rows: who else can hear, think and speak, and how each is to be asked.

Rows live in ``config/catalogues/providers.toml``; the file that ``PROVIDERS_FILE`` names adds rows or changes fields
of shipped ones by name. All are checked when they are read: a bad row stops the process and is named. A row whose key
is not set is simply not there.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote, urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from config.settings import Settings

SHIPPED: Final = Path(__file__).with_name("catalogues") / "providers.toml"
TABLES: Final = ("chat", "hear", "speak")
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_PLACEHOLDER: Final = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class ProvidersError(Exception):
    """A row can't be used. The message names the file, the row and what is wrong."""


def _plain_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} must be small letters, digits, dashes and underscores")
    return name


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        # Not quoted: it may be the key itself.
        raise ValueError("must be the name of an environment variable, not what it holds")
    return name


def _address(url: str) -> str:
    where = urlsplit(_PLACEHOLDER.sub("x", url))
    if where.scheme not in ("https", "http") or not where.hostname:
        raise ValueError("must be an address such as https://api.example.com/v1")
    if where.username is not None or where.password is not None or where.query or where.fragment:
        raise ValueError("must be a plain address, without a name, a password or a query")
    return url.rstrip("/")


class Service(BaseModel):
    """What all rows have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, AfterValidator(_plain_name)]
    """What logs and ``!health`` say."""
    base_url: Annotated[str, AfterValidator(_address)]
    """May hold ``{VARIABLES}`` of the environment; without them the row is not there."""
    key_env: tuple[Annotated[str, AfterValidator(_variable)], ...] = ()
    """Variables that may hold the key, the first that is set counts; empty: no key is needed."""
    is_local: bool = False
    """On the worker's own machine: asked before any cloud, and known only to that machine."""
    priority: int = Field(default=50, ge=0, le=100)
    """Smaller is asked earlier, as long as nothing was measured that speaks against it."""
    expected_seconds: float = Field(gt=0, le=60)
    """To the first text or sound; past that, the next is asked too."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    requests_per_day: int | None = Field(default=None, ge=1)
    note: str = ""

    @model_validator(mode="after")
    def _keeps_keys_secret(self) -> Self:
        where = urlsplit(_PLACEHOLDER.sub("x", self.base_url))
        if self.key_env and where.scheme == "http" and where.hostname not in _LOOPBACK:
            raise ValueError("must not send a key over plain http")
        return self


class ChatProvider(Service):
    """A language model behind HTTP."""

    dialect: Literal["openai", "anthropic"] = "openai"
    model: str = ""
    """Empty: the first of ``models`` that ``GET /models`` lists, else the first listed at all."""
    models: tuple[str, ...] = ()
    usd_per_million_in: float = Field(default=0.0, ge=0)
    usd_per_million_out: float = Field(default=0.0, ge=0)
    body: dict[str, Any] = Field(default={}, repr=False)
    """Goes into every request as it is, such as a low reasoning effort."""
    renames: dict[str, str] = {}
    """Fields of the request that are called otherwise here; an empty name leaves the field out."""
    headers: dict[str, str] = Field(default={}, repr=False)
    """``{key}`` in one stands for the key, which then goes nowhere else."""
    models_path: str = "models"
    """Where the models are listed, seen from ``base_url``."""
    thinking_tokens: int = Field(default=0, ge=0, le=32_768)
    """What a model that can't be kept from thinking may think, on top of the longest answer."""
    names_emotions: bool = True
    """Large enough to follow the instruction to name the emotion of each sentence."""

    @model_validator(mode="after")
    def _names_a_model(self) -> Self:
        if not self.model and not self.is_local:
            raise ValueError("needs a model")
        return self


class HearProvider(Service):
    """Speech to text behind HTTP."""

    dialect: Literal["openai"] = "openai"
    model: str = Field(min_length=1)
    usd_per_hour: float = Field(default=0.0, ge=0)
    least_billed_seconds: float = Field(default=0.0, ge=0)
    """A shorter utterance costs as much as one of so many seconds."""


class SpeakProvider(Service):
    """Text to speech behind HTTP."""

    dialect: Literal["elevenlabs", "sarvam"]
    model: str = Field(min_length=1)
    voice: str = Field(min_length=1)
    rate_hz: int = Field(default=48_000, ge=8_000, le=48_000)
    """Of the samples that are asked for: Discord's, so that nothing is resampled, unless the plan has it not."""
    usd_per_million_characters: float = Field(default=0.0, ge=0)


class Providers(BaseModel):
    """All rows, by stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chat: tuple[ChatProvider, ...] = ()
    hear: tuple[HearProvider, ...] = ()
    speak: tuple[SpeakProvider, ...] = ()


class Access[Row: Service](BaseModel):
    """A row that can be asked: its address filled in, its key at hand."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    row: Row
    base_url: str
    key: SecretStr | None


def read_providers(path: Path | None = None, shipped: Path = SHIPPED) -> Providers:
    """The shipped rows, changed and added to by those of ``path``: a row of the same name changes only the fields that
    it has, each as a whole. Raises ProvidersError."""
    tables = _read(shipped)
    if path is not None:
        for table, rows in _read(path).items():
            by_name = {row["name"]: row for row in tables.get(table, [])}
            for row in rows:
                by_name[row["name"]] = {**by_name.get(row["name"], {}), **row}
            tables[table] = list(by_name.values())
    try:
        return Providers.model_validate(tables)
    except ValidationError as error:
        raise ProvidersError(f"{path or shipped}: {_wrong(tables, error)}") from None


def _read(path: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProvidersError(f"{path}: {error}") from error
    if odd := set(tables) - set(TABLES):
        raise ProvidersError(f"{path}: unknown table {', '.join(sorted(odd))}; there are {', '.join(TABLES)}")
    for table, rows in tables.items():
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProvidersError(f"{path}: {table} must be rows, as in [[{table}]]")
        _check_names(path, table, rows)
    return tables


def _check_names(path: Path, table: str, rows: list[dict[str, Any]]) -> None:
    """By their names rows find each other, so these are checked before anything else."""
    seen: set[str] = set()
    for index, row in enumerate(rows, start=1):
        name = row.get("name")
        if not isinstance(name, str):
            raise ProvidersError(f"{path}: {table} row {index}: needs a name")
        if name in seen:
            raise ProvidersError(f"{path}: {table} {name!r}: is there twice")
        seen.add(name)


def _wrong(tables: Mapping[str, list[dict[str, Any]]], error: ValidationError) -> str:
    """Which row, which field and why; never the value, which may be a key that was put in the wrong place."""
    problems = []
    for problem in error.errors(include_input=False, include_context=False):
        table, *place = (str(part) for part in problem["loc"]) if problem["loc"] else ("",)
        label = table
        if place:
            label = f"{table} {tables[table][int(place[0])]['name']!r} {' '.join(place[1:])}".rstrip()
        problems.append(f"{label}: {problem['msg'].removeprefix('Value error, ')}".removeprefix(": "))
    return "; ".join(problems)


def environment(env_file: Path = Path(".env")) -> dict[str, str]:
    """What keys are looked up in: the process's environment, and ``.env`` for what is not set there."""
    written = {name: value for name, value in dotenv_values(env_file).items() if value}
    return {**written, **{name: value for name, value in os.environ.items() if value}}


def accessible[Row: Service](rows: tuple[Row, ...], variables: Mapping[str, str]) -> tuple[Access[Row], ...]:
    """The rows whose key and other variables are set, in the order of their priority."""
    reached = []
    for row in sorted(rows, key=lambda row: (not row.is_local, row.priority)):
        key = next((variables[name].strip() for name in row.key_env if variables.get(name, "").strip()), None)
        needed = {name: variables.get(name, "").strip() for name in _PLACEHOLDER.findall(row.base_url)}
        if (row.key_env and key is None) or not all(needed.values()):
            continue
        url = row.base_url
        for name, value in needed.items():
            url = url.replace(f"{{{name}}}", quote(value, safe=""))
        reached.append(Access[Row](row=row, base_url=url, key=SecretStr(key) if key else None))
    return tuple(reached)


@cache
def providers(path: Path | None = None) -> Providers:
    """The providers of this process. Raises ProvidersError."""
    return read_providers(path)


def providers_of(settings: Settings) -> Providers:
    """Raises ProvidersError."""
    return providers(settings.providers_file)
