"""Text with Priya: which messages are hers, what she is asked in them, and what she does when she can't answer.

One event loop.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import nextcord
from loguru import logger

from bot.active import ActiveTurns, TooBusy
from bot.addressing import Addressing, Occasion
from bot.foggy_head import FoggyHead
from bot.preferences import Preferences
from bot.text.answering import Voice, write_answer
from bot.text.crowd import Writers
from bot.text.her_words import HerWords
from bot.text.interrupting import Effect, RoomLookup, SpeakingRoom, interrupt
from bot.text.posting import EditPace, Post
from bot.text.questions import LONGEST_TEXT, Question, question_of
from bot.text.voice_messages import NotHeard, fetch_speech
from bot.text.writing import NOBODY_RINGS, CannotWrite, paper_for
from bot.turns import LiveTurn, Turns, Who
from config.phrases import LANGUAGES, guess_language
from tasks.dispatch import NotSent

REMEMBERED: Final = 2_000
"""Messages and channels that are kept in mind. The gateway may bring a message again after a resume."""
MANY: Final = 1_000
"""People of a server that doesn't say how many it has."""
OF_A_SERVER_SECONDS: Final = 86_400.0
"""Who wrote in a server within this time is one of its people, whatever Discord counted when she came."""
IN_A_CHAT_SECONDS: Final = 600.0
"""Who wrote in a voice channel's chat within this time may be meant there, without sitting in it."""
BUSY_SECONDS: Final = 5
"""When to try again, as she says it to somebody for whom there was no place."""
MOST_OF_ONE_PERSON: Final = 3
"""Typed turns of one person at a time, so that nobody's flood takes all places."""
TELL_AGAIN_SECONDS: Final = 600.0
"""She tells a person no sooner than this again that she may not write in a channel."""


@dataclass(slots=True)
class Corner:
    """What is remembered about one channel."""

    addressing: Addressing = field(default_factory=Addressing)
    pace: EditPace = field(default_factory=EditPace)
    writers: Writers = field(default_factory=Writers)
    told_at: dict[int, float] = field(default_factory=dict)
    """When each person was told that she may not write here."""
    refused_at: dict[int, float] = field(default_factory=dict)
    """When each person was told that it was too much."""
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Messages are read in the order in which they came, however they are answered then."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A message that is hers to answer."""

    message: nextcord.Message
    question: Question
    who: Who
    corner: Corner
    addressing: Addressing
    """Of the channel; a voice channel's chat shares that of what is said there."""
    ended: SpeakingRoom | None
    """Where it ended what she said aloud."""
    voice: Voice
    """How she says a thing herself in the language of this person."""
    language: str
    """Of the answer, when somebody chose one; else empty."""


