"""What a worker process owns: its connections, its engines, and who it is. One per process."""

from dataclasses import dataclass
from functools import cache

from redis import Redis

from config.settings import Settings, load_settings
from tasks.cancellation import CancelledTurns
from tasks.connections import connect
from tasks.messages import StageName
from tasks.presence import Offer, Presence
from tasks.replies import Replies
from workers.engines import ChatModel, Synthesizer, Transcriber
from workers.lineup import Lineup
from workers.text_to_speech.voices import Voices

HANGING_AFTER_DEADLINE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Workplace:
    settings: Settings
    redis: Redis
    replies: Replies
    cancelled: CancelledTurns
    presence: Presence


def open_workplace(settings: Settings, stage: StageName) -> Workplace:
    """Connect, start listening for cancellations and start saying that this worker is alive."""
    redis = connect(settings.broker_url)
    presence = Presence(redis, stage, longest_task_seconds=settings.request_timeout + HANGING_AFTER_DEADLINE_SECONDS)
    cancelled = CancelledTurns(redis)
    cancelled.__enter__()
    presence.start()
    return Workplace(settings, redis, Replies(redis), cancelled, presence)


_open: dict[StageName, Workplace] = {}


def workplace(stage: StageName) -> Workplace:
    """This process's workplace. ``python -m tasks.worker`` opens it before the first task; ``celery worker`` may
    be started without it, and then the first task does."""
    if stage not in _open:
        _open[stage] = open_workplace(load_settings(), stage)
    return _open[stage]


@cache
def transcribers() -> Lineup[Transcriber]:
    settings = load_settings()
    return Lineup("transcribe", settings.transcribe_engines, settings)


@cache
def chat_models() -> Lineup[ChatModel]:
    settings = load_settings()
    return Lineup("generate", settings.language_engines, settings)


@cache
def synthesizers() -> Lineup[Synthesizer]:
    settings = load_settings()
    return Lineup("synthesize", settings.synthesize_engines, settings)


@cache
def voices() -> Voices:
    return Voices(synthesizers(), load_settings())


def offer(stage: StageName) -> Offer:
    """What this process could do, asked when its engines are loaded: its engines' names, and its voices'."""
    match stage:
        case "transcribe":
            return Offer(transcribers().names)
        case "generate":
            return Offer(chat_models().names)
        case "synthesize":
            return Offer(synthesizers().names, voices().names())
        case "upkeep":
            return Offer()


def load_engines(stage: StageName) -> str:
    """Load and warm up this stage's first engine and return its name. Raises NoEngine or UnknownEngine."""
    match stage:
        case "transcribe":
            return transcribers().first().name
        case "generate":
            return chat_models().first().name
        case "synthesize":
            return synthesizers().first().name
        case "upkeep":
            return "none"
