"""Which code speaks to which provider of speech, and what a request costs.

Dotted paths: voices bring libraries of sound with them, which only a machine that speaks has.
"""

from collections.abc import Awaitable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

import httpx2 as httpx

from config.providers import Access, HearProvider, SpeakProvider
from workers.engines import Pcm, Transcript

if TYPE_CHECKING:
    from workers.cloud.voice import CloudVoice, VoiceDialect


class Hear(Protocol):
    """One way of asking what was said. Belongs to the cloud's event loop. Raises EngineError."""

    def __call__(
        self, client: httpx.AsyncClient, access: Access[HearProvider], speech: Pcm, *, language: str | None = None
    ) -> Awaitable[Transcript]: ...


HEAR_DIALECTS: Final[Mapping[str, str]] = {"openai": "workers.cloud.transcriptions:transcribe"}
SPEAK_DIALECTS: Final[Mapping[str, str]] = {
    "elevenlabs": "workers.cloud.elevenlabs:ElevenLabs",
    "sarvam": "workers.cloud.sarvam:Sarvam",
}


def hearing(access: Access[HearProvider]) -> Hear:
    """How this provider is asked what was said."""
    hear: Hear = _named(HEAR_DIALECTS[access.row.dialect])
    return hear


def voice(access: Access[SpeakProvider]) -> "CloudVoice":
    """This provider's voice: one for the life of the process, because it learns how loud it is."""
    from workers.cloud.voice import CloudVoice

    dialect: VoiceDialect = _named(SPEAK_DIALECTS[access.row.dialect])()
    return CloudVoice(dialect, access)


def _named(path: str) -> Any:  # noqa: ANN401 - whatever the path names
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def usd_heard(row: HearProvider, seconds: float) -> float:
    """What hearing so much speech costs. Providers bill a least."""
    return row.usd_per_hour * max(seconds, row.least_billed_seconds) / 3_600


def usd_spoken(row: SpeakProvider, sentence: str) -> float:
    """What speaking ``sentence`` costs: providers bill by the character that they are sent."""
    return row.usd_per_million_characters * len(sentence) / 1_000_000