class Chat:
    """One per process. ``take`` every message that is no command."""

    def __init__(
        self,
        turns: Turns,
        preferences: Preferences,
        rooms: RoomLookup,
        active: ActiveTurns,
        bot_user: Callable[[], nextcord.ClientUser],
        has_agreed: Callable[[int], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
        head: FoggyHead | None = None,
    ) -> None:
        self._turns = turns
        self._preferences = preferences
        self._rooms = rooms
        self._active = active
        self._bot_user = bot_user
        self._has_agreed = has_agreed
        self._clock = clock
        self._chance = chance
        self._head = head or FoggyHead(chance)
        self._corners = Remembered(Corner)
        self._writers_of = Remembered(Writers)
        """Of small servers, by the server's id."""
        self._seen = Remembered(bool)
        self._turns_of: Counter[int] = Counter()

    async def take(self, message: nextcord.Message) -> None:
        """Answer ``message`` if it is for her. Returns when that is done; never raises, but for cancellation."""
        if _is_from_nobody(message) or _is_from_nowhere(message) or message.id in self._seen:
            return
        self._seen.of(message.id)
        try:
            corner = self._corners.of(message.channel.id)
            async with corner.reading:
                asking = await self._asking(message, corner)
            if asking is not None:
                await self._answer(asking)
        except Exception as error:  # noqa: BLE001  # whatever it was, a person waits for a word
            logger.bind(success=False).opt(exception=error).error("A message was not answered")

    async def _asking(self, message: nextcord.Message, corner: Corner) -> Asking | None:
        """None when it is not for her."""
        question = question_of(message, self._bot_user())
        if question.is_nothing and message.guild is not None:
            return None
        guild_id = message.guild.id if message.guild else None
        server = await self._preferences.of_server(guild_id)
        room = self._rooms.of(guild_id) if guild_id is not None else None
        is_in_chat = room is not None and room.channel.id == message.channel.id
        addressing = room.addressing if room is not None and is_in_chat else corner.addressing
        occasion = Occasion(
            question.text,
            message.author.id,
            self._clock(),
            listeners=self._listeners(message, corner, room if is_in_chat else None),
            is_direct=message.guild is None,
            mentions_her=question.mentions_her,
            replies_to_her=question.replies_to_her,
            means_another=question.means_another,
            is_typed=True,
        )
        is_hers = addressing.is_addressed(occasion, server.answers)
        effect = Effect.NONE
        if room is not None:
            means_another = question.means_another
            effect = await interrupt(room, message, question.text, is_hers=is_hers, means_another=means_another)
        is_hers |= effect is Effect.ENDED_HER and server.answers != "never"
        if effect is Effect.WAS_ALL or not is_hers:
            return None
        if question.recording is not None and server.answers == "always" and not self._may_hear(message, question):
            return None  # it may be for anybody
        chosen = await self._preferences.language_of(message.author.id) or server.language
        language = next((name for name in LANGUAGES if name == chosen), None)
        spoken = language or guess_language(question.text) or "en"
        who = who_wrote(message)
        voice = HerWords(who.conversation, spoken, language, self._head, self._chance)
        ended = room if effect is Effect.ENDED_HER else None
        return Asking(message, question, who, corner, addressing, ended, voice, language or "")

    def _listeners(self, message: nextcord.Message, corner: Corner, room: SpeakingRoom | None) -> int:
        """How many people may be meant, ``room`` being the one whose chat this is. A text channel's members aren't
        known without a privileged intent: all of the server's count, other bots too."""
        if message.guild is None:
            return 1
        now = self._clock()
        if room is not None:
            corner.writers.wrote(message.author.id, now)
            return room.people + len(corner.writers.since(now - IN_A_CHAT_SECONDS) - room.channel.voice_states.keys())
        counted = (message.guild.member_count or MANY) - 1
        if counted > 1:
            return counted
        writers = self._writers_of.of(message.guild.id)
        writers.wrote(message.author.id, now)
        return len(writers.since(now - OF_A_SERVER_SECONDS))

    def _may_hear(self, message: nextcord.Message, question: Question) -> bool:
        """A recording is heard of whoever agreed, or sent it to her and nobody else."""
        is_for_her = message.guild is None or question.mentions_her or question.replies_to_her
        return is_for_her or self._has_agreed(message.author.id)

    async def _answer(self, asking: Asking) -> None:
        """Answer, or say why not."""
        try:
            if not may_write(asking.message, self._bot_user()):
                raise CannotWrite("forbidden", "the channel's permissions say so")
            if len(asking.question.text) > LONGEST_TEXT:
                await self._say(asking, asking.voice("too_long"))
            elif not (asking.question.text or asking.question.recording or asking.question.mentions_her):
                await self._say(asking, asking.voice("attachment_refused"))
            elif asking.question.recording and not self._may_hear(asking.message, asking.question):
                await self._say(asking, asking.voice("recording_without_consent"))
            else:
                await self._work(asking)
        except CannotWrite as error:
            await self._tell_otherwise(asking, error)

    async def _work(self, asking: Asking) -> None:
        """Raises CannotWrite."""
        excuse: str | None = None
        try:
            with self._one_of_few(asking.message.author.id), asking.addressing.answering(asking.message.author.id):
                async with self._active.turn() as outcome:
                    outcome.has_failed = not await self._answer_turn(asking)
        except TooBusy:
            excuse = self._refusal(asking)
        except NotSent as error:
            logger.bind(success=False).warning("A message found no way to the workers: {}", error)
            text = asking.question.text
            excuse = asking.voice.without_thought(text) if text else asking.voice("not_sent")
        except NotHeard as error:
            logger.bind(success=False).warning("A voice message was not heard: {}", error)
            keys = {"too-long": "too_long", "unreadable": "attachment_refused", "unreachable": "nothing_heard"}
            excuse = asking.voice(keys[error.trouble])
        except CannotWrite:
            raise
        except Exception as error:  # noqa: BLE001  # said in words, never as a trace
            logger.bind(success=False).opt(exception=error).error("A message was not answered")
            excuse = asking.voice("error")
        if excuse is not None:
            await self._say(asking, excuse)

    @contextlib.contextmanager
    def _one_of_few(self, person_id: int) -> Iterator[None]:
        """Raises TooBusy when this person has enough turns already."""
        if self._turns_of[person_id] >= MOST_OF_ONE_PERSON:
            raise TooBusy
        self._turns_of[person_id] += 1
        try:
            yield
        finally:
            self._turns_of[person_id] -= 1
            self._turns_of += Counter()  # drops the zeros

    def _refusal(self, asking: Asking) -> str | None:
        """Not for every message of a flood."""
        now, refused_at, person = self._clock(), asking.corner.refused_at, asking.message.author.id
        if person in refused_at and now - refused_at[person] < BUSY_SECONDS:
            return None
        refused_at[person] = now
        return asking.voice("cooldown", seconds=BUSY_SECONDS)

    async def _answer_turn(self, asking: Asking) -> bool:
        """Whether it was answered. Raises NotSent, NotHeard, CannotWrite."""
        began_at = self._clock()
        has_begun = asyncio.Event()
        typing = asyncio.create_task(seem_to_write(asking.message.channel, has_begun), name="typing")
        try:
            live = await self._open(asking)
            intro = asking.voice("attachment_refused") if asking.question.has_other_attachments else ""
            async with Post(paper_for(asking.message), live.turn.id, asking.corner.pace, has_begun) as post:
                is_answered = await write_answer(live, post, asking.voice, intro, asking.question.text)
        finally:
            typing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await typing
        asking.addressing.answered(asking.message.author.id, self._clock())
        took = self._clock() - began_at
        logger.bind(turn=live.turn.id, success=is_answered).info("A typed answer took {:.2f} s", took)
        return is_answered

    async def _open(self, asking: Asking) -> LiveTurn:
        """Raises NotSent, NotHeard."""
        if asking.ended is not None:  # the prompt has what was heard of her answer, not what was written
            await asking.ended.history_settled()
        if asking.question.recording is not None:
            pcm = await fetch_speech(asking.question.recording)
            return await self._turns.hear(asking.who, pcm, spoken=False, language=asking.language)
        text = asking.question.text or f"{self._bot_user().display_name}?"
        return await self._turns.read(asking.who, text, spoken=False, language=asking.language)

    async def _say(self, asking: Asking, text: str) -> None:
        """A word of her own, once for each message. Raises CannotWrite."""
        await paper_for(asking.message).post(text, nonce=str(asking.message.id))
        asking.addressing.answered(asking.message.author.id, self._clock())

    async def _tell_otherwise(self, asking: Asking, error: CannotWrite) -> None:
        """She can't write there: who meant her learns it directly, now and then."""
        logger.bind(success=False).warning("Not written in channel {}: {}", asking.message.channel.id, error)
        told_at, person = asking.corner.told_at, asking.message.author
        is_told = person.id in told_at and self._clock() - told_at[person.id] < TELL_AGAIN_SECONDS
        meant_her = asking.question.mentions_her or asking.question.replies_to_her
        if error.reason != "forbidden" or asking.message.guild is None or is_told or not meant_her:
            return
        told_at[person.id] = self._clock()
        try:
            await person.send(asking.voice("cannot_write"), allowed_mentions=NOBODY_RINGS)
        except nextcord.HTTPException as refusal:
            logger.bind(success=False).warning("Nor directly: {}", refusal)


class Remembered[Value]:
    """Something for each of the ids that were asked for last."""

    def __init__(self, make: Callable[[], Value], most: int = REMEMBERED) -> None:
        self._make = make
        self._most = most
        self._values: OrderedDict[int, Value] = OrderedDict()

    def __contains__(self, id_: int) -> bool:
        return id_ in self._values

    def of(self, id_: int) -> Value:
        value = self._values.pop(id_) if id_ in self._values else self._make()
        self._values[id_] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


def who_wrote(message: nextcord.Message) -> Who:
    """A voice channel and its chat are one conversation, and so are all direct messages with one person."""
    author = message.author
    place = f"discord:{message.channel.id}" if message.guild else f"discord:dm:{author.id}"
    return Who(str(author.id), author.display_name, place)


def may_write(message: nextcord.Message, her: nextcord.ClientUser) -> bool:
    """By what the gateway told; Discord has the last word."""
    channel = message.channel
    herself = message.guild.get_member(her.id) if message.guild else None
    if herself is None or not isinstance(channel, nextcord.abc.GuildChannel | nextcord.Thread):
        return True
    try:
        allowed = channel.permissions_for(herself)
    except nextcord.ClientException:  # a post in a kind of forum that nextcord doesn't know
        return True
    return allowed.send_messages_in_threads if isinstance(channel, nextcord.Thread) else allowed.send_messages


async def seem_to_write(channel: nextcord.abc.Messageable, until: asyncio.Event) -> None:
    """Discord shows that she writes. Where that can't be shown, nothing is lost: nextcord keeps quiet about it."""
    with channel.typing():
        await until.wait()


def _is_from_nobody(message: nextcord.Message) -> bool:
    """Bots, herself among them, webhooks, and what Discord itself writes."""
    return message.author.bot or message.webhook_id is not None or message.is_system()


def _is_from_nowhere(message: nextcord.Message) -> bool:
    """From a server that nextcord doesn't know: what is said there must not be taken for said between two."""
    return message.guild is None and not isinstance(message.channel, nextcord.DMChannel)
