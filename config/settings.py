"""Everything that can be set from outside, read once at the door of each process and handed inward."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

AUTO: Final = ("auto",)
DEFAULT_REDIS_URL: Final = "redis://127.0.0.1:6399/0"

EngineNames = Annotated[tuple[str, ...], NoDecode]
"""A comma list such as ``faster-whisper,openai-whisper``; ``auto`` lets the stage choose."""

ShardIds = Annotated[tuple[int, ...], NoDecode]
"""A comma list such as ``0,1,2``; empty for all of them."""


class SettingsError(Exception):
    """A setting has a value that can't be used. The message names it and says what would do."""


def default_home() -> Path:
    return Path.home() / ".local/share/priya"


def _names_a_host(url: str) -> bool:
    try:
        address = urlsplit(url)
        return bool(address.hostname) and address.port != 0
    except ValueError:
        return False


class Settings(BaseSettings):
    """Environment first, then ``.env`` in the working folder. Names are those of the README's table."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True)

    discord_token: SecretStr | None = None
    discord_api_base: str | None = None
    """REST interface of another server that speaks Discord's protocol, such as ``http://127.0.0.1:8080/api/v10``."""
    shard_ids: ShardIds = ()
    """The shards that this process runs, of ``shard_count``; empty for all of them."""
    shard_count: int | None = Field(default=None, ge=1, validate_default=True)
    """All shards of all processes together; unset, Discord recommends a number."""
    stop_timeout: float = Field(default=10.0, gt=0, le=60)
    """Seconds from SIGTERM to the end of the bot: running answers, leaving voice channels and the gateway."""

    redis_url: SecretStr | None = None
    """Secret because it may carry a password. Read it through ``broker_url``."""
    priya_home: Path = Field(default_factory=default_home)

    log_level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_file: Path | None = None

    max_concurrent_requests: int = Field(default=10, ge=1, le=1000)
    voice_lock_timeout: float = Field(default=30.0, gt=0, le=600)
    """Seconds that a ``join`` waits for another one that is under way in the same server."""
    request_timeout: float = Field(default=45.0, gt=0, le=600)
    """Seconds from the end of speech (or the text) to a turn's deadline."""
    max_memory_mb: int = Field(default=500, ge=64)

    transcribe_engines: EngineNames = AUTO
    language_engines: EngineNames = AUTO
    synthesize_engines: EngineNames = AUTO
    providers_file: Path | None = None

    whisper_model: str = "whisper-base"
    language_model: str = "smollm2-135m"
    piper_voice: str = "piper-en_US-joe-medium"
    hibari_voice: str = "heart"
    coqui_model: str = ""
    """A folder in the models folder that holds a model of Coqui's; empty: Coqui doesn't speak."""
    coqui_voice: str = ""
    """One of that model's speakers; empty: the first."""

    model_timeout: float = Field(default=30.0, gt=0, le=600)
    """Seconds that a turn may wait for a free lane of a model."""
    model_retries: int = Field(default=3, ge=0, le=10)
    temperature: float = Field(default=0.95, ge=0, le=2)
    max_tokens: int = Field(default=200, ge=1, le=4096)
    """Longest reply, in the language model's tokens."""
    daily_spend_usd: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """Most that all cloud providers together may cost in a day (UTC); 0: only those that are free are asked."""
    cached_speech_mb: float = Field(default=8.0, ge=0, le=100, allow_inf_nan=False)
    """Most disk and Redis for what she can say when no voice works; 0: nothing is spoken ahead."""
    context_tokens: int = Field(default=2048, ge=256, le=131_072)
    """Longest prompt and reply together, for the local language model."""

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("transcribe_engines", "language_engines", "synthesize_engines", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip()) or AUTO
        return value

    @field_validator("shard_ids", mode="before")
    @classmethod
    def _split_numbers(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(number.strip() for number in value.split(",") if number.strip())
        return value

    @field_validator("shard_ids")
    @classmethod
    def _distinct_shards(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(number < 0 for number in value) or len(set(value)) != len(value):
            raise ValueError("must be different numbers from 0, as in 0,1,2")
        return value

    @field_validator("shard_count")
    @classmethod
    def _covers_shards(cls, value: int | None, info: ValidationInfo) -> int | None:
        shards = info.data.get("shard_ids", ())
        if shards and value is None:
            raise ValueError("must be set together with SHARD_IDS: how many shards there are in all processes")
        if value is not None and any(number >= value for number in shards):
            raise ValueError(f"must be above every number in SHARD_IDS, so at least {max(shards) + 1}")
        return value

    @field_validator("discord_api_base")
    @classmethod
    def _api_address(cls, value: str | None) -> str | None:
        if value is not None and not (value.startswith(("http://", "https://")) and _names_a_host(value)):
            raise ValueError("must be an address such as http://127.0.0.1:8080/api/v10")
        return value

    @field_validator(
        "discord_token", "discord_api_base", "shard_count", "redis_url", "log_file", "providers_file", mode="before"
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("redis_url")
    @classmethod
    def _redis_scheme(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("must start with redis:// or rediss://")
        if value and not _names_a_host(value.get_secret_value()):
            raise ValueError("must name a host, and a port that is a number, as in redis://127.0.0.1:6379/0")
        return value

    @field_validator("priya_home", mode="before")
    @classmethod
    def _empty_is_default(cls, value: object) -> object:
        return default_home() if value == "" else value

    @field_validator("priya_home")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("log_file")
    @classmethod
    def _not_a_folder(cls, value: Path | None) -> Path | None:
        if value is not None and value.is_dir():
            raise ValueError("is a folder; give the name of a file")
        return value

    @property
    def models_folder(self) -> Path:
        return self.priya_home / "models"

    @property
    def run_folder(self) -> Path:
        """Where a running stack leaves its address and lock."""
        return self.priya_home / "run"

    @property
    def knows_a_broker(self) -> bool:
        """Whether ``REDIS_URL`` is set or a stack runs with this home."""
        return self.redis_url is not None or (self.run_folder / "redis.url").is_file()

    @cached_property
    def broker_url(self) -> str:
        """``REDIS_URL``, else the address that the running stack's embedded Valkey wrote down."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        try:
            return (self.run_folder / "redis.url").read_text().strip() or DEFAULT_REDIS_URL
        except OSError:
            return DEFAULT_REDIS_URL


def load_settings() -> Settings:
    """Read the settings of this process. Raises SettingsError naming every variable that is wrong."""
    try:
        return Settings()
    except UnicodeDecodeError:
        raise SettingsError(".env is not UTF-8 text: save it as such (see .env.example)") from None
    except ValidationError as error:
        wrong = "; ".join(
            f"{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise SettingsError(f"Setting not understood: {wrong} (see .env.example)") from None
