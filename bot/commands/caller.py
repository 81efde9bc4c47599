"""Who uses a command, where, and what they are answered: the same for a slash and for a prefix."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import nextcord
from nextcord.abc import Messageable

from bot.announcing import consent_buttons, language_named, language_of_locale
from bot.parts import SpokenChannel
from bot.preferences import Preferences
from bot.turns import Who
from config.phrases import Language, guess_language, phrases

LONGEST_MESSAGE: Final = 2_000
"""Characters that Discord takes."""

type Person = nextcord.Member | nextcord.User


@dataclass(frozen=True, slots=True)
class Reply:
    """What is written back."""

    text: str
    has_consent_buttons: bool = False

    def view(self, language: Language) -> nextcord.ui.View | None:
        return consent_buttons(language) if self.has_consent_buttons else None


class Refused(Exception):
    """A command that can't be followed, and the phrase that says why."""

    def __init__(self, key: str, **fields: object) -> None:
        super().__init__(key)
        self.key: Final = key
        self.fields: Final = fields


@dataclass(frozen=True, slots=True)
class Caller:
    client: nextcord.Client
    person: Person
    guild: nextcord.Guild | None
    channel: Messageable | None
    """Where the command was used."""
    language: Language
    permissions: nextcord.Permissions
    """Of the person, where the command was used; Discord tells them with it, or they are those of the server."""

    def answer(self, key: str, **fields: object) -> Reply:
        return Reply(self.say(key, **fields))

    def say(self, key: str, **fields: object) -> str:
        return phrases().say(key, self.language, None, **fields)

    @property
    def server(self) -> nextcord.Guild:
        """Raises Refused in a direct message."""
        if self.guild is None:
            raise Refused("no_dm")
        return self.guild

    @property
    def voice_channel(self) -> SpokenChannel | None:
        """Where the person sits, if anywhere."""
        voice = self.person.voice if isinstance(self.person, nextcord.Member) else None
        channel = voice.channel if voice is not None else None
        return channel if isinstance(channel, nextcord.VoiceChannel | nextcord.StageChannel) else None

    def who(self, channel_id: int) -> Who:
        """As a turn in a channel names this person."""
        return Who(str(self.person.id), self.person.display_name, f"discord:{channel_id}")

    def require(self, permission: str, *, called: str) -> None:
        """Raises Refused when the person lacks a permission of the server. ``called``: its name in Discord's menus."""
        _ = self.server
        if not getattr(self.permissions, permission):
            raise Refused("missing_permission", permission=called)

    def require_voice(self, channel: SpokenChannel, *, speaks: bool) -> None:
        """Raises Refused when the person may not be in ``channel``, or, with ``speaks``, may not be heard there: what
        Discord doesn't let them do they can't do through her."""
        if not isinstance(self.person, nextcord.Member):
            raise Refused("no_dm")
        allowed, voice = channel.permissions_for(self.person), self.person.voice
        sits_there = voice is not None and voice.channel is not None and voice.channel.id == channel.id
        if not sits_there and not (allowed.view_channel and allowed.connect):
            raise Refused("missing_permission", permission="Connect")
        is_hushed = voice is not None and (voice.mute or voice.suppress)
        if speaks and (is_hushed or not (sits_there or allowed.speak)):
            raise Refused("missing_permission", permission="Speak")


type Body = Callable[[Caller], Awaitable[Reply]]
"""A command with its arguments given."""


def permissions_of(person: Person) -> nextcord.Permissions:
    """In the server."""
    return person.guild_permissions if isinstance(person, nextcord.Member) else nextcord.Permissions.none()


async def language_for(
    preferences: Preferences, person_id: int, *, text: str, guild: nextcord.Guild | None, locale: object
) -> Language:
    """What this person chose, else what they write, else what their server chose, else their app's language."""
    if chosen := await preferences.language_of(person_id):
        return chosen
    if guessed := guess_language(text):
        return guessed
    server = (await preferences.of_server(guild.id)).language if guild is not None else ""
    return language_named(server) or language_of_locale(locale)
