"""A turn as the asking process lives it: sent once, watched, sent again when it was lost, put in order, ended.

Knows nothing of Discord or of terminals, nor what Priya says about a failure.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Literal, Self

from loguru import logger
from redis.exceptions import RedisError

from bot.progress import LossWatch, Progress
from bot.replies import Inbox, ReplyReader
from config.audio import FRAME_MS, HEARD_RATE_HZ
from tasks.blobs import BlobError, unpack_packets
from tasks.dispatch import Dispatcher, NotSent, StageLoad
from tasks.messages import (
    Event,
    Heard,
    ReplyEnded,
    SaidText,
    Segment,
    SegmentBegun,
    Sentence,
    StageName,
    Turn,
    TurnDropped,
    TurnFailed,
    Words,
    Work,
)
from tasks.replies import reply_stream

LOOK_EVERY_SECONDS: Final = 0.25
"""How often a quiet turn is looked after."""
MISSING_AFTER_SECONDS: Final = 2.5
"""A stage without a worker for so long is called missing: above the presence's lifetime, within three seconds."""
SLOW_AFTER_SECONDS: Final = 3.0
FETCH_AGAIN_AFTER_SECONDS: Final = (0.1, 0.4, 1.0, 2.0)
"""A sentence that was spoken is there, though Redis may be starting anew just now."""


@dataclass(frozen=True, slots=True)
class Playable:
    """A segment whose turn to be heard has come, or a part of it: they are yielded in order, without gaps."""

    index: int
    packets: tuple[bytes, ...]
    """48 kHz Opus, 20 ms each; empty when the sentence has no sound or could not be spoken."""
    work: Work | None
    packets_before: int = 0
    """Of the same segment, yielded while it was not whole yet: these go on where those ended."""
    promised_ms: int = 0
    """Of the whole segment, as far as it was told."""

    @property
    def whole_ms(self) -> int:
        """How long the whole segment is. 0 where nothing of it was ever heard."""
        here = (self.packets_before + len(self.packets)) * FRAME_MS
        return max(here, self.promised_ms) if here else 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """The turn is late. ``missing``: no worker of the stage is alive; ``redis``: Redis does not answer."""

    stage: StageName
    reason: Literal["slow", "missing", "redis"]


@dataclass(frozen=True, slots=True)
class Who:
    """Who speaks, and in which conversation."""

    id: str
    name: str
    conversation: str


type Happening = Heard | Words | Sentence | Playable | ReplyEnded | TurnFailed | TurnDropped | Waiting


