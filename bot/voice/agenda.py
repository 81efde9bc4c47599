"""What she has to say in one voice channel: one answer after the other, never two at once. Event loop only.

Whose turn it is to speak is ``Floor``'s to say (bot/voice/barge_in.py); what it decides about her mouth is done here.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from bot.voice.barge_in import Action, Floor, FloorEvent, Silent, Speaking, Thinking
from bot.voice.playback import Player, Speech
from bot.voice.reply import Reply

SETTLE_SECONDS: Final = 1.0
"""How long a new answer waits until history has what was heard of the one before; generate is still busy with that."""
ONE_QUESTION_SECONDS: Final = 3.0
"""Who was cut off by her answer and begins to speak no later than this goes on with the same question."""


class Agenda:
    """``player`` is where she is heard; ``answered`` is told of every reply that was said, whole or in part, and
    ``hushed`` of every one that was given up while it waited."""

    def __init__(
        self,
        player: Callable[[], Player | None],
        answered: Callable[[Reply], None],
        hushed: Callable[[Reply], None],
    ) -> None:
        self.floor: Final = Floor()
        self._player = player
        self._answered = answered
        self._hushed = hushed
        self._queue: deque[Reply] = deque()
        """In the order in which people had finished speaking. Those at the end may not be decided on yet."""
        self._current: Reply | None = None
        self._unheard: Reply | None = None
        self._unheard_at = 0.0
        self._was_heard_at = -math.inf
        self._is_closed = False
        self._background: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        """Of these, what cuts an answer short."""

    @property
    def current(self) -> Reply | None:
        """What she says, or is about to say."""
        return self._current

    @property
    def is_empty(self) -> bool:
        return self._current is None and not self._queue

    def tell(self, event: FloorEvent) -> list[Action]:
        """Something happened. Her mouth is seen to; what else is to be done comes back."""
        actions = self.floor.take(event)
        player = self._player()
        for action in actions:
            match action:
                case Action.PAUSE if player is not None:
                    player.pause()
                case Action.RESUME if player is not None:
                    player.resume()
                case Action.END:
                    self._unheard, self._unheard_at = self._end_current(), _now()
                case Action.HUSH:
                    self.hush()
        return actions

    def add(self, reply: Reply) -> None:
        """Its turn comes after all that are here."""
        if self._is_closed:
            self.spawn(reply.abandon())
        else:
            self._queue.append(reply)

    def put_first(self, reply: Reply) -> None:
        """Its turn comes next; before what she thinks of now, after what she says now."""
        if self._is_closed:
            self.spawn(reply.abandon())
            return
        if self._current is not None and self._current.speech is None:
            self._queue.appendleft(self._current)
            self._current = None
        self._queue.appendleft(reply)

    def put_in_place_of(self, old: Reply, new: Reply) -> bool:
        """Both are given up when the old one does not wait any more: False."""
        is_waiting = old in self._queue
        self._queue = deque(new if reply is old else reply for reply in self._queue)
        self.drop(old)
        if not is_waiting:
            self.drop(new)
        return is_waiting

    def drop(self, reply: Reply) -> None:
        """It is not to be said, or not to its end."""
        if reply is self._current:
            self._end_current()  # which sees to it that history keeps what was heard
            self.tell(Silent())
            return
        if reply in self._queue:
            self._queue.remove(reply)
        if not reply.is_over.is_set():
            self.spawn(reply.abandon())

    def hush(self) -> bool:
        """All of it is over. Whether there was anything."""
        waiting, self._queue = self._queue, deque()
        self._unheard = None
        ended = self._end_current()
        self.tell(Silent())
        for reply in waiting:
            self._hushed(reply)
            self.spawn(reply.abandon())
        return ended is not None or any(reply.is_wanted for reply in waiting)

    def close(self) -> None:
        """All of it is over, and so is whatever comes."""
        self._is_closed = True
        self.hush()

    def was_heard_within(self, seconds: float, at: float) -> bool:
        """Whether she was heard so shortly before ``at``, by the event loop's clock."""
        return at - self._was_heard_at < seconds

    def advance(self) -> None:
        """Go on with what is next, as far as that goes now."""
        while True:
            current = self._current = self._current or self._next()
            if current is None:
                if not self.floor.is_free:
                    self.tell(Silent())
                return
            if current.speech is not None:
                return
            if current.has_sound:
                self._say(current)
                return
            if not current.is_whole:
                return
            self._finish(current)  # not a sound came of it

    def spoken(self, speech: Speech) -> None:
        """The player is done with it, or was stopped by somebody else: she is leaving, and says nothing more."""
        current = self._current
        if current is None or current.speech is not speech:
            return
        if speech.is_said:
            self._finish(current)
            self.advance()
        else:
            self.hush()

    def take_unheard(self, user_id: int | None, began_at: float) -> Reply | None:
        """The answer to this person that was ended last, if not a sound of it was heard: they were not done asking.
        ``began_at`` is when they began to say the rest."""
        reply, self._unheard = self._unheard, None
        is_theirs = reply is not None and reply.user_id == user_id and not reply.was_begun
        return reply if is_theirs and began_at - self._unheard_at <= ONE_QUESTION_SECONDS else None

    def forget_unheard(self, user_id: int | None) -> None:
        """Their question was not gone on with."""
        if self._unheard is not None and self._unheard.user_id == user_id:
            self._unheard = None

    async def settled(self) -> None:
        """Until history keeps what was heard of everything that was ended, or that takes too long."""
        if self._ending:
            await asyncio.wait(self._ending, timeout=SETTLE_SECONDS)

    async def idle(self) -> None:
        """Until nothing is going on in the background any more. For the end."""
        while self._background:
            await asyncio.wait(self._background)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="agenda")
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def _next(self) -> Reply | None:
        """The first in the queue that is still wanted; none as long as the first is undecided."""
        while self._queue and self._queue[0].is_over.is_set():
            self._queue.popleft()
        if not self._queue or not self._queue[0].is_wanted:
            return None
        reply = self._queue.popleft()
        self._unheard = None
        self.tell(Thinking(reply.user_id))
        return reply

    def _say(self, reply: Reply) -> None:
        player = self._player()
        if player is None:
            return
        with player.changed:  # whoever is speaking now silences her before the first packet
            reply.say(player)
            self.tell(Speaking())

    def _finish(self, reply: Reply) -> None:
        self._current = None
        self._note_heard(reply)
        reply.is_over.set()
        self._answered(reply)

    def _end_current(self) -> Reply | None:
        reply, self._current = self._current, None
        if reply is None:
            return None
        player = self._player()
        if reply.speech is not None and player is not None:
            player.stop()
        self._note_heard(reply)
        if reply.was_begun:
            self._answered(reply)
        ending = self.spawn(reply.cut_short())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return reply

    def _note_heard(self, reply: Reply) -> None:
        if reply.was_begun:
            self._was_heard_at = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
