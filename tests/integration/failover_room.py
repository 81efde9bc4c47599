"""Failover with scripted engines and scripted providers behind real sockets: a situation is laid out, one turn is
played, and what came of it can be asked."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from config.providers import Access, ChatProvider
from tests.fakes.chat_models import Pause, ScriptedChatModel
from tests.fakes.providers import Exchange, ProviderServer, Script, ServerThread, says
from tests.fakes.providers.script import Answer
from tests.fakes.providers.wire import Dialect
from tests.fakes.recording_ledger import RecordingLedger
from workers.cloud.dialects import dialect_of
from workers.cloud.loop import CloudLoop
from workers.engines import ChatMessage, Conversation, Delta
from workers.errors import EngineError
from workers.failover.asking import ChatAsking
from workers.failover.chat import FailoverChat, has_words
from workers.failover.cloud import CloudContender, Terms
from workers.failover.ledger import Ledger, Record
from workers.failover.local import LocalContender
from workers.failover.roster import Roster, Tier

ANSWER = "My day was long and good. I met Asha at the market. We ate too many mangoes."
QUESTION = "How was your day?"
KEY = "sk-of-a-test"
UNIT_SECONDS = 0.05
PATIENT_SECONDS = 60.0
"""Expected times of those who are not to be overtaken, however loaded the machine is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A provider of a situation. ``is_up`` False: its port refuses."""

    script: Script = field(default_factory=lambda: says(ANSWER))
    expected_seconds: float = PATIENT_SECONDS
    dialect: Dialect = "openai"
    models: tuple[str, ...] | None = None
    models_answer: Answer | None = None
    key: str | None = None
    is_up: bool = True
    is_local: bool = False
    row: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine of this process, as ScriptedChatModel is scripted."""

    script: tuple[str | Pause | EngineError, ...]
    patience_seconds: float = PATIENT_SECONDS


@dataclass(slots=True)
class Outcome:
    """What the asker got."""

    text: str = ""
    by: tuple[str, ...] = ()
    """Who spoke, in order."""
    gaps: tuple[float, ...] = ()
    """How long it was silent, in seconds, each time that another one went on."""
    error: EngineError | None = None
    asked_at: float = 0.0
    """By the monotonic clock, in seconds."""
    first_words_after: float | None = None
    """Seconds."""
    spoke_at: float = 0.0


class FailoverRoom:
    """Opens servers for ``peers``, in the order of their priority, behind ``engines``. ``close`` ends what it began."""

    def __init__(
        self,
        servers: ServerThread,
        peers: Mapping[str, Peer],
        engines: Mapping[str, Engine] | None = None,
        *,
        records: Mapping[str, Record] | None = None,
        refusals: Mapping[str, str] | None = None,
        retries: int = 2,
        ledger: Ledger | None = None,
    ) -> None:
        """``ledger`` keeps what is counted in place of the one that only remembers it."""
        self._threads = servers
        self.ledger = RecordingLedger(records, refusals)
        keeper = ledger or self.ledger
        self.loop = CloudLoop()
        self.servers = {name: self._server(peer) for name, peer in peers.items()}
        self.models = {name: ScriptedChatModel(*engine.script, name=name) for name, engine in (engines or {}).items()}
        local = tuple(
            LocalContender(
                name, model.reply, keeper, is_usable=has_words, patience=(engines or {})[name].patience_seconds
            )
            for name, model in self.models.items()
        )
        clouds = tuple(
            self._contender(name, peer, priority, keeper, retries)
            for priority, (name, peer) in enumerate(peers.items())
        )
        self.chat = FailoverChat(Roster((Tier(local, keeper), Tier(clouds, keeper))))
        self.began_at = 0.0

    def ask(self, conversation: Conversation | None = None) -> Outcome:
        """One turn, to its end."""
        outcome = Outcome(asked_at=time.monotonic())
        self.began_at = outcome.asked_at
        try:
            with closing(self.chat.reply(conversation or asking(QUESTION))) as deltas:
                for delta in deltas:
                    self._hear(outcome, delta)
        except EngineError as error:
            outcome.error = error
        return outcome

    @staticmethod
    def _hear(outcome: Outcome, delta: Delta) -> None:
        outcome.text += delta.text
        if not has_words(delta):
            return
        now = time.monotonic()
        if outcome.first_words_after is None:
            outcome.first_words_after = now - outcome.asked_at
        elif delta.engine and outcome.by[-1:] != (delta.engine,):
            outcome.gaps += (now - outcome.spoke_at,)
        if delta.engine and outcome.by[-1:] != (delta.engine,):
            outcome.by += (delta.engine,)
        outcome.spoke_at = now

    def asked_after(self, name: str) -> float:
        """Seconds from the turn's beginning until the provider had read its request."""
        return self.servers[name].requests[0].at - self.began_at

    def exchanges(self, name: str) -> list[Exchange]:
        return self.servers[name].requests

    def close(self) -> None:
        self.loop.close()

    def _server(self, peer: Peer) -> ProviderServer:
        server = self._threads.open(
            peer.script,
            dialect=peer.dialect,
            models=peer.models,
            models_answer=peer.models_answer,
            key=peer.key,
            unit_seconds=UNIT_SECONDS,
        )
        if not peer.is_up:
            self._threads.die(server)
        return server

    def _contender(
        self, name: str, peer: Peer, priority: int, ledger: Ledger, retries: int
    ) -> CloudContender[Conversation, Delta]:
        row = ChatProvider.model_validate(
            {
                "name": name,
                "base_url": self.servers[name].base_url,
                "dialect": peer.dialect,
                "model": "small-8b",
                "expected_seconds": peer.expected_seconds,
                "priority": priority,
                "is_local": peer.is_local,
                **peer.row,
            }
        )
        access = Access[ChatProvider](row=row, base_url=row.base_url, key=SecretStr(KEY))
        return contender_of(access, ledger, self.loop, retries)


def contender_of(
    access: Access[ChatProvider], ledger: Ledger, loop: CloudLoop, retries: int = 0
) -> CloudContender[Conversation, Delta]:
    """A provider as the product asks it."""
    asking_it = ChatAsking(access, dialect_of(access.row.dialect), loop)
    return CloudContender(Terms(asking_it, ledger, loop, has_words, retries))


def asking(text: str) -> Conversation:
    """A conversation that begins."""
    return Conversation("talk", (ChatMessage("system", "You are Priya."), ChatMessage("user", text)))
