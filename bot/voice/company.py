"""What every voice room of this process works with."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from bot.active import ActiveTurns
from bot.by_heart import NoRecordings, Recordings
from bot.foggy_head import FoggyHead
from bot.preferences import Preferences
from bot.turns import Turns
from bot.voice.hearing import Hearing
from bot.voice.smart_turn import TurnJudge
from bot.voice.vad import SileroVad

PATIENCE_SECONDS: Final = 1.5
"""She goes on when what was said over her isn't known by then; if it was for her, it ends her answer later."""


class Agreed(Protocol):
    """Who may be heard: ``Consent``."""

    def has_agreed(self, user_id: int) -> bool:
        """Any thread; quick."""
        ...


def silero_hearing() -> Hearing:
    return Hearing(SileroVad(), is_told=True)


@dataclass(frozen=True, slots=True)
class Company:
    """What every room of this process works with."""

    turns: Turns
    consent: Agreed
    preferences: Preferences
    active: ActiveTurns
    judge: TurnJudge | None = None
    hearing: Callable[[], Hearing] = silero_hearing
    """Ears for one more speaker."""
    patience_seconds: float = PATIENCE_SECONDS
    chance: random.Random | None = None
    """Chooses among wordings."""
    head: FoggyHead = field(default_factory=FoggyHead)
    """Answers when nobody thinks."""
    by_heart: Recordings = field(default_factory=NoRecordings)
    """Speaks when nobody speaks."""
