"""ElevenLabs: raw samples, streamed at Discord's own rate. https://elevenlabs.io/docs/api-reference/text-to-speech/stream

The stream saves the provider's encoding and its packing; here it is awaited to its end, because a sentence that breaks
off in the middle can't be mended by another voice.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import httpx2 as httpx
import numpy as np

from config.providers import Access, SpeakProvider
from workers.cloud.failures import CREDIT_REST_SECONDS
from workers.cloud.voice import Line, Sound
from workers.cloud.whole import fetch, key_of
from workers.errors import EngineBusy, EngineError, EngineMisconfigured, EngineUnavailable
from workers.text_to_speech.expression import Knobs

LONGEST_TEXT: Final = 2_000
"""Characters a request: two minutes of speech. Every model takes more than that."""
MOST_SECONDS: Final = 240.0
"""Of speech in one answer: twice what so many characters take."""
SCRIPTS: Final[Mapping[str, str]] = {
    "DEVANAGARI": "hi",
    "TAMIL": "ta",
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "GREEK": "el",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
}
"""Of the languages of ``eleven_flash_v2_5``, those that are not written in Latin letters."""
DIRECTED_MODELS: Final = ("eleven_v3", "eleven_v4")
"""These act what stands in brackets; the others would read it out."""
SIMILARITY: Final = 0.75
"""To the recorded voice: its default."""
SLOWEST, QUICKEST = 0.7, 1.2
"""Speeds that it takes."""
_NO_SAMPLES: Final = (b"ID3", b"RIFF", b"OggS", b"fLaC", b'{"', b"<!", b"<h")
"""How files and pages begin. As samples these would be a loud click, with which no speech begins."""
_SAMPLE_BYTES: Final = 2


class ElevenLabs:
    """VoiceDialect."""

    longest_text = LONGEST_TEXT
    scripts = SCRIPTS
    acts_loudness = True

    async def say(self, client: httpx.AsyncClient, access: Access[SpeakProvider], line: Line) -> Sound:
        row, key = access.row, key_of(access)
        most_bytes = round(MOST_SECONDS * row.rate_hz) * _SAMPLE_BYTES
        request = client.build_request(
            "POST",
            f"{access.base_url}/text-to-speech/{quote(row.voice, safe='')}/stream",
            params={"output_format": f"pcm_{row.rate_hz}"},
            headers={"xi-api-key": key, "accept-encoding": "identity"},
            json=body(row, line),
        )
        answer = await fetch(
            client,
            request,
            engine=row.name,
            most_bytes=most_bytes,
            hidden=(key, line.text),
            explain=partial(explain, row.name),
        )
        if answer.content_type.startswith(("application/json", "text/")) or answer.body.startswith(_NO_SAMPLES):
            raise EngineUnavailable(row.name, f"sent {answer.content_type or 'something else'} in place of samples")
        if len(answer.body) % _SAMPLE_BYTES:
            raise EngineUnavailable(row.name, "the sound broke off in the middle of a sample")
        samples = np.frombuffer(answer.body, "<i2").astype(np.float32) / np.float32(32_768)
        return Sound(samples, row.rate_hz)


def body(row: SpeakProvider, line: Line) -> dict[str, Any]:
    """The request. A language is only named to models that take one; the others hear it from the words. In her everyday
    voice she speaks with the settings that belong to the voice itself."""
    takes_tags = row.model.startswith(DIRECTED_MODELS)
    knobs = line.knobs
    asked: dict[str, Any] = {"text": line.text, "model_id": row.model}
    if not row.model.startswith(("eleven_multilingual", "eleven_monolingual")):
        asked["language_code"] = line.language
    if knobs.tag and takes_tags:
        asked["text"] = f"[{knobs.tag}] {line.text}"
    if knobs != Knobs(tag=knobs.tag):
        asked["voice_settings"] = {
            # Models that take directions know three kinds of delivery: creative, natural and robust.
            "stability": round(2 * knobs.stability) / 2 if takes_tags else knobs.stability,
            "similarity_boost": SIMILARITY,
            "style": knobs.style,
            "speed": min(QUICKEST, max(SLOWEST, knobs.rate)),
        }
    return asked


def explain(engine: str, status: int, answer: bytes) -> EngineError | None:
    """401 is a wrong key as well as a used-up month here, and 400 a voice that isn't there as well as a bad day: what
    it means stands in the body."""
    reason = _reason(answer)
    said = f"{status} {reason}"
    match reason:
        case "quota_exceeded":
            return EngineBusy(engine, said, CREDIT_REST_SECONDS)
        case "too_many_concurrent_requests" | "system_busy" | "concurrent_limit_exceeded":
            return EngineBusy(engine, said)
        case "voice_not_found" | "invalid_voice_id" | "output_format_not_allowed" | "subscription_required":
            return EngineMisconfigured(engine, said)
    return EngineMisconfigured(engine, f"{said}: not in this plan") if status == httpx.codes.PAYMENT_REQUIRED else None


def _reason(answer: bytes) -> str:
    """``{"detail": {"status": "quota_exceeded", ...}}``, and newer ``{"detail": {"code": ...}}``."""
    try:
        detail = json.loads(answer)["detail"]
    except (ValueError, KeyError, TypeError):
        return ""
    if not isinstance(detail, dict):
        return ""
    return next((value for key in ("status", "code") if isinstance(value := detail.get(key), str)), "")
