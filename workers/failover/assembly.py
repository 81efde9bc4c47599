"""Put each stage's roster together: engines of this process and providers, in the order that the settings name."""

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from config.providers import Access, Service, accessible, environment, providers_of
from config.settings import Settings
from workers.cloud.dialects import dialect_of
from workers.cloud.loop import CloudLoop
from workers.cloud.speech import hearing, voice
from workers.engines import ChatModel, Conversation, Delta, Speech, Synthesizer, Transcriber, Transcript
from workers.errors import EngineMisconfigured
from workers.failover.asking import ChatAsking, HearAsking, SpeakAsking
from workers.failover.chat import has_words
from workers.failover.cloud import Asking, CloudContender, Terms
from workers.failover.ledger import Ledger
from workers.failover.local import LocalContender
from workers.failover.one_shot import ToHear, ToSay
from workers.failover.probing import Probeable, Prober
from workers.failover.roster import Roster, Tier
from workers.lineup import Lineup
from workers.registry import PROVIDERS, Stage, in_order

PATIENCE_SECONDS: Final[Mapping[Stage, float]] = {"transcribe": 5.0, "generate": 2.5, "synthesize": 4.0}
"""That an engine of this process gets before providers are asked too, until its own pace is known."""


class SharedLedger(Ledger, Probeable, Protocol):
    """A ledger that is told whom it is about."""

    def announce(
        self,
        accesses: Sequence[Access[Any]],
        engines: Sequence[str] = (),
        without_key: int = 0,
        own: Ledger | None = None,
    ) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Backing:
    """What the rosters of a process stand on."""

    settings: Settings
    own: Ledger
    """Of the engines in this process."""
    shared: SharedLedger
    """Of providers, with all workers."""
    loop: CloudLoop


def names_of(stage: Stage, settings: Settings) -> tuple[str, ...]:
    """All that the settings name for a stage, in order."""
    match stage:
        case "transcribe":
            return in_order(stage, settings.transcribe_engines)
        case "generate":
            return in_order(stage, settings.language_engines)
        case "synthesize":
            return in_order(stage, settings.synthesize_engines)


def rows_of(stage: Stage, settings: Settings) -> tuple[Service, ...]:
    """The providers of a stage, with or without a key. Raises ProvidersError."""
    known = providers_of(settings)
    return {"transcribe": known.hear, "generate": known.chat, "synthesize": known.speak}[stage]


def own_engines(stage: Stage, settings: Settings) -> tuple[str, ...]:
    """The engines of this process among those that the settings name. Raises ProvidersError."""
    not_ours = {PROVIDERS, *(row.name for row in rows_of(stage, settings))}
    return tuple(name for name in names_of(stage, settings) if name not in not_ours)


def reachable[Row: Service](stage: Stage, rows: tuple[Row, ...], settings: Settings) -> tuple[Access[Row], ...]:
    """The providers that can be asked and that the settings want. Raises EngineMisconfigured for one that they name
    and whose key is not set."""
    wanted = names_of(stage, settings)
    found = accessible(rows, environment())
    for row in rows:
        if row.name in wanted and row.name not in {access.row.name for access in found}:
            raise EngineMisconfigured(row.name, f"is named as an engine, but {' or '.join(row.key_env)} is not set")
    return tuple(access for access in found if PROVIDERS in wanted or access.row.name in wanted)


def chat_roster(lineup: Lineup[ChatModel], backing: Backing) -> Roster[Conversation, Delta]:
    """Raises EngineMisconfigured and ProvidersError."""

    def local(name: str) -> LocalContender[Conversation, Delta]:
        def work(conversation: Conversation) -> Generator[Delta]:
            yield from lineup.engine(name).reply(conversation)

        return LocalContender(name, work, backing.own, is_usable=has_words, patience=PATIENCE_SECONDS["generate"])

    accesses = reachable("generate", providers_of(backing.settings).chat, backing.settings)
    askings = [ChatAsking(access, dialect_of(access.row.dialect), backing.loop) for access in accesses]
    clouds = [_contender(asking, backing, has_words) for asking in askings]
    return _roster("generate", lineup.candidates(), local, clouds, backing)


