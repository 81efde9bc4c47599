"""One speaker's sound becomes turns: carries out what the ears decide. Shared by Discord and the local room."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final, Protocol, Self

from loguru import logger

from bot.turns import LiveTurn, Who
from bot.voice.endpointing import Discarded, SpeechStarted
from bot.voice.hearing import AskTurn, CancelSpeculation, Commit, Hearing, HearingAction, StartSpeculation
from bot.voice.smart_turn import TurnJudge
from bot.voice.vad import Told
from tasks.dispatch import NotSent


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """An utterance that is over, and the turn that answers it; its transcript may be there already."""

    live: LiveTurn
    """Not committed to (``live.is_committed``) when the one who listens wants to know first what was said."""
    commit: Commit


class Hearer(Protocol):
    """Who sends utterances to be transcribed: ``Turns``, or somebody who adds to it how the answer is to be."""

    async def hear(self, who: Who, pcm: bytes, *, speculative: bool = False) -> LiveTurn:
        """Raises NotSent."""
        ...


class Audience(Protocol):
    """Who is told what the listener hears. Called on the event loop; must not block."""

    def speech_started(self, started: SpeechStarted) -> None: ...

    def turn_taken(self, spoken: SpokenTurn) -> None: ...

    def turn_not_sent(self, commit: Commit, cause: NotSent) -> None: ...


class Attention(Protocol):
    """Who decides about every utterance, and is told of it before it is over. On the event loop; must not block."""

    def may_commit(self) -> bool:
        """Whether the utterance that is over now is to be answered whatever it was. Else its turn is handed over
        uncommitted: it is transcribed, and waits."""
        ...

    def paused(self) -> None:
        """Somebody paused; what they said so far is on its way to be transcribed, however long that takes."""
        ...

    def speculated(self, pause_id: int, live: LiveTurn) -> None:
        """What somebody said before a pause is being transcribed. The same turn is taken later if that
        was all."""
        ...

    def went_on(self, pause_id: int) -> None:
        """It was not all: the speculation for this pause, sent or not, is void."""
        ...

    def discarded(self) -> None:
        """What had started was no speech."""
        ...


class Listener:
    """One speaker. Use as an async context manager; feed it on its event loop, which it never blocks.

    ``judge`` may be None: then ends are told by silence alone. Without ``attention`` every utterance is committed to.
    """

    def __init__(
        self,
        turns: Hearer,
        who: Who,
        hearing: Hearing,
        judge: TurnJudge | None,
        audience: Audience,
        attention: Attention | None = None,
    ) -> None:
        self._turns = turns
        self._who: Final = who
        self._hearing: Final = hearing
        self._judge = judge
        self._audience = audience
        self._attention = attention
        self._actions: asyncio.Queue[HearingAction] = asyncio.Queue()
        self._judging: set[asyncio.Task[None]] = set()
        self._carrying: asyncio.Task[None] | None = None
        self._speculation: tuple[int, LiveTurn] | None = None
        self._void_pause = 0
        """The newest pause that was not the end."""

    async def __aenter__(self) -> Self:
        self._carrying = asyncio.create_task(self._carry_out_for_ever(), name=f"listener-{self._who.id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (*self._judging, *([self._carrying] if self._carrying else [])):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._cancel_speculation()

    @property
    def is_open(self) -> bool:
        """Somebody speaks, or what was said is not yet on its way."""
        return self._hearing.is_open or bool(self._judging) or not self._actions.empty()

    def feed(self, pcm: bytes, told: Told | None = None) -> None:
        """16 kHz mono int16, of any length; ``told`` as ``Hearing`` has it."""
        self._decide(self._hearing.feed(pcm, told))

    def feed_silence(self, milliseconds: int, told: Told | None = None) -> None:
        self._decide(self._hearing.feed_silence(milliseconds, told))

    def flush(self) -> None:
        """No more will come."""
        self._decide(self._hearing.flush())

    async def settled(self) -> None:
        """Until the judge has answered and all that was decided so far is carried out."""
        while self._judging:
            await asyncio.gather(*self._judging)
        await self._actions.join()

    def _decide(self, actions: list[HearingAction]) -> None:
        for action in actions:
            match action:
                case AskTurn():
                    self._ask(action)
                case SpeechStarted():
                    self._audience.speech_started(action)
                case Discarded():
                    if self._attention is not None:
                        self._attention.discarded()
                case _:
                    self._tell(action)
                    self._actions.put_nowait(action)

    def _tell(self, action: HearingAction) -> None:
        """At once, however long it takes until it is carried out."""
        if isinstance(action, CancelSpeculation):
            self._void_pause = action.pause_id
        match action:
            case StartSpeculation() if self._attention is not None:
                self._attention.paused()
            case CancelSpeculation(pause_id) if self._attention is not None:
                self._attention.went_on(pause_id)

    def _ask(self, question: AskTurn) -> None:
        if self._judge is None:
            return
        task = asyncio.create_task(self._judge_turn(self._judge, question), name="judge-turn")
        self._judging.add(task)
        task.add_done_callback(self._judging.discard)

    async def _judge_turn(self, judge: TurnJudge, question: AskTurn) -> None:
        probability = await asyncio.to_thread(judge.probability, question.pcm)
        self._decide(self._hearing.verdict(question.pause_id, probability))

    async def _carry_out_for_ever(self) -> None:
        while True:
            action = await self._actions.get()
            try:
                await self._carry_out(action)
            except Exception as error:  # noqa: BLE001 - whatever it was, what this person says next is heard
                logger.bind(user_id=self._who.id, success=False).critical("The ears failed: {}", type(error).__name__)
            finally:
                self._actions.task_done()

    async def _carry_out(self, action: HearingAction) -> None:
        match action:
            case StartSpeculation(pause_id) if pause_id <= self._void_pause:
                pass  # they went on while it waited here
            case StartSpeculation(pause_id, pcm):
                # A speculation that could not be sent is sent at the commit.
                with contextlib.suppress(NotSent):
                    live = await self._turns.hear(self._who, pcm, speculative=True)
                    self._speculation = (pause_id, live)
                    if self._attention is not None:
                        self._attention.speculated(pause_id, live)
            case CancelSpeculation():
                await self._cancel_speculation()
            case Commit():
                await self._commit(action)

    async def _cancel_speculation(self) -> None:
        if self._speculation is not None:
            _, live = self._speculation
            self._speculation = None
            await live.cancel()

    async def _commit(self, commit: Commit) -> None:
        try:
            live = await self._committed(commit)
        except NotSent as cause:
            logger.bind(user_id=self._who.id, success=False).error("An utterance was not sent: {}", cause)
            self._audience.turn_not_sent(commit, cause)
        except Exception as error:
            self._audience.turn_not_sent(commit, NotSent(type(error).__name__))
            raise
        else:
            self._audience.turn_taken(SpokenTurn(live, commit))

    async def _committed(self, commit: Commit) -> LiveTurn:
        """The speculation's turn if it heard exactly this, else a new one. Raises NotSent."""
        may_commit = self._attention is None or self._attention.may_commit()
        if self._speculation is not None and self._speculation[0] == commit.pause_id:
            _, live = self._speculation
            self._speculation = None
            if may_commit:
                await _commit_or_cancel(live)
            return live
        await self._cancel_speculation()
        return await self._turns.hear(self._who, commit.pcm, speculative=not may_commit)


async def _commit_or_cancel(live: LiveTurn) -> None:
    """Nobody else knows of the turn: what is not committed to is not to be answered either. Raises NotSent."""
    try:
        await live.commit()
    except BaseException:
        await live.cancel()
        raise
