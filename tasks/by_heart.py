"""What a synthesize worker can say without an engine, and how it comes to know it. One per process."""

import hashlib
import re
from functools import cache
from typing import Final

from loguru import logger

from config.emergency import emergency, known_by_heart
from config.phrases import Language
from config.settings import Settings, load_settings
from tasks.cached_speech import CachedSpeech, cached_speech_folder
from tasks.engines import own_synthesizers
from tasks.rehearsal import Rehearsal, Speak
from tasks.workplace import Workplace
from workers.engines import Speech
from workers.errors import EngineError
from workers.language.sentences import SentenceCutter

ENGINE: Final = "cached"
"""Who spoke what was known by heart."""
READ_AS: Final[dict[Language, str]] = {"en": "en", "hi": "hi", "hinglish": "hi"}


def cut(text: str) -> list[str]:
    """As generate cuts it."""
    cutter = SentenceCutter()
    return [*cutter.feed(text), *cutter.finish()]


@cache
def cached_speech() -> CachedSpeech:
    """The recordings of this machine. Raises EmergencyError and PhrasesError."""
    return CachedSpeech(cached_speech_folder(load_settings()), [text for _, text in known_by_heart()], cut)


def start_rehearsal(place: Workplace) -> None:
    """Begin to speak ahead, in the background, with the first engine of this process: never with a provider, whose
    sound costs money and somebody else's patience."""
    settings = place.settings
    if not settings.cached_speech_mb:
        return
    voice, speak = _own_voice(settings)
    Rehearsal(
        place.redis,
        cached_speech(),
        {text: language for language, text in known_by_heart()},
        speak,
        voice,
        is_busy=lambda: place.presence.is_busy,
        most_bytes=int(settings.cached_speech_mb * 1_000_000),
    ).start()


def _own_voice(settings: Settings) -> tuple[str | None, Speak]:
    """Its name as a folder's, another one when other voices are set; None: no engine of this process speaks."""
    try:
        engine = own_synthesizers().first()
    except EngineError as error:
        logger.bind(stage="synthesize").info("Nothing is spoken ahead here: {}", error)
        return None, _silent
    chosen = hashlib.sha256(f"{settings.hibari_voice}\n{settings.piper_voice}".encode()).hexdigest()[:8]

    def speak(text: str, language: Language) -> Speech:
        return engine.synthesize(emergency().as_said_aloud(text), language=READ_AS[language])

    return f"{re.sub(r'[^a-z0-9.+-]+', '-', engine.name.lower())[:40]}-{chosen}", speak


def _silent(_text: str, _language: Language) -> Speech:
    raise EngineError(ENGINE, "no engine of this process speaks")
