"""One person in a voice channel as she hears them: their listener, and what it tells the room. Event loop only."""

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from bot.turns import LiveTurn, Who
from bot.voice.endpointing import SpeechStarted
from bot.voice.hearing import Commit, Hearing
from bot.voice.listening import Hearer, Listener, SpokenTurn
from bot.voice.smart_turn import TurnJudge
from bot.voice.vad import Told
from tasks.dispatch import NotSent

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Talk:
    """What somebody says, from its first sound until it is over."""

    number: int
    """Unique in this process."""
    user_id: int
    who: Who
    began_at: float
    """Seconds of the event loop's clock."""


class TalkersRoom(Protocol):
    """Who decides about what people say. Must not block."""

    def talk_began(self, talk: Talk) -> None: ...

    def talk_paused(self, talk: Talk) -> None:
        """What was said so far may be all of it."""

    def talk_speculated(self, talk: Talk, live: LiveTurn) -> None:
        """What was said so far is being transcribed."""

    def talk_went_on(self, talk: Talk) -> None: ...

    def talk_ended(self, talk: Talk, live: LiveTurn) -> None:
        """``live.is_committed`` as ``may_commit`` had it."""

    def talk_lost(self, talk: Talk, cause: NotSent | None) -> None:
        """It was no speech, or could not be sent."""

    def may_commit(self, talk: Talk) -> bool:
        """Whether to answer what was said whatever it was."""
        ...


class Talker:
    """Made at the first sound of somebody; ``leave`` it. Is its listener's audience."""

    def __init__(
        self, user_id: int, who: Who, turns: Hearer, hearing: Hearing, judge: TurnJudge | None, room: TalkersRoom
    ) -> None:
        self.user_id: Final = user_id
        self.who: Final = who
        self._room = room
        self._listener = Listener(turns, who, hearing, judge, self, attention=self)
        self._talks: deque[Talk] = deque()
        """Those that are not over: the listener is done with them in this order, and only the last is being said."""
        self._void_pause = 0
        """The newest pause that was not the end."""
        self._unwanted: set[asyncio.Task[None]] = set()
        self._has_left = asyncio.Event()
        self._listening = asyncio.create_task(self._listen(), name=f"talker-{user_id}")

    def feed(self, pcm: bytes, told: Told | None = None) -> None:
        self._listener.feed(pcm, told)

    def feed_silence(self, milliseconds: int, told: Told | None = None) -> None:
        self._listener.feed_silence(milliseconds, told)

    def leave(self) -> tuple[Talk, ...]:
        """Nothing they said is kept from now on, and nothing more of it is told. What they were saying."""
        unfinished = tuple(self._talks)
        self._talks.clear()
        self._has_left.set()
        return unfinished

    async def left(self) -> None:
        """Until the listener is gone, and all that it had sent is called back."""
        await self._listening
        if self._unwanted:
            await asyncio.wait(self._unwanted)

    async def _listen(self) -> None:
        async with self._listener:
            await self._has_left.wait()

    # Audience and Attention

    def speech_started(self, started: SpeechStarted) -> None:
        if not self._has_left.is_set():
            now = asyncio.get_running_loop().time()
            self._talks.append(Talk(next(_numbers), self.user_id, self.who, now))
            self._room.talk_began(self._talks[-1])

    def paused(self) -> None:
        if self._talks:
            self._room.talk_paused(self._talks[-1])

    def speculated(self, pause_id: int, live: LiveTurn) -> None:
        if pause_id > self._void_pause and self._talks:
            self._room.talk_speculated(self._talks[0], live)

    def went_on(self, pause_id: int) -> None:
        self._void_pause = pause_id
        if self._talks:
            self._room.talk_went_on(self._talks[-1])

    def discarded(self) -> None:
        if self._talks:
            self._room.talk_lost(self._talks.pop(), None)

    def may_commit(self) -> bool:
        return bool(self._talks) and self._room.may_commit(self._talks[0])

    def turn_taken(self, spoken: SpokenTurn) -> None:
        if not self._talks:  # they have left, or may not be heard any more
            calling_back = asyncio.create_task(spoken.live.cancel(), name="unwanted-turn")
            self._unwanted.add(calling_back)
            calling_back.add_done_callback(self._unwanted.discard)
            return
        talk = self._talks.popleft()
        try:
            self._room.talk_ended(talk, spoken.live)
        except Exception:
            self._room.talk_lost(talk, None)  # else she would hold her tongue for it
            raise

    def turn_not_sent(self, commit: Commit, cause: NotSent) -> None:
        if self._talks:
            self._room.talk_lost(self._talks.popleft(), cause)
