"""A server with a person and Priya's text chat in it: the real nextcord client on the simulated Discord, real Redis,
and workers that the test plays."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.active import ActiveTurns
from bot.client import Priya
from bot.foggy_head import FoggyHead
from bot.preferences import Preferences
from bot.text.chat import Chat
from bot.text.interrupting import SpeakingRoom
from bot.text.rate_limits import keep_channels_apart
from bot.turns import Turns
from config.emergency import emergency
from config.phrases import Language, phrases
from tests.discord.channel import Channel
from tests.discord.events import MessageEdited, MessagePosted
from tests.discord.home import Home
from tests.discord.message import Message
from tests.discord.people.person import Person
from tests.discord.simulator import DiscordSimulator
from tests.discord.stock import nextcord, running
from tests.fakes.played_workers import PlayedWorkers


@dataclass
class OneRoom:
    """The voice channels that she is in: none, or one."""

    room: SpeakingRoom | None = None

    def of(self, guild_id: int) -> SpeakingRoom | None:
        return self.room


@dataclass
class Reader:
    """Her chat, which a test may exchange."""

    chat: Chat | None = None

    async def take(self, message: nextcord.Message) -> None:
        assert self.chat is not None
        await self.chat.take(message)


async def begin(_priya: Priya) -> None:
    """Nothing is to be begun."""


@dataclass
class Place:
    """A server with Asha and Priya in it, and the workers behind her."""

    discord: DiscordSimulator
    home: Home
    general: Channel
    asha: Person
    client: Priya
    reader: Reader
    workers: PlayedWorkers
    turns: Turns
    active: ActiveTurns = field(default_factory=lambda: ActiveTurns(10))
    rooms: OneRoom = field(default_factory=OneRoom)
    head: FoggyHead = field(default_factory=FoggyHead)
    agreed: set[int] = field(default_factory=set)
    """To be heard."""
    clock: Callable[[], float] = time.monotonic

    def her_user(self) -> nextcord.ClientUser:
        assert self.client.user is not None
        return self.client.user

    def let_her_read(self) -> None:
        """Messages reach a chat that is made of what stands here now."""
        preferences = Preferences(self.turns.dispatcher.redis)
        self.reader.chat = Chat(
            *(self.turns, preferences, self.rooms, self.active, self.her_user),
            has_agreed=self.agreed.__contains__,
            clock=self.clock,
            head=self.head,
        )

    @property
    def her(self) -> str:
        return f"<@{self.discord.world.bot.id}>"

    async def ask(self, text: str = "how are you") -> Message:
        return await self.asha.write(self.general, f"{self.her} {text}")

    def by_her(self) -> list[MessagePosted]:
        """All that she has posted."""
        return self.discord.journal.all(MessagePosted, lambda event: event.author_id == self.discord.world.bot.id)

    async def final(self, text: str) -> None:
        """Until a message of hers reads ``text``, be it posted so or edited."""
        bot, journal = self.discord.world.bot.id, self.discord.journal
        looks = [
            asyncio.create_task(journal.first(MessageEdited, lambda event: event.content == text)),
            asyncio.create_task(self.discord.bot_wrote(lambda event: event.content == text)),
        ]
        done, pending = await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()
        messages = self.discord.world.messages.values()
        assert any(message.content == text for message in messages if message.author.id == bot)

    async def says(self, key: str, language: Language = "en", since: int = 0, **fields: object) -> MessagePosted:
        """Until she posts one of the wordings of ``key``."""
        wordings = all_wordings(key, language, **fields)
        return await self.discord.bot_wrote(lambda event: event.content in wordings, since=since)

    async def answers_without_thought(self, kind: str, language: Language = "en") -> MessagePosted:
        """Until she posts an emergency answer of this kind."""
        lines = next(row for row in emergency().kind if row.name == kind).of(language)
        return await self.discord.bot_wrote(lambda event: event.content in lines)

    async def finished(self) -> None:
        """Until she works on nothing. She takes nothing more afterwards."""
        assert await self.active.drain(15)


def all_wordings(key: str, language: Language = "en", **fields: object) -> set[str]:
    texts = phrases()
    if "stage" in fields:
        fields["stage"] = texts.stages[str(fields["stage"])].of(language)
    filled = [wording.format(**fields) for wording in texts.phrases[key].of(language)]
    return {text[:1].upper() + text[1:] for text in filled}


@asynccontextmanager
async def text_place(url: str, *, request_seconds: float = 20) -> AsyncIterator[Place]:
    """``url`` is of a Redis that no other worker listens to; it is emptied."""
    async with (
        DiscordSimulator(seed=7) as discord,
        PlayedWorkers(url) as workers,
        Turns(url, request_seconds=request_seconds) as turns,
    ):
        await turns.dispatcher.warm_up()
        home = discord.add_guild()
        general, asha = home.add_text_channel(), home.add_member("Asha")
        home.add_voice_channel()
        reader = Reader()
        priya = Priya(reader, begin)
        priya._connection.guild_ready_timeout = 0.05  # all its servers are there at once
        keep_channels_apart(priya.http)
        async with running(priya, discord):
            place = Place(discord, home, general, asha, priya, reader, workers, turns)
            place.let_her_read()
            yield place
            await place.active.drain(0)
