"""One row of the tables of failover: what there is, and what is to come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.integration.failover_room import ANSWER, Engine, Peer
from workers.errors import EngineError
from workers.failover.ledger import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Times are bounds that no load of the machine moves: nothing comes earlier than it may, and what is waited for
    comes long before the next reason for it."""

    name: str
    peers: Mapping[str, Peer] = field(default_factory=dict)
    engines: Mapping[str, Engine] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    retries: int = 2
    longest_silence_seconds: float = 60.0

    answer: str = ANSWER
    by: tuple[str, ...] = ()
    """Who spoke, in order; empty: nobody could, NoEngine."""
    fails_after: bool = False
    """Words were spoken, then nobody could go on."""
    causes: tuple[str, ...] = ()
    """What the error says."""
    earliest_seconds: float = 0.0
    latest_seconds: float = 30.0
    """To the first words."""
    not_before_seconds: Mapping[str, float] = field(default_factory=dict)
    """When a provider was asked, at the earliest."""
    asked: Mapping[str, int] = field(default_factory=dict)
    """How often, exactly."""
    cancelled: tuple[str, ...] = ()
    """Whose connection was closed before the answer was whole."""
    counted: tuple[tuple[str, str], ...] = ()
    """What the ledger was told, and of whom."""
    not_counted: tuple[tuple[str, str], ...] = ()
    errors: Mapping[str, type[EngineError]] = field(default_factory=dict)
    """How each failed first."""
    told_to_wait_seconds: Mapping[str, float | None] = field(default_factory=dict)
