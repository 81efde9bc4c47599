"""The engines that a worker process has: its own, loaded on demand, and the providers behind them. One set a process.

Upkeep has none, and never imports this.
"""

from functools import cache
from typing import Any, Final

from loguru import logger

from config.settings import load_settings
from tasks.connections import connect_briefly
from tasks.ledger import RedisLedger
from tasks.presence import Offer
from workers.cloud.loop import CloudLoop
from workers.engines import ChatModel, Conversation, Delta, ReadsAhead, Speech, Synthesizer, Transcriber, Transcript
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


def read_ahead(conversation: Conversation, engine: str) -> None:
    """Let ``engine``, which has just answered, read what the next turn's prompt will begin with: five tokens are 30 ms
    of a turn on slow cores, and now nobody waits for them. Never raises: that turn is over and told."""
    model: object = next((model for model in own_chat_models().loaded() if model.name == engine), None)
    if not isinstance(model, ReadsAhead):
        return
    try:
        model.read_ahead(conversation)
    except Exception as error:  # noqa: BLE001
        logger.bind(model=engine, success=False).critical("A bug while reading ahead: {}", type(error).__name__)


@cache
def synthesizer() -> FailoverSynthesizer:
    return FailoverSynthesizer(speaking())


@cache
def voices() -> Voices:
    return Voices(own_synthesizers(), load_settings())


class StageEngines:
    """All engines of one stage, for the worker that has them."""

    def __init__(self, stage: Stage) -> None:
        self._stage: Final = stage

    def load(self) -> str:
        """Load and warm up the first engine and return its name. Providers serve where there is none.

        Raises UnknownEngine, ProvidersError, EngineMisconfigured, and NoEngine when nobody could ever answer;
        LibopusMissing where sound can't be encoded."""
        match self._stage:
            case "transcribe":
                return _first(own_transcribers(), hearing())
            case "generate":
                return _first(own_chat_models(), thinking())
            case "synthesize":
                from workers.text_to_speech.packets import encode_once  # only here is what it needs installed

                encode_once()
                return _first(own_synthesizers(), speaking())

    def offer(self) -> Offer:
        """What this process could do, asked when its engines are loaded: its engines' names, and its voices'."""
        match self._stage:
            case "transcribe":
                return Offer((*own_transcribers().names, *present(hearing())))
            case "generate":
                return Offer((*own_chat_models().names, *present(thinking())))
            case "synthesize":
                providers = present(speaking())
                return Offer((*own_synthesizers().names, *providers), (*voices().names(), *providers))

    def watch_over(self) -> None:
        """Say who could serve here, and try those that rest, as long as this process lives."""
        match self._stage:
            case "transcribe":
                watch_over(self._stage, hearing(), backing(self._stage))
            case "generate":
                watch_over(self._stage, thinking(), backing(self._stage))
            case "synthesize":
                watch_over(self._stage, speaking(), backing(self._stage))

    def leave(self) -> None:
        """At the end of the process: what is known of engines is written down, connections are closed."""
        here = backing(self._stage)
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