class LiveTurn:
    """One turn from its sending to its end. Made by ``Turns``; one event loop."""

    def __init__(self, turn: Turn, inbox: Inbox, turns: "Turns", clock: Callable[[], float] = time.monotonic) -> None:
        self.turn: Final = turn
        self.progress: Final = Progress(turn)
        self.is_committed = True
        self._is_cancelled = False
        self._noticed: set[Waiting] = set()
        self._losses: dict[StageName, LossWatch] = {}
        self._inbox = inbox
        self._turns = turns
        self._clock = clock
        self._next_to_play = 0
        self._begun_packets = 0
        """How many packets of segment ``_next_to_play`` were yielded."""
        self._tried_to_begin = -1
        """The segment whose beginning was fetched last."""
        self._progress_at = clock()

    async def commit(self) -> None:
        """The speaker has finished: a speculative turn may be answered. Raises NotSent."""
        self.is_committed = True
        self._progress_at = self._clock()
        await self._turns.dispatcher.commit(self.turn)

    async def cancel(self) -> None:
        """Stop it everywhere; its events are dropped from now on."""
        self._is_cancelled = True
        self._turns.reader.close(self.turn.id)
        await self._turns.dispatcher.cancel(self.turn.id)

    async def keep_heard(self, heard: str) -> None:
        """History keeps ``heard`` of the answer, whatever was written. Raises RedisError."""
        await self._turns.dispatcher.keep_heard(self.turn, heard)

    async def follow(self) -> AsyncIterator[Happening]:
        """Everything that happens, until the answer is whole, has failed, was dropped or is too late."""
        try:
            while not (self.progress.is_over or self._is_cancelled):
                try:
                    async with asyncio.timeout(LOOK_EVERY_SECONDS):
                        event = await self._inbox.get()
                except TimeoutError:
                    async for happening in self._look_after():
                        yield happening
                    continue
                self._progress_at = self._clock()
                async for happening in self._take(event):
                    yield happening
        finally:
            self._turns.reader.close(self.turn.id)

    async def _take(self, event: Event) -> AsyncIterator[Happening]:
        is_news = self.progress.absorb(event)
        if is_news and not isinstance(event, Segment | SegmentBegun):
            yield event
        async for playable in self._playable():
            yield playable

    async def _playable(self) -> AsyncIterator[Playable | TurnFailed]:
        """Every segment whose predecessors were all yielded, and the beginning of the one behind them."""
        while (index := self._next_to_play) in self.progress.segments:
            segment = self.progress.segments[index]
            playable = await self._fetch(index, segment)
            if segment is not None and playable is None:
                yield TurnFailed(self.turn, "synthesize", "lost", "its sound is gone", index)
            yield playable or Playable(index, (), None, self._begun_packets)
            self._next_to_play, self._begun_packets = index + 1, 0
        beginning = self.progress.beginnings.get(index)
        if beginning is not None and self._tried_to_begin != index:
            self._tried_to_begin = index
            begun = await self._fetch(index, beginning)
            if begun is not None and begun.packets:
                self._begun_packets = len(begun.packets)
                yield begun

    async def _fetch(self, index: int, segment: Segment | SegmentBegun | None) -> Playable | None:
        """What of it was not yielded; None when its sound can't be had. Of a sentence that was spoken anew, since its
        worker died between beginning and end, that is what follows: nothing is said twice."""
        if segment is None:
            beginning = self.progress.beginnings.get(index)
            return Playable(index, (), None, self._begun_packets, beginning.milliseconds if beginning else 0)
        # Of a beginning the whole is to come; a whole one is asked for until Redis is back.
        pauses = FETCH_AGAIN_AFTER_SECONDS if isinstance(segment, Segment) else ()
        for pause_seconds in (*pauses, None):
            try:
                packets = unpack_packets(await self._turns.dispatcher.sound(segment.audio_key))
                if segment.milliseconds and not packets:
                    raise BlobError("it is gone")
                break
            except (RedisError, BlobError) as error:
                if pause_seconds is None or isinstance(error, BlobError):
                    level = "ERROR" if pauses else "DEBUG"
                    logger.bind(turn=self.turn.id, success=False).log(
                        level, "Sentence {} has no sound: {}", index, error
                    )
                    return None
                await asyncio.sleep(pause_seconds)
        rest = packets[self._begun_packets :]
        return Playable(index, rest, segment.work, self._begun_packets, segment.milliseconds)

    async def _look_after(self) -> AsyncIterator[Happening]:
        """A quiet moment: is somebody at work on this, and if not, what is to be done?"""
        if time.time() > self.turn.deadline:
            late = TurnDropped(self.turn, (self.progress.awaited() or ["generate"])[0], "late")
            self.progress.absorb(late)
            yield late
            return
        for stage in self.progress.awaited():
            if stage == "generate" and not self.is_committed:
                continue
            try:
                load = await self._turns.dispatcher.load_of(stage)
            except RedisError:
                if self._quiet_seconds > MISSING_AFTER_SECONDS and (notice := self._notice(stage, "redis")):
                    yield notice
                continue
            quiet_seconds = self._quiet_seconds
            if not load.workers:
                if quiet_seconds > MISSING_AFTER_SECONDS and (notice := self._notice(stage, "missing")):
                    yield notice
                continue
            await self._send_again_if_lost(stage, load)
            if quiet_seconds > SLOW_AFTER_SECONDS and (notice := self._notice(stage, "slow")):
                yield notice

    @property
    def _quiet_seconds(self) -> float:
        """Now: asking Redis takes time."""
        return self._clock() - self._progress_at

    def _notice(self, stage: StageName, reason: Literal["slow", "missing", "redis"]) -> Waiting | None:
        """Each notice once a turn."""
        notice = Waiting(stage, reason)
        if notice in self._noticed:
            return None
        self._noticed.add(notice)
        return notice

    async def _send_again_if_lost(self, stage: StageName, load: StageLoad) -> None:
        if self._losses.setdefault(stage, LossWatch(self.turn.id)).is_lost(load):
            logger.bind(turn=self.turn.id, stage=stage, success=False).warning("Lost on its way, sent again")
            with contextlib.suppress(NotSent):
                await self._send_again(stage)

    async def _send_again(self, stage: StageName) -> None:
        send = self._turns.dispatcher.send
        if stage == "transcribe" and self.progress.utterance is not None:
            await send(self.progress.utterance)
        elif stage == "generate" and self.progress.said is not None:
            await send(self.progress.said)
        else:
            for sentence in self.progress.unspoken():
                await send(sentence)


