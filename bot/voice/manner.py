"""How she answers in one server's voice channel: turns are sent with the voice and the language that were chosen."""

from bot.preferences import Preferences, ServerPreferences
from bot.turns import LiveTurn, Turns, Who


class Manner:
    """One room's. A ``Hearer`` (bot/voice/listening.py). One event loop."""

    def __init__(self, turns: Turns, preferences: Preferences, guild_id: int) -> None:
        self.server = ServerPreferences()
        """As last read."""
        self._turns = turns
        self._preferences = preferences
        self._guild_id = guild_id

    async def refresh(self) -> None:
        self.server = await self._preferences.of_server(self._guild_id)

    async def language_for(self, user_id: int | None) -> str:
        """A person's own choice before the server's; empty: none was made."""
        chosen = None if user_id is None else await self._preferences.language_of(user_id)
        return chosen or self.server.language

    async def hear(self, who: Who, pcm: bytes, *, speculative: bool = False) -> LiveTurn:
        """Raises NotSent."""
        language = await self.language_for(int(who.id))
        return await self._turns.hear(who, pcm, speculative=speculative, voice=self.server.voice, language=language)

    async def read(self, who: Who, text: str) -> LiveTurn:
        """Answer a text aloud. Raises NotSent."""
        language = await self.language_for(int(who.id))
        return await self._turns.read(who, text, spoken=True, voice=self.server.voice, language=language)

    async def say(self, who: Who, text: str) -> LiveTurn:
        """Say the text itself. Raises NotSent."""
        return await self._turns.say(who, text, voice=self.server.voice)
