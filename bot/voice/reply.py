"""One answer in a voice channel: from the words that asked for it to its last sound. One event loop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from loguru import logger
from redis.exceptions import RedisError

from bot.replies import Inbox
from bot.turns import Happening, LiveTurn, Playable, Turns, Who
from bot.voice.heard_part import heard_part
from bot.voice.playback import Player, Speech
from tasks.dispatch import NotSent
from tasks.messages import Heard, ReplyEnded, Sentence, TurnDropped, TurnFailed

LAST_WORD_SECONDS: Final = 5.0
"""How long generate may take to notice that it was cancelled; after that history is corrected all the same."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Sound that needs no turn."""

    packets: tuple[bytes, ...]


type Opening = Callable[[], Awaitable[LiveTurn]]
"""Sends a turn. Raises NotSent."""


class ReplyWatcher(Protocol):
    """Who decides about replies. On the event loop; must not block."""

    def reply_heard(self, reply: "Reply") -> None:
        """What was said is known: ``reply.said``."""

    def reply_sounds(self, reply: "Reply") -> None:
        """The first sound is there."""

    def reply_troubled(self, reply: "Reply", trouble: Happening | NotSent) -> None:
        """Something went wrong, or is late."""

    def reply_whole(self, reply: "Reply") -> None:
        """No more will come."""


class Reply:
    """``source`` is its turn, what makes it, or sound that is there; ``user_id`` is whom it answers."""

    def __init__(
        self,
        who: Who,
        user_id: int | None,
        source: LiveTurn | Opening | Recorded,
        turns: Turns,
        watcher: ReplyWatcher,
        *,
        is_wanted: bool = False,
        is_excuse: bool = False,
    ) -> None:
        self.who: Final = who
        self.user_id: Final = user_id
        self.is_wanted = is_wanted or is_excuse
        """It was decided that this is answered."""
        self.is_excuse: Final = is_excuse
        """It says that another one failed: if it fails too, nothing more is said."""
        self.is_taken = self.is_wanted
        """All was said that it answers."""
        self.said: str | None = None
        """What was said, once it is transcribed."""
        self.text = ""
        """The whole answer, once it is written."""
        self.speech: Speech | None = None
        self.has_failed = False
        self.is_excused = False
        """It was said that it failed."""
        self.is_whole = False
        self.is_over = asyncio.Event()
        """It was said to its end, or given up."""
        self.live: LiveTurn | None = None
        self._turns = turns
        self._watcher = watcher
        self._sentences: dict[int, str] = {}
        self._whole_ms: dict[int, int] = {}
        self._mute: set[int] = set()
        """Sentences that could not be spoken."""
        self._waiting: list[Playable] = []
        self._following = asyncio.create_task(self._follow(source), name="voice-reply")

    @property
    def has_sound(self) -> bool:
        return any(self._whole_ms.values())

    @property
    def turn_id(self) -> str:
        return self.live.turn.id if self.live else ""

    @property
    def unsaid(self) -> str:
        """What of the answer has no voice and should be read, once it is whole."""
        if not self.has_sound:
            return self.text
        return " ".join(text for index, text in sorted(self._sentences.items()) if index in self._mute)

    @property
    def heard(self) -> str:
        """What people heard of it, so far."""
        if self.speech is None:
            return ""
        return heard_part(self._sentences, self._whole_ms, self.speech.sent_ms)

    @property
    def was_begun(self) -> bool:
        """Something of it was heard."""
        return self.speech is not None and any(self.speech.sent_ms.values())

    def say(self, player: Player) -> None:
        """Begin to be heard: what is there now, the rest as it comes."""
        self.speech = player.start(self.turn_id)
        for playable in self._waiting:
            self.speech.add(playable)
        self._waiting.clear()
        if self.is_whole:
            self.speech.finish()

    async def commit(self) -> None:
        """Have it answered. Raises NotSent."""
        if self.live is not None and not self.live.is_committed:
            await self.live.commit()

    async def abandon(self) -> None:
        """Nothing of it was heard or will be: stop it everywhere."""
        self.is_over.set()
        await self._stop_following()
        if self.live is not None:
            await self.live.cancel()

    async def cut_short(self) -> None:
        """Stop it everywhere, and let history keep what was heard of it.

        generate writes its history when it notices, and says so afterwards: only then can the answer be cut down, else
        it would be written over."""
        heard = self.heard
        self.is_over.set()
        await self._stop_following()
        live = self.live
        if live is None:
            return
        is_written = live.progress.ended is not None
        last_words = self._turns.reader.open(live.turn.id)
        try:
            await self._turns.dispatcher.cancel(live.turn.id)
            if not is_written:
                await _generate_has_ended(last_words)
            await self._turns.dispatcher.keep_heard(live.turn, heard)
        except RedisError as error:
            logger.bind(turn=live.turn.id, success=False).warning("History keeps more than was heard: {}", error)
        finally:
            self._turns.reader.close(live.turn.id)

    async def _stop_following(self) -> None:
        if self._following is asyncio.current_task():
            return
        self._following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._following

    async def _follow(self, source: LiveTurn | Opening | Recorded) -> None:
        try:
            if isinstance(source, Recorded):
                self._play(Playable(0, source.packets, None))
            else:
                self.live = live = source if isinstance(source, LiveTurn) else await source()
                with logger.contextualize(turn=live.turn.id, user_id=self.who.id):
                    async for happening in live.follow():
                        self._take(happening)
        except NotSent as cause:
            self._fail(cause)
        except Exception as error:  # noqa: BLE001 - whatever it was, the answers behind this one must not wait for ever
            self.has_failed = True
            logger.bind(success=False).critical("A reply could not be followed: {}", type(error).__name__)
        self.is_whole = True
        if self.speech is not None:
            self.speech.finish()
        self._watcher.reply_whole(self)

    def _take(self, happening: Happening) -> None:
        match happening:
            case Heard(text=text):
                self.said = text
                self._watcher.reply_heard(self)
            case Sentence(index=index, text=text):
                self._sentences[index] = text
            case Playable():
                self._play(happening)
            case ReplyEnded(text=text):
                self.text = text
            case TurnFailed(index=int(index)):
                self._mute.add(index)
            case TurnFailed() | TurnDropped(reason="late"):
                self._fail(happening)
            case TurnDropped():
                pass
            case _:
                self._watcher.reply_troubled(self, happening)

    def _fail(self, trouble: Happening | NotSent) -> None:
        self.has_failed = True
        self._watcher.reply_troubled(self, trouble)

    def _play(self, playable: Playable) -> None:
        had_sound = self.has_sound
        self._whole_ms[playable.index] = playable.whole_ms
        if self.speech is not None:
            self.speech.add(playable)
            return
        self._waiting.append(playable)
        if self.has_sound and not had_sound:
            self._watcher.reply_sounds(self)


async def _generate_has_ended(events: Inbox) -> None:
    """Its last event about the turn came, or it takes too long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORD_SECONDS):
            while True:
                event = await events.get()
                if isinstance(event, ReplyEnded):
                    return
                if isinstance(event, TurnDropped | TurnFailed) and event.stage == "generate":
                    return