class Turns:
    """All turns of this process. Use as an async context manager."""

    def __init__(self, url: str, *, request_seconds: float) -> None:
        self.dispatcher: Final = Dispatcher(url)
        self.reader: Final = ReplyReader(self.dispatcher.redis, reply_stream(uuid.uuid4().hex))
        self._request_seconds = request_seconds
        self._calling_back: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.dispatcher.__aenter__()
        await self.reader.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.reader.__aexit__()
        if self._calling_back:
            await asyncio.wait(self._calling_back)
        await self.dispatcher.__aexit__()

    async def hear(
        self,
        who: Who,
        pcm: bytes,
        *,
        speculative: bool = False,
        spoken: bool = True,
        voice: str = "",
        language: str = "",
    ) -> LiveTurn:
        """Send an utterance (16 kHz mono int16 PCM). ``spoken``, ``voice`` and ``language`` are the answer's: see
        ``Turn``. Raises NotSent."""
        live = self._open(who, spoken=spoken, voice=voice, language=language)
        live.is_committed = not speculative
        seconds = len(pcm) / 2 / HEARD_RATE_HZ
        async with self._ended_if_not_sent(live):
            live.progress.utterance = await self.dispatcher.transcribe(live.turn, pcm, seconds, speculative=speculative)
        return live

    async def read(self, who: Who, text: str, *, spoken: bool, voice: str = "", language: str = "") -> LiveTurn:
        """Send a typed text. ``voice`` and ``language`` are the answer's: see ``Turn``. Raises NotSent."""
        live = self._open(who, spoken=spoken, voice=voice, language=language)
        await self._send_text(live, text, verbatim=False)
        return live

    async def say(self, who: Who, text: str, voice: str = "") -> LiveTurn:
        """Let Priya say ``text`` itself: no model is asked, and no history knows of it. Raises NotSent."""
        live = self._open(who, spoken=True, voice=voice)
        await self._send_text(live, text, verbatim=True)
        return live

    async def _send_text(self, live: LiveTurn, text: str, *, verbatim: bool) -> None:
        live.progress.said = SaidText(live.turn, text, None, queued_at=time.time(), verbatim=verbatim)
        async with self._ended_if_not_sent(live):
            await self.dispatcher.send(live.progress.said)

    def _open(self, who: Who, *, spoken: bool, voice: str = "", language: str = "") -> LiveTurn:
        turn = Turn(
            id=uuid.uuid4().hex,
            reply_stream=self.reader.stream,
            conversation=who.conversation,
            speaker_id=who.id,
            speaker_name=who.name,
            deadline=time.time() + self._request_seconds,
            spoken=spoken,
            voice=voice,
            language=language,
        )
        return LiveTurn(turn, self.reader.open(turn.id), self)

    @contextlib.asynccontextmanager
    async def _ended_if_not_sent(self, live: LiveTurn) -> AsyncIterator[None]:
        """Who is cancelled while they send never learn of the turn, and it may be on its way; so may one that Redis did
        not take in time."""
        try:
            yield
        except NotSent:
            self.reader.close(live.turn.id)
            calling_back = asyncio.create_task(live.cancel(), name="not-sent")
            self._calling_back.add(calling_back)
            calling_back.add_done_callback(self._calling_back.discard)
            raise
        except BaseException:
            await live.cancel()
            raise
