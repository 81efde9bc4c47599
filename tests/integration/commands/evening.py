"""An evening on a simulated Discord: the real nextcord client with every command, a real Valkey, rooms in memory."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from nextcord.ext import commands

from bot.client import prefixes
from bot.commands.adding import add_commands
from bot.parts import Parts
from config.phrases import Language, phrases
from tests.discord.channel import Channel, Overwrite
from tests.discord.events import InteractionAnswered, MessagePosted
from tests.discord.home import Home
from tests.discord.people.person import Person
from tests.discord.permissions import Permission
from tests.discord.rest.interactions import Interaction
from tests.discord.simulator import DiscordSimulator
from tests.discord.stock import all_intents
from tests.fakes.voice_rooms import FakeRoom, FakeRooms

DOORS = ("slash", "prefix")


@dataclass
class Evening:
    """Asha in #general and in a voice channel, and a bot with every command."""

    discord: DiscordSimulator
    home: Home
    general: Channel
    baithak: Channel
    asha: Person
    bot: commands.Bot
    parts: Parts
    rooms: FakeRooms

    async def orders(self, door: str, command: str, *, by: Person | None = None, **options: str) -> str:
        """What she answers to a command, used by either door."""
        person = by or self.asha
        if door == "slash":
            return await person.answer_to(await person.use(command, self.general, **options))
        return await self.writes(" ".join([f"!{command}", *options.values()]), by=person)

    async def writes(self, text: str, *, by: Person | None = None) -> str:
        """What she replies to a message."""
        message = await (by or self.asha).write(self.general, text)
        return (await self.discord.bot_wrote(replies_to(message.id))).content

    async def deny(self, person: Person, channel: Channel, denied: Permission) -> None:
        """Take permissions of somebody in one channel."""
        channel.overwrites[person.id] = Overwrite(deny=denied, is_member=True)
        await self.discord.gateway.dispatch("CHANNEL_UPDATE", channel.payload(), self.home.id)

    async def together(self) -> FakeRoom:
        """She sits with Asha."""
        await self.asha.join(self.baithak)
        await self.orders("prefix", "join")
        room = self.rooms.of(self.home.id)
        assert room is not None
        return room


def replies_to(message_id: int) -> Callable[[MessagePosted], bool]:
    return lambda posted: (posted.payload.get("message_reference") or {}).get("message_id") == str(message_id)


def says(key: str, language: Language = "en", **fields: object) -> set[str]:
    """Every wording of a phrase."""
    return {phrases().say(key, language, random.Random(seed), **fields) for seed in range(40)}


async def answer_of(evening: Evening, interaction: Interaction) -> InteractionAnswered:
    return await evening.discord.journal.first(
        InteractionAnswered, lambda event: event.interaction_id == interaction.id
    )


def made_bot(parts: Parts) -> commands.Bot:
    bot = commands.Bot(command_prefix=prefixes, intents=all_intents(), guild_ready_timeout=0.05)
    add_commands(bot, parts)
    return bot
