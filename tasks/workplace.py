"""What a worker process owns: its connections, its engines, and who it is. One per process."""

from dataclasses import dataclass
from functools import cache
from typing import Any

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
from workers.engines import ChatModel, Conversation, Delta, Speech, Synthesizer, Transcriber, Transcript
from workers.errors import EngineError
from workers.failover.assembly import Backing, chat_roster, hear_roster, own_engines, speak_roster, watch_over
from workers.failover.chat import FailoverChat
from workers.failover.cloud import CloudContender
from workers.failover.emergency import EmergencyChat
from workers.failover.limits import LongestCall
from workers.failover.memory_ledger import MemoryLedger
from workers.failover.one_shot import FailoverSynthesizer, FailoverTranscriber, ToHear, ToSay
from workers.failover.roster import Roster
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
    shared = RedisLedger(
        connect_briefly(settings.broker_url),
        stage,
        daily_spend_usd=settings.daily_spend_usd,
        longest_call=LongestCall(answer_tokens=settings.max_tokens),
    )
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
def hearing() -> Roster[ToHear, Transcript]:
    return hear_roster(own_transcribers(), backing("transcribe"))


@cache
def thinking() -> Roster[Conversation, Delta]:
    return chat_roster(own_chat_models(), backing("generate"))


@cache
def speaking() -> Roster[ToSay, Speech]:
    return speak_roster(own_synthesizers(), backing("synthesize"))


@cache
def transcriber() -> FailoverTranscriber:
    return FailoverTranscriber(hearing())


@cache
def chat_model() -> FailoverChat:
    return FailoverChat(thinking(), EmergencyChat())


@cache
def synthesizer() -> FailoverSynthesizer:
    return FailoverSynthesizer(speaking())


@cache
def voices() -> Voices:
    return Voices(own_synthesizers(), load_settings())


def offer(stage: StageName) -> Offer:
    """What this process could do, asked when its engines are loaded: its engines' names, and its voices'."""
    match stage:
        case "transcribe":
            return Offer((*own_transcribers().names, *present(hearing())))
        case "generate":
            return Offer((*own_chat_models().names, *present(thinking())))
        case "synthesize":
            providers = present(speaking())
            return Offer((*own_synthesizers().names, *providers), (*voices().names(), *providers))
        case "upkeep":
            return Offer()


def load_engines(stage: StageName) -> str:
    """Load and warm up this stage's first engine and return its name. Providers serve where there is none.

    Raises UnknownEngine, ProvidersError, EngineMisconfigured, and NoEngine when nobody could ever answer."""
    match stage:
        case "transcribe":
            return _first(own_transcribers(), hearing())
        case "generate":
            return _first(own_chat_models(), thinking())
        case "synthesize":
            return _first(own_synthesizers(), speaking())
        case "upkeep":
            return "none"


def watch_over_engines(stage: StageName) -> None:
    """Say who could serve here, and try those that rest, as long as this process lives."""
    match stage:
        case "transcribe":
            watch_over(stage, hearing(), backing(stage))
        case "generate":
            watch_over(stage, thinking(), backing(stage))
        case "synthesize":
            watch_over(stage, speaking(), backing(stage))
        case "upkeep":
            pass


def leave_engines(stage: StageName) -> None:
    """At the end of the process: what is known of engines is written down, connections are closed."""
    if stage != "upkeep":
        here = backing(stage)
        here.shared.close()
        here.loop.close()


def _first[Engine: (Transcriber, ChatModel, Synthesizer)](lineup: Lineup[Engine], roster: Roster[Any, Any]) -> str:
    try:
        return lineup.first().name
    except NoEngine as error:
        providers = present(roster)
        if not providers:
            raise
        logger.bind(success=False).warning("Only providers can serve: {}", error)
        return providers[0]


def present(roster: Roster[Any, Any]) -> tuple[str, ...]:
    """The providers that there are: those with a key, and of those on this machine the ones that run."""
    return tuple(provider.name for provider in roster.providers if provider.is_cloud or _runs(provider))


def _runs(provider: CloudContender[Any, Any]) -> bool:
    try:
        provider.probe()
    except EngineError:
        return False
    return True
