"""Which code speaks to which provider of speech, and what a request costs."""

from collections.abc import Awaitable, Mapping
from typing import Final, Protocol

import httpx2 as httpx

from config.providers import Access, HearProvider, SpeakProvider
from workers.cloud.elevenlabs import ElevenLabs
from workers.cloud.sarvam import Sarvam
from workers.cloud.transcriptions import transcribe
from workers.cloud.voice import CloudVoice, VoiceDialect
from workers.engines import Pcm, Transcript


class Hear(Protocol):
    """One way of asking what was said. Belongs to the cloud's event loop. Raises EngineError."""

    def __call__(
        self, client: httpx.AsyncClient, access: Access[HearProvider], speech: Pcm, *, language: str | None = None
    ) -> Awaitable[Transcript]: ...


HEAR_DIALECTS: Final[Mapping[str, Hear]] = {"openai": transcribe}
SPEAK_DIALECTS: Final[Mapping[str, VoiceDialect]] = {"elevenlabs": ElevenLabs(), "sarvam": Sarvam()}


def hearing(access: Access[HearProvider]) -> Hear:
    """How this provider is asked what was said."""
    return HEAR_DIALECTS[access.row.dialect]


def voice(access: Access[SpeakProvider]) -> CloudVoice:
    """This provider's voice: one for the life of the process, because it learns how loud it is."""
    return CloudVoice(SPEAK_DIALECTS[access.row.dialect], access)


def usd_heard(row: HearProvider, seconds: float) -> float:
    """What hearing so much speech costs. Providers bill a least."""
    return row.usd_per_hour * max(seconds, row.least_billed_seconds) / 3_600


def usd_spoken(row: SpeakProvider, sentence: str) -> float:
    """What speaking ``sentence`` costs: providers bill by the character that they are sent."""
    return row.usd_per_million_characters * len(sentence) / 1_000_000
