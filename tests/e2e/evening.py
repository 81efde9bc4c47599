"""Priya on a Discord: the real bot process and the real stack against the simulator, and people who talk with her."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from redis.asyncio import Redis

from tasks import keys
from tasks.messages import Heard, Message, Segment, Sentence, Words
from tests.bench.saying import Saying, Spoken
from tests.discord.channel import Channel
from tests.discord.events import CommandsRegistered, DaveExecuted
from tests.discord.home import Home as Guild
from tests.discord.people.person import Person
from tests.discord.simulator import DiscordSimulator
from tests.discord.voice.session import VoiceSession
from tests.running import RunningProcess
from workers.engines import Synthesizer

BOT: Final = [sys.executable, "-m", "bot"]
QUIET_SECONDS: Final = 2.0
"""After so much silence her answer is taken to be over: the next sentence is there sooner."""
ANSWER_SECONDS: Final = 60.0
"""Only a broken bot takes this long."""


class Surroundings(Protocol):
    """Where a stack is running."""

    def environment(self, **more: str) -> dict[str, str]:
        """Of a process that is to use this stack, with ``more`` in it."""
        ...


@dataclass(slots=True)
class ToldTurn:
    """What the workers told of one turn."""

    id: str
    heard: str = ""
    sentences: dict[int, str] = field(default_factory=dict)
    """What she wrote, by number."""
    lengths: dict[int, float] = field(default_factory=dict)
    """Seconds of sound of each sentence that was synthesized."""


def played(turns: Sequence[ToldTurn], seconds: float) -> list[str]:
    """The sentences that are over when the turns were played one after the other for so long."""
    over: list[str] = []
    for turn in turns:
        for index, length in sorted(turn.lengths.items()):
            seconds -= length
            if seconds >= 0:
                over.append(turn.sentences[index])
    return over


@dataclass(frozen=True, slots=True)
class Evening:
    """A guild with one text channel and two for voice, and the bot of this guild. Belongs to the simulator's loop."""

    discord: DiscordSimulator
    guild: Guild
    general: Channel
    room: Channel
    terrace: Channel
    asha: Person
    rohan: Person
    voice: Synthesizer
    redis: Redis
    bot: RunningProcess

    async def sit_down(self, *people: Person) -> VoiceSession:
        """People join the voice channel, bring Priya there, and agree to be heard."""
        for person in people:
            await person.join(self.room)
        mark = self.discord.journal.mark()
        await people[0].write(self.general, "!join")
        session = await self.discord.bot_connected_to_voice(since=mark)
        await self.sealed_call(since=mark)
        asked = await self.discord.bot_wrote(lambda posted: bool(posted.payload["components"]), since=mark)
        [button] = [part for row in asked.payload["components"] for part in row["components"]][:1]
        for person in people:
            pressed = await person.press(self.discord.message(asked.id), button["custom_id"])
            await person.answer_to(pressed)
        return session

    async def sealed_call(self, *, since: int) -> None:
        """Until she shares a DAVE group with those in her channel."""
        bot = self.guild.bot.id

        def is_shared(event: DaveExecuted) -> bool:
            return event.version == 1 and bot in event.members and len(event.members) > 1

        await self.discord.journal.first(DaveExecuted, is_shared, since=since)

    def saying(self, text: str) -> Saying:
        """Made ready: to synthesize it takes longer than she may speak before she is interrupted."""
        return Saying.by(self.voice, text)

    async def says(self, person: Person, words: str | Saying) -> Spoken:
        """Somebody says it. Returns when its last packet was sent."""
        return await (self.saying(words) if isinstance(words, str) else words).said_by(person)

    async def transcripts(self) -> list[str]:
        """What the workers heard, of all turns so far."""
        return [event.text for event in await self._events() if isinstance(event, Heard)]

    async def sentences(self) -> list[str]:
        """What she wrote, of all turns so far."""
        return [event.text for event in await self._events() if isinstance(event, Sentence)]

    async def turns(self) -> list[ToldTurn]:
        """All so far, in the order in which they were first told of."""
        turns: dict[str, ToldTurn] = {}
        for event in await self._events():
            told = turns.setdefault(event.turn.id, ToldTurn(event.turn.id))
            match event:
                case Heard():
                    told.heard = event.text
                case Sentence():
                    told.sentences[event.index] = event.text
                case Segment():
                    told.lengths[event.index] = event.milliseconds / 1000
        return list(turns.values())

    async def is_cancelled(self, turn: ToldTurn) -> bool:
        """Whether the bot said that nobody waits for it any more."""
        return bool(await self.redis.exists(keys.cancelled(turn.id)))

    async def words(self) -> str:
        """All that she wrote, as it came."""
        return "".join(event.text for event in await self._events() if isinstance(event, Words))

    async def _events(self) -> list[Message]:
        streams = [key async for key in self.redis.scan_iter("replies:*")]
        events: list[Message] = []
        for key in sorted(streams):
            entries: Any = await self.redis.xrange(key)
            events += [Message.from_json(fields[b"event"]) for _, fields in entries]
        return events


@asynccontextmanager
async def an_evening(
    home: Surroundings, voice: Synthesizer, redis: Redis, log: Path, seed: int, command: Sequence[str] = BOT
) -> AsyncIterator[Evening]:
    """The bot's process runs and is logged in. Another ``seed`` makes other people, channels and mishaps."""
    async with DiscordSimulator(seed) as discord:
        discord.voice.faults.requires_dave = True  # as Discord itself does
        guild = discord.add_guild()
        text, room, terrace = guild.add_text_channel(), guild.add_voice_channel(), guild.add_voice_channel("chhat")
        people = guild.add_member("Asha"), guild.add_member("Rohan")
        with RunningProcess([*command], log, home.environment(**discord.environment)) as bot:
            await discord.journal.first(CommandsRegistered, seconds=ANSWER_SECONDS)
            yield Evening(discord, guild, text, room, terrace, *people, voice, redis, bot)
