"""What Priya says without a model: read from ``phrases.toml``, checked once, in three languages.

Knows nothing of Discord."""

import random
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

PHRASES_FILE: Final = Path(__file__).with_name("phrases.toml")

type Language = Literal["en", "hi", "hinglish"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language.__value__)

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    key: frozenset(fields.split())
    for key, fields in {
        "no_worker": "stage",
        "joined": "channel",
        "already_here": "channel",
        "consent_ask": "channel",
        "consent_newcomer": "person channel",
        "voice_set": "voice",
        "voice_shown": "voice voices",
        "voice_unknown": "voice voices",
        "language_set": "tongue",
        "language_shown": "tongue",
        "language_set_here": "tongue",
        "language_shown_here": "tongue",
        "language_unknown": "tongue",
        "answers_shown": "answers",
        "unknown_command": "command",
        "unknown_command_guess": "command guess",
        "bad_argument": "usage",
        "cooldown": "seconds",
        "missing_permission": "permission",
        "status_intro": "uptime",
        "status_intro_ill": "uptime",
        "status_messages": "taken answered failed active",
        "status_stage_transcribe": "engines workers waiting",
        "status_stage_generate": "engines workers waiting",
        "status_stage_synthesize": "engines workers waiting",
        "status_voices": "voices",
        "status_away": "engines",
        "status_memory": "bot workers",
        "status_gateway": "latency shards",
        "status_lag": "p99 worst",
        "health_spent": "spent cap",
        "health_stage": "stage",
        "health_resting": "time why",
        "health_out": "why",
        "health_replaced": "old new",
        "health_first": "seconds",
        "health_tokens": "count",
        "health_wasted": "count",
        "health_left": "count",
        "health_ready": "names",
        "health_without_key": "count",
        "health_more": "count",
    }.items()
}
"""What is filled into the wordings of a key; the others are said as they stand."""

KEYS: Final = frozenset(FIELDS) | {
    *("not_sent", "failed", "late", "slow", "nothing_heard", "too_long", "attachment_refused", "cannot_write"),
    "recording_without_consent",
    *(f"cannot_join_{why}" for why in ("nowhere", "full", "no_permission", "no_speak", "stage", "gone", "busy")),
    *("cannot_join_timeout", "left", "not_here", "stopped", "nothing_to_stop", "talk_empty", "talk_started"),
    *("consent_given", "consent_revoked", "consent_is_given", "consent_is_not_given", "consent_not_saved"),
    *("consent_button_agree", "consent_button_revoke", "voice_default", "voice_none", "language_followed"),
    *("answers_set_addressed", "answers_set_always", "answers_set_never", "error", "no_memory", "no_dm"),
    *(f"name_of_{name}" for name in ("en", "hi", "hinglish", "auto", "default", "addressed", "always", "never")),
    *(f"help_{name}" for name in ("intro", "join", "leave", "talk", "stop", "voice", "language", "consent", "answers")),
    *("help_status", "help_health", "help_help", "help_outro", "status_nobody", "status_no_redis"),
    *("health_intro", "health_serving", "health_nobody"),
}

_FIELD = re.compile(r"\{(\w*)\}")


class PhrasesError(Exception):
    """The file of phrases can't be used. The message names it, the key and what is wrong."""


class Wordings(BaseModel):
    """One thing to say, in each language, one way or another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: tuple[str, ...] = Field(min_length=1)
    hi: tuple[str, ...] = Field(min_length=1)
    hinglish: tuple[str, ...] = Field(min_length=1)

    def of(self, language: Language) -> tuple[str, ...]:
        match language:
            case "hi":
                return self.hi
            case "hinglish":
                return self.hinglish
            case _:
                return self.en


class StageName(BaseModel):
    """What a stage of a turn is called."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str = Field(min_length=1)
    hi: str = Field(min_length=1)
    hinglish: str = Field(min_length=1)

    def of(self, language: Language) -> str:
        return {"hi": self.hi, "hinglish": self.hinglish}.get(language, self.en)


class HinglishWords(BaseModel):
    """Hindi in Latin letters, word by word, in small letters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sure: frozenset[str] = Field(min_length=1)
    also_english: frozenset[str] = Field(min_length=1)

    @field_validator("sure", "also_english", mode="before")
    @classmethod
    def _split(cls, words: object) -> object:
        return frozenset(words.split()) if isinstance(words, str) else words


class Phrases(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: dict[str, StageName]
    hinglish: HinglishWords
    phrases: dict[str, Wordings]

    @model_validator(mode="after")
    def _says_everything_and_nothing_else(self) -> "Phrases":
        if odd := sorted(KEYS ^ set(self.phrases)):
            raise ValueError(f"missing or unknown phrases: {', '.join(odd)}")
        for key, wordings in self.phrases.items():
            for language in LANGUAGES:
                for wording in wordings.of(language):
                    _check(key, language, wording)
        return self

    def say(self, key: str, language: Language, chance: random.Random | None = None, **fields: object) -> str:
        """One of the wordings of ``key``. ``fields`` fill the braces (see ``FIELDS``); others are ignored, and a
        ``stage`` (transcribe, generate, synthesize) is given its name. Raises KeyError for an unknown key and for a
        missing field."""
        wording = (chance or random).choice(self.phrases[key].of(language))
        if "stage" in fields and fields["stage"] in self.stages:
            fields["stage"] = self.stages[str(fields["stage"])].of(language)
        return _FIELD.sub(lambda field: str(fields[field[1]]), wording)

    def every_wording(self, key: str, language: Language) -> tuple[str, ...]:
        """All that ``say`` may say for a key whose only field is a stage, or that has none."""
        return tuple(
            dict.fromkeys(
                wording.replace("{stage}", stage.of(language))
                for wording in self.phrases[key].of(language)
                for stage in self.stages.values()
            )
        )


def _check(key: str, language: str, wording: str) -> None:
    if not wording.strip():
        raise ValueError(f"{key}, {language}: a wording is empty")
    if odd := set(_FIELD.findall(wording)) - FIELDS.get(key, frozenset()):
        raise ValueError(f"{key}, {language}: nothing is known to fill {{{', '.join(sorted(odd))}}} with")


def read_phrases(file: Path) -> Phrases:
    """Raises PhrasesError naming what is wrong in ``file``."""
    try:
        return Phrases.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise PhrasesError(f"{file.name} can't be read: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise PhrasesError(f"{file.name} is not TOML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
        raise PhrasesError(f"{file.name}: {wrong}") from None


@cache
def phrases() -> Phrases:
    """The phrases of this process. Raises PhrasesError."""
    return read_phrases(PHRASES_FILE)


# Which language somebody writes in.

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_DEVANAGARI = re.compile(r"[\u0900-\u097f]")

_HINGLISH_SHARE: Final = 1 / 3
"""An English sentence may name a Hindi word or two; from this share of words on it isn't English."""


def guess_language(text: str) -> Language | None:
    """The language of ``text``, or None when it has no words to tell by."""
    if _DEVANAGARI.search(text):
        return "hi"
    words = [word.lower() for word in _WORD.findall(text)]
    if not words:
        return None
    known = phrases().hinglish
    sure = sum(word in known.sure for word in words)
    likely = sum(word in known.also_english for word in words)
    is_hinglish = sure > 0 and (sure + likely / 2) / len(words) >= _HINGLISH_SHARE
    return "hinglish" if is_hinglish else "en"


def language_of_text(text: str) -> Language:
    """Devanagari is Hindi, Hindi in Latin letters is Hinglish, all else is taken for English."""
    return guess_language(text) or "en"
