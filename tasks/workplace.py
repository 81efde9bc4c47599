"""What a worker process owns: its connections, its engines, and who it is. One per process."""

from dataclasses import dataclass
from functools import cache

from loguru import logger
from redis import Redis

from config.settings import Settings, load_settings
from tasks.cancellation import CancelledTurns
from tasks.connections import connect, connect_briefly
from tasks.ledger import RedisLedger
from tasks.messages import StageName
from tasks.presence import Offer, Presence
from tasks.replies import Replies
from workers.cloud.loop import CloudLoop
from workers.engines import ChatModel, Synthesizer, Transcriber
from workers.failover.assembly import Backing, chat_roster, hear_roster, own_engines, speak_roster
from workers.failover.chat import FailoverChat
from workers.failover.emergency import EmergencyChat
from workers.failover.memory_ledger import MemoryLedger
from workers.failover.one_shot import FailoverSynthesizer, FailoverTranscriber
from workers.lineup import Lineup, NoEngine
from workers.registry import Stage
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
def backing(stage: Stage) -> Backing:
    """What is known of a stage's engines, and the way to its providers. Connects nowhere by itself."""
    settings = load_settings()
    shared = RedisLedger(connect_briefly(settings.broker_url), stage, daily_spend_usd=settings.daily_spend_usd)
    return Backing(settings, MemoryLedger(), shared, CloudLoop())


def _lineup[Engine](stage: Stage) -> Lineup[Engine]:
    settings = load_settings()
    return Lineup(stage, own_engines(stage, settings), settings)


@cache
def own_transcribers() -> Lineup[Transcriber]:
    return _lineup("transcribe")


@cache
def own_chat_models() -> Lineup[ChatModel]:
    return _lineup("generate")


@cache
def own_synthesizers() -> Lineup[Synthesizer]:
    return _lineup("synthesize")


@cache
def transcriber() -> FailoverTranscriber:
    return FailoverTranscriber(hear_roster(own_transcribers(), backing("transcribe")))


@cache
def chat_model() -> FailoverChat:
    return FailoverChat(chat_roster(own_chat_models(), backing("generate")), EmergencyChat())


@cache
def synthesizer() -> FailoverSynthesizer:
    return FailoverSynthesizer(speak_roster(own_synthesizers(), backing("synthesize")))


@cache
def voices() -> Voices:
    return Voices(own_synthesizers(), load_settings())


def offer(stage: StageName) -> Offer:
    """What this process could do, asked when its engines are loaded: its engines' names, and its voices'."""
    match stage:
        case "transcribe":
            return Offer((*own_transcribers().names, *transcriber().providers))
        case "generate":
            return Offer((*own_chat_models().names, *chat_model().providers))
        case "synthesize":
            return Offer((*own_synthesizers().names, *synthesizer().providers), voices().names())
        case "upkeep":
            return Offer()


def load_engines(stage: StageName) -> str:
    """Load and warm up this stage's first engine and return its name. Providers serve where there is none.

    Raises UnknownEngine, ProvidersError, EngineMisconfigured, and NoEngine when nobody could ever answer."""
    match stage:
        case "transcribe":
            return _first(own_transcribers(), transcriber().providers)
        case "generate":
            return _first(own_chat_models(), chat_model().providers)
        case "synthesize":
            return _first(own_synthesizers(), synthesizer().providers)
        case "upkeep":
            return "none"


def _first[Engine: (Transcriber, ChatModel, Synthesizer)](lineup: Lineup[Engine], providers: tuple[str, ...]) -> str:
    try:
        return lineup.first().name
    except NoEngine as error:
        if not providers:
            raise
        logger.bind(success=False).warning("Only providers can serve: {}", error)
        return providers[0]
