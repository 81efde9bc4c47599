"""Sarvam: voices that grew up in India, in eleven of its languages. https://docs.sarvam.ai/api-reference-docs/text-to-speech/convert

Asked for whole sentences and not for a stream, which has 24 kHz at most; this way they come at Discord's own rate.
"""

import base64
import binascii
import io
import json
from collections.abc import Mapping
from typing import Any, Final

import httpx2 as httpx
import numpy as np

from config.providers import Access, SpeakProvider
from workers.cloud.voice import Line, Sound
from workers.cloud.whole import fetch, key_of
from workers.errors import EngineUnavailable

LONGEST_TEXT: Final = 2_000
"""Characters a request; it takes 2,500."""
MOST_SECONDS: Final = 240.0
"""Of speech in one answer: twice what so many characters take."""
LOWEST_RATE_HZ: Final = 8_000
HIGHEST_RATE_HZ: Final = 48_000
SLOWEST, QUICKEST = 0.5, 2.0
"""Paces that it takes."""
WITH_TEMPERATURE: Final = "bulbul:v3"
_UNKNOWN_BYTES: Final = 1 << 30
"""A file that says to be larger was written before its length was known."""
SCRIPTS: Final[Mapping[str, str]] = {
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "ORIYA": "od",
    "TAMIL": "ta",
    "TELUGU": "te",
}


class Sarvam:
    """VoiceDialect."""

    longest_text = LONGEST_TEXT
    scripts = SCRIPTS
    acts_loudness = False

    async def say(self, client: httpx.AsyncClient, access: Access[SpeakProvider], line: Line) -> Sound:
        row, key = access.row, key_of(access)
        request = client.build_request(
            "POST",
            f"{access.base_url}/text-to-speech",
            headers={"api-subscription-key": key, "accept-encoding": "identity"},
            json=body(row, line),
        )
        # Base64 takes four bytes for three, two a sample.
        most_bytes = round(MOST_SECONDS * row.rate_hz * 2 * 4 / 3)
        answer = await fetch(client, request, engine=row.name, most_bytes=most_bytes, hidden=(key, line.text))
        return sound(row.name, answer.body)


def body(row: SpeakProvider, line: Line) -> dict[str, Any]:
    asked = {
        "text": line.text,
        "target_language_code": f"{line.language}-IN",
        "model": row.model,
        "speaker": row.voice,
        "pace": min(QUICKEST, max(SLOWEST, line.knobs.rate)),
        "speech_sample_rate": row.rate_hz,
        "output_audio_codec": "wav",
    }
    if row.model.startswith(WITH_TEMPERATURE):
        asked["temperature"] = line.knobs.temperature
    return asked


def sound(engine: str, answer: bytes) -> Sound:
    """What lies in ``{"audios": ["<wav in base64>", ...]}``. Raises EngineUnavailable."""
    try:
        audios = json.loads(answer)["audios"]
        files = [base64.b64decode(audio, validate=True) for audio in audios]
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise EngineUnavailable(engine, f"an answer without sound ({type(error).__name__})") from error
    read = [_samples(engine, file) for file in files]
    if not read or len({sound.rate_hz for sound in read}) > 1:
        raise EngineUnavailable(engine, "an answer without sound")
    return Sound(np.concatenate([sound.pcm for sound in read]), read[0].rate_hz)


def _samples(engine: str, file: bytes) -> Sound:
    import soundfile

    promised = int.from_bytes(file[4:8], "little") + 8
    if file.startswith(b"RIFF") and len(file) < promised < _UNKNOWN_BYTES:
        raise EngineUnavailable(engine, "a sound that breaks off")
    try:
        with soundfile.SoundFile(io.BytesIO(file)) as opened:
            rate_hz, channels = opened.samplerate, opened.channels
            pcm = opened.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise EngineUnavailable(engine, f"a sound that can't be read ({error})") from error
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ or channels > 2 or not np.isfinite(pcm).all():
        raise EngineUnavailable(engine, f"a sound of {channels} channels at {rate_hz} Hz")
    return Sound(pcm.mean(axis=1, dtype=np.float32), rate_hz)
