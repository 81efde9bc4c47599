"""What a bot process is made of, as far as its commands reach: values and owners, handed in whole."""

from dataclasses import dataclass
from typing import Protocol

import nextcord
from nextcord.abc import Messageable

from bot.active import ActiveTurns
from bot.consent import Consent
from bot.loop_lag import LoopLag
from bot.preferences import Preferences
from bot.turns import Turns, Who
from config.settings import Settings

type SpokenChannel = nextcord.VoiceChannel | nextcord.StageChannel


class Room(Protocol):
    """A voice channel that she is in."""

    @property
    def channel(self) -> SpokenChannel: ...

    @property
    def written_in(self) -> Messageable | None:
        """Where she was called."""

    async def say(self, who: Who, text: str) -> object:
        """Say ``text`` aloud. Returns once it is on its way. Raises NotSent."""

    async def stop(self) -> bool:
        """Be quiet. False: she was."""


class Rooms(Protocol):
    """All voice channels that this process is in, one a server at most."""

    async def join(self, channel: SpokenChannel, announce_in: Messageable | None) -> Room:
        """Raises CannotJoin."""

    async def leave(self, guild_id: int) -> bool:
        """False: she was in none."""

    async def moved(self, guild_id: int) -> None:
        """Somebody dragged her into another channel. Raises nextcord.HTTPException when nobody could be told."""

    def of(self, guild_id: int) -> Room | None: ...


class Chat(Protocol):
    """What is written to her, or past her."""

    async def take(self, message: nextcord.Message) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    settings: Settings
    turns: Turns
    consent: Consent
    preferences: Preferences
    rooms: Rooms
    active: ActiveTurns
    chat: Chat
    lag: LoopLag
    started_at: float
    """Seconds since 1970."""