def hear_roster(lineup: Lineup[Transcriber], backing: Backing) -> Roster[ToHear, Transcript]:
    """Raises EngineMisconfigured and ProvidersError."""

    def local(name: str) -> LocalContender[ToHear, Transcript]:
        one_at_a_time = threading.Lock()  # one that was too slow may still be at work

        def work(asked: ToHear) -> Generator[Transcript]:
            with one_at_a_time:
                engine = lineup.engine(name)
                yield replace(engine.transcribe(asked.speech, language=asked.language), engine=engine.name)

        return LocalContender(name, work, backing.own, is_usable=_anything, patience=PATIENCE_SECONDS["transcribe"])

    accesses = reachable("transcribe", providers_of(backing.settings).hear, backing.settings)
    clouds = [_contender(HearAsking(access, hearing(access), backing.loop), backing, _anything) for access in accesses]
    return _roster("transcribe", lineup.candidates(), local, clouds, backing)


def speak_roster(lineup: Lineup[Synthesizer], backing: Backing) -> Roster[ToSay, Speech]:
    """Raises EngineMisconfigured and ProvidersError."""

    def local(name: str) -> LocalContender[ToSay, Speech]:
        def work(asked: ToSay) -> Generator[Speech]:
            engine = lineup.engine(name)
            speech = engine.synthesize(asked.sentence, language=asked.language, emotion=asked.emotion)
            yield replace(speech, engine=engine.name)

        return LocalContender(name, work, backing.own, is_usable=_anything, patience=PATIENCE_SECONDS["synthesize"])

    accesses = reachable("synthesize", providers_of(backing.settings).speak, backing.settings)
    askings = [SpeakAsking(access, voice(access), backing.loop) for access in accesses]
    clouds = [_contender(asking, backing, _anything) for asking in askings]
    return _roster("synthesize", lineup.candidates(), local, clouds, backing)


def watch_over[Request, Item](stage: Stage, roster: Roster[Request, Item], backing: Backing) -> Prober:
    """Tell the ledger who is there, and begin to try those that rest. Stop what is returned at the end."""
    providers = {provider.name: provider for provider in roster.providers}
    accesses = [provider.access for provider in providers.values()]
    variables = environment()
    keyless = sum(not accessible((row,), variables) for row in rows_of(stage, backing.settings))
    backing.shared.announce(accesses, own_engines(stage, backing.settings), keyless, backing.own)
    prober = Prober(backing.shared, lambda name: providers[name].probe(), tuple(providers))
    prober.start()
    if providers:
        backing.loop.warm_up()
    return prober


def _anything(_: object) -> bool:
    return True


def _contender[Request, Item](
    asking: Asking[Request, Item], backing: Backing, is_usable: Callable[[Item], bool]
) -> CloudContender[Request, Item]:
    return CloudContender(Terms(asking, backing.shared, backing.loop, is_usable, backing.settings.model_retries))


def _roster[Request, Item](
    stage: Stage,
    candidates: Sequence[str],
    local: Callable[[str], LocalContender[Request, Item]],
    clouds: Sequence[CloudContender[Request, Item]],
    backing: Backing,
) -> Roster[Request, Item]:
    """A tier for each name; what could serve besides stands behind the last engine of this process."""
    by_name = {cloud.name: cloud for cloud in clouds}
    names = names_of(stage, backing.settings)
    own = own_engines(stage, backing.settings)
    tiers: list[Tier[Request, Item]] = []
    for name in names:
        if name == PROVIDERS:
            tiers.append(Tier(tuple(cloud for cloud in clouds if cloud.name not in names), backing.shared))
        elif name in by_name:
            tiers.append(Tier((by_name[name],), backing.shared))
        else:
            more = candidates[len(own) :] if name == own[-1] else ()
            tiers += [Tier((local(each),), backing.own) for each in (name, *more)]
    return Roster(tuple(tier for tier in tiers if tier.contenders))
