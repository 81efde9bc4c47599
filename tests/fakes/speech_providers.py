"""What providers of speech answer: samples, sound files in JSON, transcripts. ``tests.fakes.providers`` plays them."""

import base64
import io
import json
from typing import Any

import numpy as np
import soundfile

from config.providers import Access, HearProvider, Service, SpeakProvider
from tests.fakes.providers import Answer, ProviderServer, Raw
from workers.engines import Pcm

KEY = "sk-nobody-may-read-this"


def tone(seconds: float = 1.0, *, peak: float = 0.2, rate_hz: int = 48_000) -> Pcm:
    """A voice of sorts: a tone that swells and fades four times a second, with a little silence around it."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    voiced = peak * np.sin(2 * np.pi * 220 * times) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * times))
    silence = np.zeros(round(0.1 * rate_hz))
    return np.concatenate([silence, voiced, silence]).astype(np.float32)


def samples(pcm: Pcm) -> bytes:
    """As ElevenLabs sends them."""
    return (pcm * 32_767).astype("<i2").tobytes()


def streams(*bodies: bytes, **how: Any) -> Answer:
    """Samples in pieces; ``how`` may end the stream badly."""
    return Answer(**{"steps": tuple(Raw(body) for body in bodies), "content_type": "audio/pcm", **how})


def wav(pcm: Pcm, rate_hz: int = 48_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, pcm, rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def in_json(*files: bytes) -> Answer:
    """As Sarvam sends them."""
    return tells({"request_id": "1", "audios": [base64.b64encode(file).decode() for file in files]})


def tells(answer: Any, status: int = 200, **how: Any) -> Answer:
    return Answer(
        **{
            "steps": (Raw(json.dumps(answer).encode()),),
            "status": status,
            "content_type": "application/json",
            "framing": "length",
            **how,
        }
    )


def transcript(text: str, language: str = "English", *, logprob: float = -0.2, no_speech: float = 0.01) -> Answer:
    """As Groq sends it."""
    segment = {"id": 0, "text": text, "avg_logprob": logprob, "no_speech_prob": no_speech, "tokens": [1, 2, 3]}
    return tells({"task": "transcribe", "language": language, "duration": 1.0, "text": text, "segments": [segment]})


def row_of(dialect: str, **fields: Any) -> SpeakProvider:
    return SpeakProvider(
        **{
            "name": dialect,
            "base_url": "http://127.0.0.1",
            "dialect": dialect,
            "model": {"elevenlabs": "eleven_flash_v2_5", "sarvam": "bulbul:v3"}[dialect],
            "voice": "her",
            "expected_seconds": 0.5,
            **fields,
        }
    )


def ears(**fields: Any) -> HearProvider:
    return HearProvider(
        **{
            "name": "groq",
            "base_url": "http://127.0.0.1",
            "model": "whisper-large-v3-turbo",
            "expected_seconds": 0.5,
            **fields,
        }
    )


def access_to[Row: Service](server: ProviderServer, row: Row) -> Access[Row]:
    from pydantic import SecretStr

    return Access[Row](row=row, base_url=server.base_url, key=SecretStr(KEY))
